"""The writes about who a person is at the unified sign-in."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import OutsideIdentity, User
from accounts.services.factors import FactorError


@transaction.atomic
def identity_bind(*, user: User, issuer: str, subject: str, request=None) -> OutsideIdentity:
    """Raises FactorError when either side is bound already."""
    try:
        with transaction.atomic():
            row = OutsideIdentity.objects.create(user=user, issuer=issuer, subject=subject)
    except IntegrityError as error:
        one_each = "outsideidentity_one_each" in str(error)
        raise FactorError(
            "您已经绑定了一个统一认证账号，请先解除。" if one_each else "这个统一认证账号已经绑定在别的账号上。"
        ) from error
    audit.record("accounts.identity.bind", by=user, subjects=[row], request=request)
    return row


@transaction.atomic
def identity_unbind(*, user: User, by: User | None, request=None) -> bool:
    """False when there was none."""
    rows = list(user.identities.values_list("pk", flat=True))
    if rows:
        user.identities.all().delete()
        audit.record(
            "accounts.identity.unbind", by=by, subjects=rows, subject_type="accounts.outsideidentity", request=request
        )
    return bool(rows)


def identity_used(*, issuer: str, subject: str) -> User | None:
    """Whose it is, and note the use; None for nobody's and for an account that is switched off."""
    row = OutsideIdentity.objects.select_related("user").filter(issuer=issuer, subject=subject).first()
    if row is None or not row.is_whole or not row.user.may_enter:
        return None
    row.last_used_at = timezone.now()
    row.save(update_fields=["last_used_at"])
    return row.user
