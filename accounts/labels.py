"""安全标记 (GB/T 22239-2019 8.1.4.2 g): how sensitive what a right opens is, and how far an account is cleared.

The label of what is opened comes from the inventory (accounts/personal.py): the grade of the columns of its table. The label
of who opens it stands on the account and is set by the security administrator. A right without the label does nothing.
"""

from functools import cache

from django.db import models

from accounts.personal import HIGH, INTERNAL, SENSITIVE, declared

AS_SHOWN = frozenset({"view", "export"})  # what is of the highest grade is masked there, or left out
OF_FILES = {
    "members.import_roll": "members.Member",
    "members.import_lead": "members.Registration",
}  # no model's own name


class Clearance(models.IntegerChoices):
    """Of an account: what it may open, up to and with this grade."""

    INTERNAL = 1, INTERNAL
    SENSITIVE = 2, SENSITIVE
    HIGH = 3, HIGH


@cache
def label_of(permission: str) -> Clearance:
    """The grade of what a right opens. Persons with their masks are 敏感; to enter, verify or reveal them, who writes or sees
    the whole of an identity number or a phone, is 高敏."""
    app, _, codename = permission.partition(".")
    verb, _, noun = codename.partition("_")
    table = OF_FILES.get(permission, f"{app}.{noun}").lower()
    grades = {
        column.grade for held in declared() if held.model._meta.label_lower == table for column in held.columns.values()
    }
    if HIGH in grades and verb not in AS_SHOWN:
        return Clearance.HIGH
    return Clearance.SENSITIVE if grades & {HIGH, SENSITIVE} else Clearance.INTERNAL
