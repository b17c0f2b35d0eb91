"""The plan of a small table's file: written as it was shown, refused when what it rests on has changed."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from markets.models import Market
from members.models import Affiliation, Registration
from orgs.models import Organization
from tables import services
from tables.models import Batch
from tables.register import Cannot
from tests import factories
from tests.markets import files
from tests.members import make
from tests.members.test_import_leads import lead
from tests.members.test_import_rolls import person
from tests.tables.scan import found_in_clear


@pytest.fixture
def city(db):
    make.notice()
    return factories.make_city()


def checked(by, target: str, rows: list[dict]) -> Batch:
    upload = SimpleUploadedFile("文件.csv", files.to_csv(rows).encode())
    batch = services.batch_start(by=by, target_name=target, uploads=[upload])
    services.batch_check(batch=batch)
    batch.refresh_from_db()
    assert batch.state == Batch.State.CHECKED, batch.problem
    return batch


def apply(batch: Batch) -> dict:
    Batch.objects.filter(pk=batch.pk).update(state=Batch.State.APPLYING)
    batch.refresh_from_db()
    services.batch_apply(batch=batch)
    return batch.counts


def branch(number: int, **more) -> dict:
    return {"代码": f"D-{number}", "名称": f"示例{number}党支部", "类型": "党支部", "上级": "粤海指导站"} | more


def market(number: int, **more) -> dict:
    return {"编号": f"SC-{number}", "名称": f"示例市场{number}", "指导站": "粤海指导站"} | more


def test_each_plan_is_written_as_it_was_shown(city, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    registrar = factories.make_user("registrar", city.city)
    officer = factories.make_user("officer", city.city)
    factories.make_branch(city.yuehai, name="示例党支部")
    for by, target, rows in (
        (registrar, "organization", [branch(1, 上级="D-2"), branch(2), branch(3, 类型="没有")]),
        (registrar, "market", [market(1), market(1), market(2, 摊位数="x")]),
        (registrar, "roll", [person(), person(手机号="1")]),
        (officer, "lead", [lead(), lead(同意方式="")]),
    ):
        batch = checked(by, target, rows)
        shown = dict(batch.counts)
        assert apply(batch) == shown
        assert shown["new"] >= 1 and shown["wrong"] == 1
    assert (Organization.objects.filter(code__startswith="D-").count(), Market.objects.count()) == (2, 1)
    assert (Affiliation.objects.count(), Registration.objects.count()) == (1, 1)


def test_a_plan_is_refused_when_its_rows_changed_since(city, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    registrar = factories.make_user("registrar", city.city)
    apply(checked(registrar, "market", [market(1, 摊位数="10")]))
    batch = checked(registrar, "market", [market(1, 摊位数="20")])
    Market.objects.update(stalls=15)
    with pytest.raises(Cannot, match="变了"):
        apply(batch)
    assert Market.objects.get().stalls == 15


def test_all_or_nothing_writes_nothing(city, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    registrar = factories.make_user("registrar", city.city)
    batch = checked(registrar, "market", [market(1), market(2, 摊位数="x")])
    Batch.objects.filter(pk=batch.pk).update(all_or_nothing=True)
    with pytest.raises(Cannot):
        apply(batch)
    assert not Market.objects.exists()


def test_a_plan_about_persons_keeps_nothing_in_clear(city, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    registrar = factories.make_user("registrar", city.city)
    factories.make_branch(city.yuehai, name="示例党支部")
    row = person(姓名="欧阳示例")
    apply(checked(registrar, "roll", [row]))
    new, bad = make.phone(), "13912"
    batch = checked(registrar, "roll", [row | {"手机号": new, "姓名": "欧阳改名"}, person(手机号=bad)])
    assert batch.counts["changed"] == 1 and batch.plan["columns"] == {"姓名": 1, "手机号": 1}
    apply(batch)
    assert found_in_clear(row["手机号"], new, row["身份证号"], bad, "欧阳示例", "欧阳改名") == []
