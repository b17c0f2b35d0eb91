"""What somebody writes in their own words and is kept: in the audit, which forgets nothing, or beside a row that outlives an
erasure. It stands there in clear, so nobody's number may be in it."""

import re
import unicodedata

from django import forms

_OF_A_PERSON = re.compile(
    r"(?<![0-9])(?:(?:86)?1[3-9][0-9]{9}"
    r"|[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X])(?![0-9A-Z])"
)


def names_a_person(text: str) -> bool:
    """Whether an identity number or a mobile phone stands in a text, however it is written. Stricter than what a preview of an
    import hides (tables/mapping.py, PERSONAL): this refuses, and a registration number of 15 digits is none."""
    return bool(numbers_in(text))


def numbers_in(text: str) -> set[str]:
    """The identity numbers and mobile phones (some behind 86) that stand in a text, in plain digits."""
    seen = (mark for mark in unicodedata.normalize("NFKC", text).upper() if unicodedata.category(mark) != "Cf")
    plain = "".join(seen)
    return {number for one in (plain, re.sub(r"[\s\-‐-―]", "", plain)) for number in _OF_A_PERSON.findall(one)}


def says_something(text: str) -> bool:
    """Neither blank nor dashes, nor marks that nobody sees."""
    return any(mark.isalnum() for mark in text)


class KeptWordsField(forms.CharField):
    """A purpose, a reason, a note."""

    def clean(self, value) -> str:
        words = super().clean(value)
        if self.required and not says_something(words):
            raise forms.ValidationError(self.error_messages["required"], code="required")
        if names_a_person(words):
            raise forms.ValidationError(
                "这里写的会长期保存，不能抹除：像有身份号码或手机号，请删去再提交。", code="person"
            )
        return words


class KeptWordsMixin:
    """For a page of the admin. `kept_words`: its columns of own words."""

    kept_words: tuple[str, ...] = ()

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if db_field.name in self.kept_words:
            kwargs["form_class"] = KeptWordsField
        return super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
