"""The writes of this room; each is atomic and audited in its own transaction."""

from accounts.services.accounts import (
    AccountError,
    administrators_create,
    password_change,
    password_give,
    user_change,
    user_create,
)
from accounts.services.factors import (
    FactorError,
    authenticator_enable,
    authenticator_remove,
    code_check,
    locked_until,
    passkey_add,
    passkey_remove,
    passkey_use,
    recovery_codes_renew,
)
from accounts.services.identities import identity_bind, identity_unbind, identity_used
from accounts.services.measures import (
    MeasureError,
    account_disable,
    account_disable_idle,
    account_enable,
    accounts_disable_idle,
    factors_reset,
    lock_lift,
    measures_told,
)
from accounts.services.sessions import sessions_end, sessions_remove_old
from accounts.services.tokens import token_create, token_revoke

__all__ = [
    "AccountError", "FactorError", "MeasureError", "account_disable", "account_disable_idle", "account_enable",
    "accounts_disable_idle", "administrators_create", "authenticator_enable", "authenticator_remove", "code_check",
    "factors_reset", "identity_bind", "identity_unbind", "identity_used", "lock_lift", "locked_until", "measures_told",
    "passkey_add", "passkey_remove", "passkey_use", "password_change", "password_give", "recovery_codes_renew",
    "sessions_end", "sessions_remove_old", "token_create", "token_revoke", "user_change", "user_create",
]  # fmt: skip
