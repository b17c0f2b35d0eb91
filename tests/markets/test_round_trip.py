"""What leaves as a file comes back as it left: an export imported again changes nothing, whatever stands in the rows."""

from datetime import date
from pathlib import Path

import pytest
from django.http import QueryDict

from markets.models import Business, DeliverySite, IndustryArea, Market, Platform
from members import identity
from members.models import Affiliation, Consent, Member, Registration
from orgs.models import Organization
from reports.models import ReportedFigure
from stations.models import ServicePoint
from tables.cells import clean
from tables.exports import Mark, export
from tables.listing import listing
from tables.register import _targets
from tests import factories
from tests.markets import files
from tests.members import make

pytestmark = pytest.mark.django_db
UGLY = (
    "=1+1商行", "+86 通讯店", "-9度冰室", "@广场餐饮", "＝全角等号店", "＋加号", "－减号", "＠艾特", "'引号店", "'3D打印店",
    "‘=左引号", '双"引号"店', "逗号,分号;店", "两行\n名称店", "两  个空格店", "全角ＡＢＣ１２３店", "　前后全角空格　",
    "0755报刊亭",    "1.50元店", "3.1415", "2020-01-02", "1E5", "TRUE",
    "零宽\u200b字符店", "-", "①号店", "𠮷野家", "'", "''", "\t制表",
)  # fmt: skip
PLAIN = tuple(name for name in UGLY if clean(name) == name or name == "-")  # what can be the name of a key


def a_code(number: int) -> str:
    return files.make_code(number, "91440300MA")


def businesses(city) -> None:
    one = factories.make_market(city.yuehai, name="华强市场", code="M-01")
    twin = factories.make_market(city.shahe, name="华强市场", code="M-02")
    far = factories.make_market(city.lianhua, name="远方市场")
    make = factories.make_business
    for number, name in enumerate(UGLY):
        make(city.yuehai, uscc=a_code(number), name=name, address=name)
    for kind in Business.EntityType:
        make(city.yuehai, entity_type=kind)
        make(city.yuehai, entity_type=kind, entity_type_text="有限责任公司(自然人投资或控股)", scale="small")
    make(city.yuehai, entity_type="other", entity_type_text="小型企业", scale="unknown")
    make(city.yuehai, entity_type="other", entity_type_text="说不清的类型")
    for status in Business.Status:
        make(city.yuehai, status=status, not_operating="zombie")
    for scale in Business.Scale:
        make(city.yuehai, scale=scale)
    make(city.yuehai, market=one)
    make(city.yuehai, market=twin)  # stands elsewhere than its market, which has a namesake here
    make(city.shahe, market=twin)
    make(city.yuehai, market=far)
    make(city.yuehai, uscc=a_code(900), legacy_registration_no="044030000000001", industry="F5211")
    make(city.yuehai, registered_on=date(1999, 12, 31), employees=0, industry="H")
    make(city.nanshan)  # 待分派: a district alone
    make(city.nanshan, street=city.divisions["yuehai"])  # a street whose office has not taken it
    make(city.nanshan, guidance_station=city.yuehai)  # an office without a street
    make(city.yuehai, street=None)
    make(city.yuehai, street=city.divisions["shahe"])  # on another street than its office
    make(city.yuehai, employees=8_000_000, is_key=True)


def markets(city) -> None:
    for number, name in enumerate(UGLY):
        factories.make_market(city.yuehai, name=name, code=f"0{number:03d}", organiser=name, address=name)
    for trade in Market.Trade:
        factories.make_market(city.shahe, trade=trade, stalls=0, employees=12, closed_on="2020-01-02")
    factories.make_market(city.nanshan, latitude="22.543100", longitude="113.934567", organiser_uscc=a_code(1))
    factories.make_market(city.nanshan, street=city.divisions["yuehai"])
    factories.make_market(city.yuehai, street=None)


def industry_areas(city) -> None:
    for number, name in enumerate(UGLY):
        IndustryArea.objects.create(code=f"00{number}", name=name, industry=name, **factories.placed(city.yuehai))


def platforms(city) -> None:
    for name in PLAIN:
        Platform.objects.create(name=name)
    Platform.objects.create(name="示例快递", uscc=a_code(2))


def delivery_sites(city) -> None:
    for platform in (Platform.objects.create(name="甲快递"), Platform.objects.create(name="=乙外卖")):
        for name in PLAIN:
            DeliverySite.objects.create(platform=platform, name=name, couriers=3, **factories.placed(city.yuehai))


def service_points(city) -> None:
    branch = factories.make_branch(city.yuehai, name="=第一党支部")
    market = factories.make_market(city.yuehai, name="华强市场")
    for number, name in enumerate(UGLY):
        factories.make_service_point(city.yuehai, name=name, code=f"00{number}", hours="08:00–22:00", facilities=name)
    for kind in ServicePoint.Kind:
        factories.make_service_point(
            city.shahe,
            kind=kind,
            organization=branch,
            market=market,
            closed_on="2020-01-02",
            latitude="22.5",
            longitude="114",
        )


