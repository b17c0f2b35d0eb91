from accounts.models.audit import AuditCheckpoint, AuditEvent, AuditSeal, CurrentTransaction
from accounts.models.factor import Authenticator, Passkey, RecoveryCode
from accounts.models.identity import OutsideIdentity
from accounts.models.index_key import IndexKey
from accounts.models.measure import AccountMeasure
from accounts.models.seen_rows import SeenRows
from accounts.models.session import Session
from accounts.models.token import ApiToken
from accounts.models.user import OldPassword, User, UserManager

__all__ = [
    "AccountMeasure", "ApiToken", "AuditCheckpoint", "AuditEvent", "AuditSeal", "Authenticator", "CurrentTransaction", "IndexKey",
    "OldPassword", "OutsideIdentity", "Passkey", "RecoveryCode", "SeenRows", "Session", "User", "UserManager",
]  # fmt: skip
