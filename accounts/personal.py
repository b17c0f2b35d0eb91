"""What is kept about persons: each table says for each column what for, on what ground, how long, who sees it.

Every room declares its tables when it starts (`held.py`, from AppConfig.ready). The page of the inventory, its file, a
person's own copy and the test that knows no undeclared column all read what was declared (PIPL Art. 17, 19, 45, 51).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import models

INTERNAL, SENSITIVE, HIGH = "内部", "敏感", "高敏"  # whatever says that somebody is a member is sensitive at least
CONSENT = "本人同意；敏感的单独同意（个人信息保护法第十三条第一项、第二十九条）"
ROLL = "党员组织关系管理；报到的以本人同意为准（个人信息保护法第十三条第一、三项）"
DUTY = "工作人员履行职责的记录，网络安全义务（个人信息保护法第五十一条，网络安全法第二十一条）"


@dataclass(frozen=True)
class Column:
    """One personal column. `mask` makes of it what is shown before anybody says what for.

    `copied` False: not in the person's own copy, since it is a key that says nothing, or somebody else's.
    """

    grade: str
    purpose: str = ""  # where it differs from the table's
    mask: Callable[[Any], str] | None = None
    copied: bool = True


@dataclass(frozen=True)
class Held:
    """One table. `plain`: its columns that say nothing about a person; `rows(person)`: its rows about this one."""

    model: type[models.Model]
    whose: str
    purpose: str
    basis: str
    retention: str
    columns: Mapping[str, Column]
    plain: frozenset[str] = frozenset()
    seen_with: tuple[str, ...] = ()  # permissions
    seen_by: str = ""  # in words, where no permission decides; neither: nobody sees it on a page
    leaves_by: tuple[str, ...] = ()  # what carries it out: exports, interfaces
    rows: Callable[[Any], Iterable[models.Model]] | None = None

    @property
    def title(self) -> str:
        return str(self.model._meta.verbose_name)

    def label(self, column: str) -> str:
        return str(self.model._meta.get_field(column).verbose_name)


_declared: dict[type[models.Model], Held] = {}
_of_no_person: dict[type[models.Model], str] = {}


def declare(*tables: Held) -> None:
    for one in tables:
        _declared[one.model] = one


def of_no_person(model: type[models.Model], why: str) -> None:
    """A table that looks as if it kept something about persons, and does not."""
    _of_no_person[model] = why


def declared() -> list[Held]:
    return sorted(_declared.values(), key=lambda one: one.model._meta.label)


def is_declared(model: type[models.Model]) -> bool:
    return model in _declared or model in _of_no_person


def staff_traces(model: type[models.Model]) -> list[str]:
    """Columns that name the member of staff who did something: the same everywhere, so that nobody declares them."""
    return [one.name for one in model._meta.concrete_fields if _is_staff(one)]


def _is_staff(column: models.Field) -> bool:
    return column.related_model is not None and column.related_model._meta.label == settings.AUTH_USER_MODEL


def undeclared(held: Held) -> set[str]:
    """Columns of a declared table that are neither personal nor plain."""
    own = {one.name for one in held.model._meta.concrete_fields if not isinstance(one, models.AutoField)}
    return own - set(staff_traces(held.model)) - set(held.columns) - held.plain
