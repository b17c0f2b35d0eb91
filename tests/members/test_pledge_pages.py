"""The pages of 三亮: the person reads and agrees, the plaque is printed as a look, taken down and off; who may, and who not."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from members import services
from members.models import Pledge
from members.services import pledges
from tests import factories
from tests.members import make
from tests.members.test_pledges import BEFORE, WORDS, agreed, is_live

pytestmark = pytest.mark.django_db


@pytest.fixture
def branch(city):
    return factories.make_branch(city.yuehai, name="华强市场联合党支部")


@pytest.fixture
def member(branch):
    one = make.person("欧阳明")
    factories.make_affiliation(one, branch, starts_on=BEFORE)
    return one


def url(name: str, *args) -> str:
    return reverse(f"members:{name}", args=args)


def page(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def preview(desk, member, branch, **words):
    return desk.post(url("pledge_new", member.pk), WORDS | {"organization": branch.pk} | words)


def test_the_person_reads_what_will_hang_there_and_agrees(desk, member, branch):
    assert "本人在场，登记三亮" in page(desk.get(url("detail", member.pk)))
    form = page(desk.get(url("pledge_new", member.pk)))
    assert "欧阳明" not in form and "agreed" not in form
    shown = preview(desk, member, branch)
    text = page(shown)
    assert all(said in text for said in ("欧阳明", "中共党员", str(branch.name), *WORDS.values()))
    tick = re.search(r"<input[^>]*name=\"agreed\"[^>]*>", text)
    assert tick and "checked" not in tick[0]
    assert not Pledge.objects.exists()
    sent = WORDS | {"organization": branch.pk, "seen": shown.context["form"]["seen"].value(), "agreed": "on"}
    done = desk.post(url("pledge_new", member.pk), sent, follow=True)
    pledge = Pledge.objects.get()
    assert "已登记三亮" in page(done) and pledge.promise == WORDS["promise"]
    again = desk.post(url("pledge_new", member.pk), sent)
    assert again.status_code == 409 and pledges.ONE_LIVE in page(again)
    section = page(desk.get(url("detail", member.pk)))
    assert WORDS["promise"] in section and url("pledge_print", pledge.pk) in section and "登记三亮" not in section


def test_without_the_tick_nothing_is_kept_and_the_words_stay_on_the_page(desk, member, branch):
    seen = preview(desk, member, branch).context["form"]["seen"].value()
    answer = desk.post(url("pledge_new", member.pk), WORDS | {"organization": branch.pk, "seen": seen})
    assert answer.status_code == 422 and "不登记、不保留" in page(answer) and not Pledge.objects.exists()
    back = desk.post(url("pledge_new", member.pk), WORDS | {"organization": branch.pk, "seen": seen, "back": "1"})
    assert back.status_code == 200 and WORDS["promise"] in page(back) and "欧阳明" not in page(back)
    made_up = desk.post(url("pledge_new", member.pk), WORDS | {"organization": branch.pk, "seen": "x", "agreed": "on"})
    assert made_up.status_code == 409 and not Pledge.objects.exists()


HOSTILE = {
    "markup": ("<script>alert(1)</script>明码标价", "&lt;script&gt;alert(1)&lt;/script&gt;明码标价"),
    "a line turned round": ("明码\u202e标价\u200b", "明码标价"),
    "lines and tabs": ("明码\r\n\t标价", "明码 标价"),
    "template": ("{{ member.phone }}{% now %}", "{{ member.phone }}{% now %}"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_characters_are_harmless(desk, member, branch, officer, case):
    said, shown = HOSTILE[case]
    answer = preview(desk, member, branch, promise=said)
    promise = answer.context["plaque"].promise
    assert page(answer).count(shown) == 2 and not re.search(
        "[\u200b-\u202e]", page(answer)
    )  # on the plaque, and hidden
    plaque = desk.post(
        url("pledge_print", agreed(member, branch, officer, promise=promise).pk), {"purpose": "打印挂牌"}
    )
    assert shown in page(plaque)


@pytest.mark.parametrize("field", ["duty", "promise", "place", "number"])
@pytest.mark.parametrize("number", ["13912345678", "139-1234-5678", "１３９１２３４５６７８", "+86 139 1234 5678"])
def test_no_phone_and_no_identity_number_hangs_in_public(desk, member, branch, field, number):
    answer = preview(desk, member, branch, **{field: f"找我{number}"})
    assert answer.status_code == 422 and "不要写身份号码和手机号" in page(answer)


def test_an_identity_number_is_seen_too_and_other_numbers_are_not(desk, member, branch):
    assert preview(desk, member, branch, promise=f"我是{member.id_number}").status_code == 422
    assert preview(desk, member, branch, promise="投诉 12315，每天 8:30 开门，2026 年第 13 号").status_code == 200


@pytest.mark.parametrize("field", ["duty", "promise", "organization"])
@pytest.mark.parametrize("said", ["", "　\u200b", "——"])
def test_what_is_needed_is_asked_for(desk, member, branch, field, said):
    answer = preview(desk, member, branch, **{field: said})
    assert answer.status_code == 422 and not Pledge.objects.exists()


def test_the_plaque_is_a_look_with_a_purpose_that_the_member_is_told(desk, member, branch, officer):
    pledge = agreed(member, branch, officer)
    asked = page(desk.get(url("pledge_print", pledge.pk)))
    assert "欧阳明" not in asked and not AuditEvent.objects.filter(act="members.pledge.print").exists()
    assert desk.post(url("pledge_print", pledge.pk), {"purpose": ""}).status_code == 422
    shown = desk.post(url("pledge_print", pledge.pk), {"purpose": "打印挂牌"})
    text = page(shown)
    assert all(
        said in text for said in ("欧阳明", "中共党员", branch.name, WORDS["duty"], WORDS["promise"], "粤海-012")
    )
    for secret in (member.id_number, member.phone, member.phone_tail, WORDS["place"]):
        assert secret not in text
    assert "style=" not in text.split("<main")[1]
    event = AuditEvent.objects.get(act="members.pledge.print")
    assert (event.subjects, event.actor, event.purpose) == ([member.pk], officer, "打印挂牌")
    told = page(desk.get(url("detail", member.pk)))
    assert f"{officer}：打印挂牌" in told and f"{officer}：当面核对三亮牌" in told


def test_it_is_printed_only_while_it_is_live(desk, member, branch, officer):
    pledge = agreed(member, branch, officer)
    desk.post(url("pledge_withdraw", pledge.pk))
    assert desk.get(url("pledge_print", pledge.pk)).status_code == 404
    assert desk.post(url("pledge_print", pledge.pk), {"purpose": "打印挂牌"}).status_code == 404
    assert not AuditEvent.objects.filter(act="members.pledge.print").exists()


def test_taken_down_and_off_with_one_question_and_one_tap(desk, member, branch, officer):
    pledge = agreed(member, branch, officer)
    assert "牌子请今天取下" in page(desk.get(url("pledge_withdraw", pledge.pk)))
    done = page(desk.post(url("pledge_withdraw", pledge.pk), follow=True))
    assert "牌子请今天取下" in done and WORDS["place"] in done
    twice = desk.post(url("pledge_withdraw", pledge.pk))
    assert twice.status_code == 409 and "不用再办" in page(twice)
    for address in (url("detail", member.pk), url("pledges")):
        assert url("pledge_taken_off", pledge.pk) in page(desk.get(address))
    assert "1 块已撤下" in page(desk.get(reverse("reports:today")))
    after = page(desk.post(url("pledge_taken_off", pledge.pk), follow=True))
    assert "今天取下" in after and url("pledge_taken_off", pledge.pk) not in after
    assert desk.get(url("pledge_taken_off", pledge.pk)).status_code == 405
    down = page(desk.get(url("pledges"), {"state": "down"}))
    assert f"{timezone.localdate()} 已取下" in down


def test_the_list_is_masked_told_and_links_to_who_is_still_here(desk, member, branch, officer, city):
    live = agreed(member, branch, officer)
    gone = make.person("司马光")
    factories.make_affiliation(gone, branch, starts_on=BEFORE)
    left = agreed(gone, branch, officer, number="")
    services.member_end(member=gone, reason="died", by=officer)
    far = factories.make_branch(city.lianhua)
    theirs = factories.make_pledge(make.person("诸葛亮"), far, number="远处")
    text = page(desk.get(url("pledges")))
    assert "欧*" in text and "司*" in text and "诸*" not in text and "远处" not in text
    for secret in ("欧阳明", "司马光", "明码标价", member.phone_tail):
        assert secret not in text
    assert url("detail", member.pk) in text and url("detail", gone.pk) not in text
    event = AuditEvent.objects.filter(act="members.pledge.list").latest("pk")
    assert set(event.subjects) == {member.pk, gone.pk} and event.subject_type == "members.member"
    assert "欧*" not in page(desk.get(url("pledges"), {"state": "to_take_off"}))
    assert set(Pledge.objects.visible_to(officer)) == {live, left} and theirs.pk
    assert "筛选条件有误" in page(desk.get(url("pledges"), {"state": "made up"}))


def test_another_districts_officer_finds_nothing(client, city, member, branch, officer):
    pledge = agreed(member, branch, officer)
    client.force_login(factories.make_user("officer", city.lianhua))
    for name in ("pledge_print", "pledge_withdraw"):
        assert client.get(url(name, pledge.pk)).status_code == 404
        assert client.post(url(name, pledge.pk), {"purpose": "打印挂牌"}).status_code == 404
    assert client.post(url("pledge_taken_off", pledge.pk)).status_code == 404
    assert client.post(url("pledge_new", member.pk), WORDS | {"organization": branch.pk}).status_code == 404
    assert is_live(pledge)


def test_the_branchs_secretary_may_and_leaders_and_registrars_may_not(client, city, member, branch, officer):
    client.force_login(factories.make_user("secretary", branch))
    shown = client.post(url("pledge_new", member.pk), WORDS | {"organization": branch.pk})
    assert shown.status_code == 200 and "欧阳明" in page(shown)
    pledge = agreed(member, branch, officer)
    other = factories.make_user("secretary", factories.make_branch(city.yuehai))
    client.force_login(other)
    assert client.get(url("pledge_withdraw", pledge.pk)).status_code == 404
    for role in ("leader", "registrar"):
        client.force_login(factories.make_user(role, city.yuehai))
        for address in (url("pledges"), url("pledge_withdraw", pledge.pk), url("pledge_new", member.pk)):
            assert client.get(address).status_code == 403


def test_whoever_knows_the_person_may_take_it_down_in_another_organizations_name_too(client, city, officer):
    """Reported here, on the roll of a branch of another guidance station: the person asks where they are."""
    row = make.verified(city.yuehai, by=officer)
    far = factories.make_branch(city.shahe)
    factories.make_affiliation(row.member, far, starts_on=BEFORE)
    pledge = agreed(row.member, far, factories.make_user("officer", city.shahe))
    client.force_login(officer)
    client.post(url("pledge_withdraw", pledge.pk))
    assert not is_live(pledge)
    assert not Pledge.objects.visible_to(officer).exists()  # ended, it is its organization's to see to


def test_only_organizations_of_the_person_are_offered(desk, city, member, branch):
    taking = factories.make_branch(city.yuehai)
    factories.make_affiliation(member, taking, kind="activity", starts_on=BEFORE)
    far = factories.make_branch(city.lianhua)
    factories.make_affiliation(member, far, kind="activity", starts_on=BEFORE)
    factories.make_branch(city.yuehai)
    offered = desk.get(url("pledge_new", member.pk)).context["form"].fields["organization"].queryset
    assert set(offered) == {branch, taking}


def test_not_offered_while_consent_is_due_or_after_the_end(desk, city, officer):
    one = make.verified(city.yuehai, by=officer).member
    other = make.verified(city.yuehai, by=officer).member
    services.member_end(member=other, reason="moved_out", by=officer)
    assert "登记三亮" in page(desk.get(url("detail", one.pk)))
    assert "登记三亮" not in page(desk.get(url("detail", other.pk)))
    make.later_notice("V9", anew=True)
    assert "登记三亮" not in page(desk.get(url("detail", one.pk)))
    answer = desk.post(url("pledge_new", one.pk), WORDS | {"organization": city.yuehai.pk})
    assert answer.status_code == 422 and "重新取得同意" in page(answer)


@pytest.mark.parametrize("way", ["end", "affiliation", "edit"])
def test_an_act_that_ends_it_says_that_the_plaque_comes_down(desk, member, branch, officer, way):
    pledge = agreed(member, branch, officer)
    address, sent = {
        "end": (url("member_end", member.pk), {"reason": "died", "ended_on": str(timezone.localdate())}),
        "affiliation": (url("affiliation_end", member.affiliations.get().pk), {}),
        "edit": (url("member_edit", member.pk), {"sex": member.sex, "standing": "probationary"}),
    }[way]
    assert "请今天取下牌子" in page(desk.post(address, sent, follow=True))
    assert not is_live(pledge)


def test_the_admin_shows_it_masked_and_changes_nothing(desk, member, branch, officer):
    pledge = agreed(member, branch, officer)
    shown = page(desk.get(reverse("admin:members_pledge_changelist")))
    opened = page(desk.get(reverse("admin:members_pledge_change", args=[pledge.pk])))
    assert "欧*" in shown and "欧*" in opened and "欧阳明" not in shown + opened
    assert AuditEvent.objects.get(act="members.pledge.read").subjects == [member.pk]
    assert desk.get(reverse("admin:members_pledge_add")).status_code == 403
