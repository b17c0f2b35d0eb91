"""Every constraint of the database, broken on purpose as the application's own role."""

from collections.abc import Callable

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from tests import constraint_cases as rows
from tests import factories as make
from tests.constraint_alarms import ALARMS
from tests.constraint_cases import GROUND, MARKETS, MEMBERS, ORGS, PLACES, Cases, changed, check_deferred
from tests.constraint_forms import FORMS
from tests.constraint_goals import GOALS
from tests.constraint_intake import INTAKE
from tests.constraint_printed import PRINTED
from tests.constraint_screens import SCREENS
from tests.constraint_self_check import SELF_CHECKS
from tests.constraint_told import TOLD
from tests.test_architecture import ORDER as ROOMS

# --- the ancestor columns, the same on every table that has them ------------------------------------------------------


def in_guidance_line(table: str, row_in: Callable) -> Cases:
    return {
        f"{table.split('_')[1]}_guidance_station_needs_district_committee": lambda city: changed(
            row_in(city), district_committee=None
        ),
        f"{table}_guidance_station_in_district_committee": lambda city: changed(
            row_in(city), {"district_committee": city.futian}, {"guidance_station": city.lianhua}
        ),
    }


def in_both_lines(table: str, row_in: Callable) -> Cases:
    return in_guidance_line(table, row_in) | {
        f"{table.split('_')[1]}_street_needs_district": lambda city: changed(row_in(city), district=None),
        f"{table}_street_in_district": lambda city: changed(
            row_in(city), {"district": city.divisions["futian"]}, {"street": city.divisions["lianhua"]}
        ),
    }


CASES: Cases = {
    **GROUND,
    **ORGS,
    **MARKETS,
    **MEMBERS,
    **PLACES,
    **INTAKE,
    **PRINTED,
    **SCREENS,
    **SELF_CHECKS,
    **ALARMS,
    **TOLD,
    **GOALS,
    **FORMS,
    **in_both_lines("markets_business", rows.business),
    **in_both_lines("markets_market", rows.market),
    **in_both_lines("markets_industryarea", rows.industry_area),
    **in_both_lines("markets_deliverysite", rows.delivery_site),
    **in_guidance_line("members_affiliation", rows.affiliation),
    **in_guidance_line("members_registration", rows.registration),
    **in_both_lines("stations_servicepoint", rows.service_point),
    **in_both_lines("stations_checkin", rows.check_in),
}


# --- the tests --------------------------------------------------------------------------------------------------------


def composite_keys() -> set[str]:
    """Foreign keys of more than one column: only the database knows them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE contype = 'f' AND cardinality(conkey) > 1")
        return {name for (name,) in cursor}


@pytest.mark.django_db
@pytest.mark.parametrize("name", CASES)
def test_a_constraint_refuses_what_it_forbids(name):
    acts = CASES[name](make.make_city())
    check_deferred()  # the rows before the forbidden one are allowed
    assert acts
    for act in acts:
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            act()
            check_deferred()
        assert refusal.value.__cause__.diag.constraint_name == name


@pytest.mark.django_db
def test_no_constraint_is_without_a_case():
    tables = [model for room in ROOMS for model in apps.get_app_config(room).get_models(include_auto_created=True)]
    named = {constraint.name for model in tables for constraint in model._meta.constraints}
    assert named | composite_keys() == set(CASES)
