"""Every constraint of this room's tables, broken on purpose."""

from datetime import date

import pytest
from django.db import IntegrityError, InternalError, ProgrammingError, connection, transaction

from orgs.models import Division, Organization, OrganizationChange, Posting
from tests import factories as make

pytestmark = pytest.mark.django_db


def refuses(name: str):
    return pytest.raises(IntegrityError, match=name)


def update(organization, **columns) -> None:
    with transaction.atomic():
        Organization.objects.filter(pk=organization.pk).change(**columns)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    ("who", "columns", "name"),
    [
        ("yuehai", {"parent": None}, "organization_only_city_has_no_parent"),
        ("yuehai", {"level": 4}, "organization_kind_fits_level"),
        ("yuehai", {"kind": "branch"}, "organization_kind_fits_level"),
        ("yuehai", {"guidance_station": None}, "organization_is_its_own_ancestor"),
        ("nanshan", {"district_committee": None}, "organization_is_its_own_ancestor"),
        ("yuehai", {"district_committee": None}, "organization_guidance_needs_district"),
        ("yuehai", {"district": None}, "organization_street_needs_district"),
        ("yuehai", {"extended_until": date(2026, 1, 1), "term_ends_on": date(2025, 1, 1)}, "extension_needs_document"),
        ("yuehai", {"extended_until": date(2026, 1, 1), "extension_document": "x"}, "extension_after_term"),
        ("yuehai", {"term_starts_on": date(2026, 1, 1), "term_ends_on": date(2026, 1, 1)}, "term_in_order"),
        ("yuehai", {"approved_on": date(2026, 1, 2), "closed_on": date(2026, 1, 1)}, "closed_after_approved"),
        ("yuehai", {"code": "SZ"}, "code"),
        ("yuehai", {"path": "0001"}, "path"),
    ],
)
def test_organization_refuses(city, who, columns, name):
    with refuses(name):
        update(city[who], **columns)


def test_two_children_of_one_parent_have_two_names(city):
    with refuses("organization_name_once_per_parent"):
        update(city.yuehai, name=city.shahe.name)


def test_an_organization_stands_where_its_guidance_station_stands(city):
    branch = make.make_branch(city.yuehai)
    with refuses("guidance_station_in_district_committee"):
        update(branch, district_committee=city.futian)


def test_a_street_lies_in_its_district(city):
    with refuses("street_in_district"):
        update(city.yuehai, district=city.divisions["futian"])


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"level": 2, "parent": None}, "division_only_city_has_no_parent"),
        ({"level": 2, "name": "南山区"}, "division_name_once_per_parent"),
        ({"level": 2, "code": "440300"}, "code"),
    ],
)
def test_division_refuses(city, columns, name):
    row = {"level": 2, "parent": city.divisions["city"], "code": "new", "name": "新区"} | columns
    with refuses(name), transaction.atomic():
        Division.objects.create(**row)


def test_a_posting_stands_at_exactly_one_unit(city):
    user = make.make_user()
    for place in ({}, {"organization": city.yuehai, "division": city.divisions["yuehai"]}):
        with refuses("posting_at_exactly_one_unit"), transaction.atomic():
            Posting.objects.create(user=user, role="officer", **place)


def test_a_posting_never_ends_before_it_starts(city):
    with refuses("posting_period_in_order"), transaction.atomic():
        Posting.objects.create(
            user=make.make_user(),
            role="officer",
            organization=city.yuehai,
            starts_on="2026-01-02",
            ends_on="2026-01-01",
        )


def test_one_open_posting_of_a_kind(city):
    user = make.make_user("officer", city.yuehai)
    with refuses("posting_once_while_open"), transaction.atomic():
        Posting.objects.create(user=user, role="officer", organization=city.yuehai)


def test_history_can_be_added_to_and_never_changed(city):
    line = city.yuehai.changes.get()
    for act in (lambda: line.delete(), lambda: OrganizationChange.objects.update(document="改")):
        with pytest.raises((ProgrammingError, InternalError), match="permission denied"), transaction.atomic():
            act()
