"""Taking back batches of markets and rolls: what nobody touched returns, the rest stays and is told."""

from datetime import timedelta

import pytest
from django.utils import timezone

from markets.models import Market
from markets.services import market_save
from members.models import Affiliation, Member
from members.services import member_edit
from tables.models import Batch
from tables.register import Cannot
from tables.services import batch_take_back
from tests import factories
from tests.markets import files
from tests.members import make


@pytest.fixture
def city(db):
    return factories.make_city()


@pytest.fixture
def registrar(city):
    return factories.make_user("registrar", city.city)


@pytest.fixture
def bring(registrar, tmp_path):
    def bringing(target, rows):
        answer = files.import_file(files.write(tmp_path / "file.csv", rows), registrar, target=target)
        assert "error" not in answer, answer
        return Batch.objects.latest("pk")

    return bringing


def market(number: int, **more) -> dict:
    return {"编号": f"SC-{number}", "名称": f"示例市场{number}", "指导站": "粤海指导站"} | more


def take_back(batch: Batch, by) -> dict[int, str]:
    Batch.objects.filter(pk=batch.pk).update(state=Batch.State.UNDOING)
    batch.refresh_from_db()
    batch_take_back(batch=batch, by=by)
    return dict(batch.conflicts.values_list("record_id", "kind"))


def test_markets_return_to_what_they_were(city, registrar, bring):
    bring("market", [market(1, 摊位数="10", 关闭日期="2024-01-02"), market(2)])
    second = bring("market", [market(1, 摊位数="20", 指导站="沙河指导站"), market(3), market(4)])
    assert take_back(second, registrar) == {}
    one = Market.objects.get(code="SC-1")
    assert (one.stalls, one.guidance_station, str(one.closed_on)) == (10, city.yuehai, "2024-01-02")
    assert Market.objects.count() == 2
    assert second.state == Batch.State.UNDONE


def test_what_was_touched_since_stays_and_is_told(city, registrar, bring):
    bring("market", [market(1), market(2)])
    batch = bring("market", [market(1, 摊位数="20"), market(2, 摊位数="20"), market(3), market(4), market(5)])
    bring("market", [market(2, 摊位数="30")])
    rows = {row.code: row for row in Market.objects.all()}
    factories.make_business(city.yuehai, market=rows["SC-3"])
    market_save(market=rows["SC-4"], by=registrar)
    # A test is one transaction, so everything carries its time.
    Batch.objects.filter(pk=batch.pk).update(applied_at=timezone.now() - timedelta(hours=1))
    assert take_back(batch, registrar) == {
        rows["SC-2"].pk: "later", rows["SC-3"].pk: "referred", rows["SC-4"].pk: "edited",
    }  # fmt: skip
    assert Market.objects.get(code="SC-2").stalls == 30
    assert Market.objects.filter(code="SC-3").exists()
    assert not Market.objects.filter(code="SC-5").exists()


def test_people_leave_the_roll_and_facts_return(city, registrar, bring):
    branch = factories.make_branch(city.yuehai, name="示例党支部")
    known = make.person("周示例")
    row = {"姓名": "张示例", "身份证号": make.id_number(), "手机号": make.phone(), "党员类别": "正式党员"}
    first = bring("roll", [row | {"党支部": "示例党支部"}])
    second = bring(
        "roll",
        [
            row | {"手机号": make.phone(), "党支部": ""},
            row | {"姓名": "周示例", "身份证号": known.id_number, "手机号": ""},
        ],
    )
    assert Affiliation.objects.count() == 2
    assert take_back(second, registrar) == {}
    member = Affiliation.objects.get(organization=branch).member
    assert (member.phone, member.phone_tail) == (row["手机号"], row["手机号"][-4:])
    assert Member.objects.filter(pk=known.pk).exists()
    member_edit(member=member, by=registrar, workplace="改过")
    Batch.objects.filter(pk=first.pk).update(applied_at=timezone.now() - timedelta(hours=1))
    assert take_back(first, registrar) == {member.pk: "edited"}
    assert Affiliation.objects.count() == 1


def test_people_whom_the_file_made_go_with_it(city, registrar, bring):
    factories.make_branch(city.yuehai, name="示例党支部")
    batch = bring(
        "roll", [{"姓名": "张示例", "身份证号": make.id_number(), "党员类别": "正式党员", "党支部": "示例党支部"}]
    )
    assert take_back(batch, registrar) == {}
    assert not Affiliation.objects.exists() and not Member.objects.exists()


def test_organizations_say_why_not(city, registrar, bring):
    batch = bring("organization", [{"代码": "D-1", "名称": "示例党支部", "类型": "党支部", "上级": "粤海指导站"}])
    with pytest.raises(Cannot, match="沿革"):
        take_back(batch, registrar)
