"""The inventory of personal data knows every table and column there is: a new one is declared, or fails here."""

import pytest
from django.apps import apps
from django.db import models
from django.urls import reverse

from accounts.crypto import EncryptedTextField
from accounts.models import AuditEvent
from accounts.personal import HIGH, declared, is_declared, undeclared
from members.models import Member, Registration
from orgs.doors import DUTY_PERMISSIONS, ROLE_PERMISSIONS
from reports.inventory import HEADER, inventory
from tests import factories
from tests.test_architecture import ORDER as ROOMS

# Words that a column about a person tends to have in its name.
TELLING = ("phone", "contact", "person", "responsible", "id_number", "mobile", "email", "birth", "address", "name")
# ... and tables of places, bodies and things, in which these words name no person.
OF_PLACES = {
    "orgs.Organization", "orgs.Division", "markets.Market", "markets.IndustryArea", "markets.Platform",
    "markets.DeliverySite", "markets.GroupOrganization", "markets.BusinessCoverage", "markets.HandOver",
    "stations.ServicePoint", "reports.ReportedFigure", "reports.ReportForm",
    "reports.Screen",
}  # fmt: skip


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in ROOMS]


def is_about_persons(model: type[models.Model]) -> bool:
    columns = model._meta.concrete_fields
    leads_to = {one.related_model for one in columns if one.related_model}
    return bool(leads_to & {Member, Registration}) or any(isinstance(one, EncryptedTextField) for one in columns)


def test_every_table_about_persons_is_declared():
    missing = [model._meta.label for model in our_models() if is_about_persons(model) and not is_declared(model)]
    assert missing == [], "declare them in the room's held.py"


def test_every_column_of_a_declared_table_is_personal_or_plain():
    missing = {held.model._meta.label: found for held in declared() if (found := undeclared(held))}
    assert missing == {}, "name the columns in the room's held.py"


def test_a_telling_name_in_an_undeclared_table_is_looked_at():
    suspicious = {
        f"{model._meta.label}.{one.name}"
        for model in our_models()
        if not is_declared(model) and model._meta.label not in OF_PLACES
        for one in model._meta.concrete_fields
        if isinstance(one, models.CharField | models.TextField) and any(word in one.name for word in TELLING)
    }
    assert suspicious == set(), "declare the table, or add it to OF_PLACES"


def test_declared_columns_and_permissions_exist():
    known = frozenset().union(*ROLE_PERMISSIONS.values(), *DUTY_PERMISSIONS.values())
    for held in declared():
        names = {one.name for one in held.model._meta.concrete_fields}
        assert set(held.columns) | held.plain <= names, held.model
        assert set(held.seen_with) <= known and not set(held.columns) & held.plain, held.model


def test_identity_numbers_and_phones_are_graded_highest_and_encrypted():
    for held in declared():
        for name in {"id_number", "phone"} & set(held.columns):
            assert held.columns[name].grade == HIGH
            assert isinstance(held.model._meta.get_field(name), EncryptedTextField)


def test_no_line_is_left_blank():
    lines = list(inventory())
    assert all(all(line[:9]) for line in lines) and len(lines) > 100
    assert len({line[:2] for line in lines}) == len(lines)


@pytest.mark.django_db
def test_page_and_file_are_the_same_list(client):
    client.force_login(factories.make_user("registrar", factories.make_city().city))
    page = client.get(reverse("reports:inventory"))
    assert f"共 {len(list(inventory()))} 个字段" in page.content.decode()
    file = b"".join(client.get(reverse("reports:inventory"), {"format": "csv"})).decode("utf-8-sig")
    assert AuditEvent.objects.filter(act="reports.inventory.export").count() == 1
    assert file.splitlines()[0] == ",".join(HEADER) and len(file.splitlines()) == len(list(inventory())) + 1
    assert "登记人员" not in next(line for line in file.splitlines() if line.startswith("报到,身份号码,"))
    assert "指导站工作人员" in next(line for line in file.splitlines() if line.startswith("报到,身份号码,"))
