"""What this room does about an erased person beside emptying their own rows; registered in members/erasure.py."""

from collections.abc import Sequence

from django.db.models import Q

from accounts.models import AuditEvent
from accounts.own_words import numbers_in
from members import identity
from members.models import Draft, Member, MemberCode, Pledge, Receipt, Registration, Transfer
from tables import taking
from tables.naming import forget_files_naming


def forget_rows(members: Sequence[Member], registrations: Sequence[Registration]) -> None:
    """Codes and pledges go, of transfers only who moved where by our own organizations stays; drafts of their forms."""
    mine = Q(member__in=[member.pk for member in members])
    MemberCode.objects.filter(mine).delete()
    Pledge.objects.filter(mine).delete()
    Transfer.objects.filter(mine).update(elsewhere="", number="", reason="")
    forms = Receipt.objects.filter(registration__in=registrations, is_joined=False)
    Draft.objects.filter(form_token__in=forms.values("form_token")).delete()


def forget_exports(members: Sequence[Member], registrations: Sequence[Registration]) -> None:
    """Kept files of lists of members in which their masked row stands; the audit of the file says who is on it."""
    mine = [member.pk for member in members]
    events = AuditEvent.objects.filter(
        act="members.member.export", subject_type="members.member", subjects__overlap=mine
    )
    taking.forget(export for export in events.values_list("detail__export", flat=True) if export)


def forget_files(members: Sequence[Member], registrations: Sequence[Registration]) -> None:
    """Uploads and files of wrong rows in which their phone or identity number stands, and what files were called after them:
    of somebody without either number too."""
    rows: list[Member | Registration] = [*members, *registrations]
    phones = {bytes(row.phone_index) for row in rows if row.phone_index}
    numbers = {bytes(row.id_number_index) for row in rows if row.id_number_index}

    def is_theirs(cell: str) -> bool:
        if len(cell) < 11 or not any(mark.isdecimal() for mark in cell):
            return False
        return any(is_number(text) for text in {cell, *numbers_in(cell)})  # a remark may name them too

    def is_number(text: str) -> bool:
        phone, number = identity.normalise_phone(text), identity.normalise_id(text)
        return (len(phone) == 11 and identity.phone_index(phone) in phones) or (
            len(number) == 18 and identity.id_number_index(number) in numbers
        )

    forget_files_naming(is_theirs if phones or numbers else None, {row.name for row in rows if row.name})