def organizations(city) -> None:
    for number, name in enumerate(UGLY[:14]):
        factories.make_branch(city.yuehai, name=name, short_name=name[:3], code=f"00{number}")


def rolls(city) -> None:
    """Persons leave masked: a masked cell says nothing, and the file's number finds the person."""
    twins = [factories.make_branch(unit, name="=第一党支部") for unit in (city.yuehai, city.shahe)]
    for number, name in enumerate(name for name in UGLY if identity.clean_name(name)):
        more = {"joined_on": date(2001, 7, 1), "occupation": "rider", "sex": "1"} if number % 2 else {}
        branch = twins[number % 2]
        Affiliation.objects.create(
            member=make.person(name, workplace=clean(name) or "", **more), organization=branch, kind="formal",
            starts_on=date(2020, 1, 2), guidance_station=branch.guidance_station,
            district_committee=branch.district_committee,
        )  # fmt: skip
    Member.objects.filter(pk=Member.objects.earliest("pk").pk).change(phone=None, phone_index=None, phone_tail="")


def leads(city) -> None:
    market = factories.make_market(city.yuehai, name="=华强市场")
    for number, name in enumerate(name for name in UGLY if identity.clean_name(name)):
        answers = {"id_number": make.id_number()} if number % 2 else {"home_branch": name, "home_unknown": False}
        make.submit(make.market_poster(market), name=name, workplace=name, standing="probationary", **answers)
    make.registration(city.shahe)


def figures(city) -> None:
    for number, name in enumerate(PLAIN):
        ReportedFigure.objects.create(
            place="深圳市", name=name, value=number * 1000 + 0.5, as_of="2024-03-15", source=f"={name}", unit="个",
            is_approximate=bool(number % 2), metric="markets" if number % 2 else "",
        )  # fmt: skip


MAKERS = {
    "reported_figure": (ReportedFigure, figures),
    "business": (Business, businesses),
    "market": (Market, markets),
    "industry_area": (IndustryArea, industry_areas),
    "platform": (Platform, platforms),
    "delivery_site": (DeliverySite, delivery_sites),
    "service_point": (ServicePoint, service_points),
    "organization": (Organization, organizations),
    "roll": (Affiliation, rolls),
    "lead": (Registration, leads),
}
ROLES = {"lead": "officer"}
ALSO = {"roll": Member, "lead": Consent}  # what else of a person a file might change


def leave(path: Path, name: str, format: str) -> Path:
    """All exported columns of all rows."""
    table, model = _targets[name].table, MAKERS[name][0]
    rows = model._default_manager.order_by("pk").iterator()
    path.write_bytes(b"".join(export(table.title, table.exported(), rows, format, Mark.by(None))))
    return path


@pytest.mark.parametrize("format", ["csv", "xlsx"])
@pytest.mark.parametrize("name", sorted(_targets))
def test_an_export_changes_nothing_when_it_comes_back(city, registrar, tmp_path, name, format):
    assert name in MAKERS, "a new target: make ugly rows of it here"
    make.notice()
    MAKERS[name][1](city)
    path = leave(tmp_path / f"file.{format}", name, format)
    models = [MAKERS[name][0], *([ALSO[name]] if name in ALSO else [])]
    before = [list(model._default_manager.order_by("pk").values()) for model in models]
    by = factories.make_user(ROLES[name], city.city) if name in ROLES else registrar
    answer = files.import_file(path, by, target=name)
    assert {key: answer.get(key) for key in ("new", "changed", "wrong", "duplicate", "out_of_scope")} == {
        "new": 0, "changed": 0, "wrong": 0, "duplicate": 0, "out_of_scope": 0,
    }, answer  # fmt: skip
    assert answer["unchanged"] == answer["rows"] == len(before[0])
    assert [list(model._default_manager.order_by("pk").values()) for model in models] == before


def test_what_was_edited_in_the_file_is_all_that_changes(city, registrar, tmp_path):
    businesses(city)
    path = leave(tmp_path / "file.csv", "business", "csv")
    text = path.read_text("utf-8-sig")
    assert text.count("'=1+1商行") == 2
    path.write_text(text.replace("'=1+1商行", "'=2+2商行", 1), "utf-8-sig")
    answer = files.import_file(path, registrar)
    assert (answer["changed"], answer["wrong"], answer["new"]) == (1, 0, 0)
    assert Business.objects.filter(name="=2+2商行", address="=1+1商行").count() == 1


def test_the_list_writes_what_an_import_reads(city, registrar, tmp_path):
    """The same through the list's own way out: its order, its related rows."""
    businesses(city)
    asked = listing("business")
    assert asked is not None
    rows = asked.to_export(QueryDict(""), registrar).iterator(50)
    path = tmp_path / "file.csv"
    path.write_bytes(b"".join(export(asked.title, asked.columns(QueryDict(""), True), rows, "csv", Mark.by(None))))
    answer = files.import_file(path, registrar)
    assert answer["unchanged"] == answer["rows"] == Business.objects.count()
