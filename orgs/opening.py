"""The postings of whoever is signed in, read together with their session (accounts/opening.py)."""

from collections.abc import Sequence
from typing import Any

from accounts.opening import Beside
from accounts.prepared import Columns
from orgs.models import Division, Organization, Posting

_POSTING, _ORGANIZATION, _DIVISION = Columns(Posting, "p"), Columns(Organization, "o"), Columns(Division, "d")
_ENDS = len(_POSTING), len(_POSTING) + len(_ORGANIZATION)


def _keep(user: Any, rows: list[Sequence]) -> None:
    """As `current_postings` would load them."""
    postings = []
    for row in rows:
        posting = _POSTING.instance(row[: _ENDS[0]])
        if posting is not None and posting.is_whole:
            posting.user = user
            posting.organization = _ORGANIZATION.instance(row[_ENDS[0] : _ENDS[1]])
            posting.division = _DIVISION.instance(row[_ENDS[1] :])
            postings.append(posting)
    user._current_postings = postings


POSTINGS = Beside(
    columns=f"{_POSTING.sql}, {_ORGANIZATION.sql}, {_DIVISION.sql}",
    joins="""
        LEFT JOIN orgs_posting p ON p.user_id = u.id AND p.starts_on <= $3::date AND (p.ends_on IS NULL OR p.ends_on > $3)
        LEFT JOIN orgs_organization o ON o.id = p.organization_id
        LEFT JOIN orgs_division d ON d.id = p.division_id""",
    order="o.level, d.level, p.id",
    keep=_keep,
)
