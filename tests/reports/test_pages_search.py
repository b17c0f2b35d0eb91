"""Global search: inside the scope, with a reason where nothing is found, and no name in an address."""

import pytest
from django.urls import reverse

from accounts.models import AuditEvent, User
from markets.pinyin import initials_of
from tests import factories as make
from tests.markets.files import make_code

pytestmark = pytest.mark.django_db
SEARCH = reverse("reports:search")
CODE = "91440300MA5EYXJ142"


def found(response) -> dict[str, list[str]]:
    return {section.label: [hit.name for hit in section.hits] for section in response.context["sections"]}


def test_it_finds_each_kind_by_a_part_of_the_name(sign_in, town):
    make.make_business(town.city.yuehai, name="金丝雀商行")
    make.make_market(town.city.yuehai, name="金丝雀市场")
    make.make_branch(town.city.yuehai, name="金丝雀党支部")
    make.make_service_point(town.city.yuehai, name="金丝雀驿站")
    hits = found(sign_in("city_leader").get(SEARCH, {"q": " 金丝雀　"}))
    assert hits == {
        "党组织": ["金丝雀党支部"],
        "专业市场": ["金丝雀市场"],
        "经营主体": ["金丝雀商行"],
        "服务点": ["金丝雀驿站"],
    }


def test_nothing_outside_the_scope_is_found_and_the_page_says_why(sign_in, town):
    make.make_business(town.city.lianhua, name="金丝雀商行")
    response = sign_in("district_leader").get(SEARCH, {"q": "金丝雀"})
    assert not any(found(response).values())
    assert all(section.reason for section in response.context["sections"])


def test_a_code_finds_one_business_in_any_writing(sign_in, town):
    row = make.make_business(town.city.yuehai, uscc=CODE, name="有代码的公司")
    for text in (CODE, CODE.lower(), f"{CODE[:9]} {CODE[9:]}"):
        assert found(sign_in("city_leader").get(SEARCH, {"q": text})) == {"经营主体": [row.name]}


def test_a_code_elsewhere_says_only_that_it_is_registered(sign_in, town):
    make.make_business(town.city.lianhua, uscc=CODE, name="别处的公司")
    text = sign_in("district_leader").get(SEARCH, {"q": CODE}).content.decode()
    assert "已由其他单位登记" in text and "别处的公司" not in text
    assert "没有登记代码" in sign_in("district_leader").get(SEARCH, {"q": CODE[:-1] + "0"}).content.decode()


@pytest.mark.parametrize("text", ["", "a", "　 一 "])
def test_too_little_is_refused_with_a_sentence(sign_in, text):
    response = sign_in("city_leader").get(SEARCH, {"q": text})
    assert response.context["sections"] is None and response.context["form"].errors["q"]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("智能", "前海智能公司"), ("前海 智能", "前海智能公司"), ("qhzn", "前海智能公司"), (" Q H Z N ", "前海智能公司"),
        ("ｑｈｚｎ", "前海智能公司"), ("ＫＦＣ", "kfc快餐"), ("kfc", "kfc快餐"), ("100%", "满100%减_店"), ("%减_", "满100%减_店"),
        ("%%", ""), ("__", ""), ("\\\\", ""), ("a\\_", ""), ("😀😀", ""), ("😀乐", "😀乐园"), ("龍鳳", "龍鳳樓"), ("龙凤", ""),
        ("'; --", ""), ("（深", ""),
    ],
)  # fmt: skip
def test_whatever_is_typed_is_looked_for_as_it_stands(sign_in, town, said, name):
    for each in ("前海智能公司", "kfc快餐", "满100%减_店", "😀乐园", "龍鳳樓"):
        make.make_business(town.city.yuehai, name=each, name_pinyin=initials_of(each))
    response = sign_in("city_leader").get(SEARCH, {"q": said})
    hits = found(response)
    assert hits["经营主体"] == ([name] if name else [])
    assert not any(hits[label] for label in hits if label != "经营主体")
    assert not response.context["form"].errors


@pytest.mark.parametrize("said", ["😀", "长" * 200, "　", "\n"])
def test_what_cannot_be_a_name_is_refused_with_a_sentence(sign_in, town, said):
    response = sign_in("city_leader").get(SEARCH, {"q": said})
    assert response.status_code == 200 and response.context["sections"] is None and response.context["form"].errors["q"]


def test_a_code_is_read_in_any_width_and_case_whole_and_begun(sign_in, town):
    code = make_code(prefix="91440300MA")
    row = make.make_business(town.city.yuehai, uscc=code, name="有代码的公司")
    wide = "".join(chr(ord(character) + 0xFEE0) for character in code.lower())
    for text in (wide, wide[:12], code[:12].lower(), f"{code[:4]} {code[4:12]}"):
        assert found(sign_in("city_leader").get(SEARCH, {"q": text}))["经营主体"] == [row.name], text


def test_members_are_found_by_name_or_tail_masked_and_audited(sign_in, town):
    member = make.make_member("欧阳娜娜", phone_tail="4321")
    make.make_affiliation(member, town.branch)
    client = sign_in("officer")
    for query in ({"name": "欧阳娜娜"}, {"phone_tail": "4321"}):
        response = client.post(SEARCH, query)
        assert [hit.name for hit in response.context["found"]] == ["欧*"]
        event = AuditEvent.objects.filter(act="reports.members.search").latest("id")
        assert event.subjects == [member.pk] and "欧阳" not in str(event.detail)


def test_members_elsewhere_are_not_found(sign_in, town):
    make.make_affiliation(make.make_member("欧阳娜娜"), town.other_branch)
    response = sign_in("officer").post(SEARCH, {"name": "欧阳娜娜"})
    assert response.context["found"] == [] and "没有这样的党员" in response.content.decode()


def test_a_search_by_address_never_shows_persons(sign_in, town):
    make.make_affiliation(make.make_member("欧阳娜娜"), town.branch)
    assert "欧*" not in sign_in("officer").get(SEARCH, {"q": "欧阳娜娜"}).content.decode()


def test_who_may_not_see_members_may_not_search_them(sign_in):
    client = sign_in("registrar")
    assert client.post(SEARCH, {"name": "张三"}).status_code == 403
    assert client.get(SEARCH).context["member_form"] is None


def test_nothing_asked_is_told(sign_in):
    assert "请填写完整姓名" in sign_in("officer").post(SEARCH, {}).content.decode()
    assert "最后 4 位" in sign_in("officer").post(SEARCH, {"phone_tail": "12"}).content.decode()


@pytest.mark.parametrize("persona", ["officer", "secretary", "city_leader"])
def test_every_page_has_the_box_of_those_who_find_something(sign_in, persona):
    assert 'id="global-search"' in sign_in(persona).get(reverse("reports:me")).content.decode()


@pytest.mark.parametrize("duty", [duty for duty in User.Duty if duty != User.Duty.STAFF])
def test_nobody_else_is_shown_it(client, duty):
    client.force_login(make.make_user(duty=duty))
    page = client.get(reverse("reports:me")).content.decode()
    assert "global-search" not in page and SEARCH not in page
