from datetime import date

import pytest

from orgs.kinds import Kind
from orgs.models import Organization
from orgs.services import TreeError, organization_close, organization_edit
from orgs.terms import add_months
from tests import factories as make

pytestmark = pytest.mark.django_db


def codes(queryset) -> set[str]:
    return {row.code for row in queryset}


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        (Kind.BRANCH, date(2027, 3, 1)),
        (Kind.GENERAL_BRANCH, date(2027, 3, 1)),
        (Kind.GRASSROOTS_COMMITTEE, date(2029, 3, 1)),
    ],
)
def test_the_end_of_a_term_follows_from_the_kind(city, kind, ends):
    assert make.make_branch(city.yuehai, kind=kind, term_starts_on=date(2024, 3, 1)).term_ends_on == ends


def test_a_village_branch_keeps_its_own_five_years(city):
    branch = make.make_branch(city.yuehai, term_starts_on=date(2024, 3, 1), term_ends_on=date(2029, 3, 1))
    assert branch.term_ends_on == date(2029, 3, 1)


def test_months_end_where_the_month_ends():
    assert add_months(date(2024, 2, 29), 36) == date(2027, 2, 28)
    assert add_months(date(2026, 11, 30), 3) == date(2027, 2, 28)
    assert add_months(date(2026, 12, 1), 12) == date(2027, 12, 1)


@pytest.mark.parametrize("kind", [Kind.TEMPORARY_BRANCH, Kind.FUNCTIONAL_BRANCH, Kind.ALLIANCE])
def test_an_appointed_body_has_no_term(city, kind):
    with pytest.raises(TreeError, match="没有任期"):
        make.make_branch(city.yuehai, kind=kind, term_starts_on=date(2024, 3, 1))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"extended_until": date(2028, 3, 2), "extension_document": "文号"}, "最长 12 个月，最晚到 2028-03-01"),
        ({"extended_until": date(2027, 9, 1)}, "批复文号"),
        ({"extended_until": date(2027, 3, 1), "extension_document": "文号"}, "晚于本届止"),
        ({"term_ends_on": date(2024, 3, 1)}, "晚于本届起"),
        (
            {
                "term_starts_on": None,
                "term_ends_on": None,
                "extended_until": date(2027, 9, 1),
                "extension_document": "x",
            },
            "要填本届止",
        ),
    ],
)
def test_an_extension_or_term_out_of_rule_is_refused(city, changes, says):
    branch = make.make_branch(city.yuehai, term_starts_on=date(2024, 3, 1))
    with pytest.raises(TreeError, match=says):
        organization_edit(organization=branch, by=None, **changes)


def test_twelve_months_with_a_document_are_allowed(city):
    branch = make.make_branch(city.yuehai, term_starts_on=date(2024, 3, 1))
    organization_edit(
        organization=branch, by=None, extended_until=date(2028, 3, 1), extension_document="深委〔2027〕3号"
    )
    assert Organization.objects.get(pk=branch.pk).extended_until == date(2028, 3, 1)


def test_overdue_and_ending_terms_honour_an_extension_and_leave_out_what_is_closed(city):
    day = date(2026, 9, 1)
    for code, end, extended in (
        ("past", date(2026, 8, 1), None),
        ("today", day, None),
        ("extended", date(2026, 8, 1), date(2026, 9, 20)),
        ("soon", date(2026, 9, 30), None),
        ("later", date(2027, 3, 1), None),
        ("closed", date(2026, 8, 1), None),
    ):
        document = "文号" if extended else ""
        make.make_branch(city.yuehai, code=code, term_ends_on=end, extended_until=extended, extension_document=document)
    organization_close(organization=Organization.objects.get(code="closed"), on=date(2026, 8, 15), by=None)
    assert codes(Organization.objects.terms_overdue(day)) == {"past", "today"}
    assert codes(Organization.objects.terms_ending(30, day)) == {"extended", "soon"}
    assert codes(Organization.objects.terms_ending(180, day)) == {"extended", "soon"}
    assert codes(Organization.objects.terms_ending(181, day)) == {"extended", "soon", "later"}
