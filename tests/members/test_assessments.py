"""The register of impact assessments (PIPL 55, 56): complete before it is finished, unchanged afterwards, kept three years."""

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from members.forms.assessments import PARTS, tables_of_persons
from members.models import ImpactAssessment
from reports.inventory import not_assessed
from tests import factories
from tests.members import make

pytestmark = pytest.mark.django_db
WHOLE = {"title": "自主报到", "reason": "sensitive", **dict.fromkeys(PARTS, "写全了")}
DAYS = {"assessed_on": "2026-11-01", "review_on": "2099-11-01"}


@pytest.fixture
def registrar(client):
    client.force_login(factories.make_user("registrar", factories.make_city().city))
    return client


def add(client, **more):
    return client.post(reverse("admin:members_impactassessment_add"), WHOLE | DAYS | more)


def made(**more) -> ImpactAssessment:
    return ImpactAssessment.objects.create(**WHOLE, covers=["members.Member"], **more)


@pytest.mark.parametrize("part", [*PARTS, "covers"])
def test_nothing_is_finished_that_lacks_a_part_and_the_part_is_named(registrar, part):
    data = {"covers": ["members.Registration"], "finish": "on"} | {part: [] if part == "covers" else ""}
    page = add(registrar, **data)
    assert page.status_code == 200 and "定稿之前要写好这一项" in page.content.decode()
    assert not ImpactAssessment.objects.exists()


@pytest.mark.parametrize("part", PARTS)
def test_nobodys_number_is_kept_in_any_part(registrar, part):
    """What is finished cannot be changed for three years, so that no erasure reaches it."""
    page = add(registrar, **{part: "已问过张三，电话 138 0013 8000"})
    assert page.status_code == 200 and "不能抹除" in page.content.decode()
    assert not ImpactAssessment.objects.exists()


def test_a_draft_is_finished_later_and_then_only_shows(registrar):
    assert add(registrar, lawful="").status_code == 302
    row = ImpactAssessment.objects.get()
    at = reverse("admin:members_impactassessment_change", args=[row.pk])
    assert registrar.post(at, WHOLE | DAYS | {"covers": ["members.Member"], "finish": "on"}).status_code == 302
    row.refresh_from_db()
    assert row.finished_at
    assert registrar.post(at, WHOLE | DAYS).status_code == 403
    assert "写全了" in registrar.get(at).content.decode()


def test_a_finished_one_never_changes_and_stays_three_years():
    made(finished_at=make.days_ago(3 * 365 - 10))
    for act in (
        lambda: ImpactAssessment.objects.update(impact="别的"),
        lambda: ImpactAssessment.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError, match="three years"), transaction.atomic():
            act()
    old = made(finished_at=make.days_ago(3 * 366))
    assert ImpactAssessment.objects.filter(pk=old.pk).delete()[0] == 1


def test_the_inventory_names_what_nobody_assessed(registrar):
    assert "报到" in not_assessed() and "用户" in not_assessed()
    made(finished_at=timezone.now(), review_on="2099-01-01")
    ImpactAssessment.objects.create(**WHOLE, covers=["members.Registration"])  # a draft covers nothing
    assert "党员" not in not_assessed() and "报到" in not_assessed()
    assert "还没有有效影响评估" in registrar.get(reverse("reports:inventory")).content.decode()


def test_one_that_is_due_for_review_covers_nothing_any_more(registrar):
    made(finished_at=timezone.now(), assessed_on="2024-01-01", review_on="2025-01-01")
    assert "党员" in not_assessed()
    assert "该复核了" in registrar.get(reverse("admin:members_impactassessment_changelist")).content.decode()


def test_a_district_keeps_none(client):
    client.force_login(factories.make_user("registrar", factories.make_city().nanshan))
    row = made()
    assert client.get(reverse("admin:members_impactassessment_change", args=[row.pk])).status_code == 404
    assert ("members.Member", "党员") in tables_of_persons()
