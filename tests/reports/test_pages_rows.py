"""One number, one query: the tile on the page and the list behind it say the same."""

import io
from urllib.parse import urlencode

import pytest
from django.urls import reverse
from python_calamine import CalamineWorkbook

from accounts.models import AuditEvent
from jobs.models import Job
from jobs.runner import job_run
from members.models import Transfer
from reports import metrics, selectors, tiles
from reports.row_columns import persons_in
from tables import taking
from tables.models import Export
from tests.reports import builders as b

pytestmark = pytest.mark.django_db


def rows(client, code: str, **query):
    return client.get(reverse("reports:rows", args=[code]), query)


def number(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.mark.parametrize("query", ["", "?denominator=operating", "?denominator=registered&range=enterprises"])
def test_every_tile_of_the_page_is_the_total_of_its_list(sign_in, town, query):
    client = sign_in("officer")  # the responsible guidance station: every list is open
    page = client.get(reverse("reports:dashboard") + query)
    checked = 0
    for group in page.context["groups"]:
        for tile in group["tiles"]:
            if not tile["url"]:
                continue
            listed = client.get(tile["url"])
            assert listed.status_code == 200, tile["url"]
            shown = tile["numerator"] if tile.get("denominator") else tile["value"]
            assert listed.context["total"] == number(shown), tile["label"]
            assert not listed.context["computed"]
            checked += 1
    assert checked >= 25


def test_the_tile_of_a_city_leader_is_the_total_of_its_list(sign_in, town):
    client = sign_in("city_leader")
    page = client.get(reverse("reports:dashboard"), {"denominator": "operating"})
    for group in page.context["groups"]:
        for tile in group["tiles"]:
            if not tile["url"] or metrics.METRICS[tile["code"]].person:
                continue
            shown = tile["numerator"] if tile.get("denominator") else tile["value"]
            assert client.get(tile["url"]).context["total"] == number(shown), tile["label"]


def test_of_a_grassroots_body_what_is_counted_has_a_list_and_the_rest_says_so(sign_in, town):
    """An address written by hand: 共 0 户 stood where the number is —."""
    client, branch = sign_in("officer"), town.city.yuehai.children.first()
    counted = selectors.latest(branch).counts
    for code in ("organizations", "covered", "operating", "markets", "instructors"):
        listed = rows(client, code, organization=branch.code, denominator="operating")
        is_counted = metrics.count_key(code, "operating") in counted
        assert ("total" in listed.context) == is_counted, code
        assert is_counted or "只统计到指导站" in listed.context["empty_reason"]
    assert "organizations" in counted and "operating" not in counted


def test_the_unassigned_line_has_its_own_rows(sign_in, town):
    client = sign_in("city_leader")
    line = selectors.unassigned(town.city.nanshan)
    listed = rows(client, "operating", organization=town.city.nanshan.code, part="unassigned", denominator="operating")
    assert listed.context["total"] == line.value("operating") == 1
    assert "直属/待分派" in listed.context["subtitle"]


def test_persons_end_at_counts_above_the_guidance_station(sign_in, town):
    client = sign_in("city_leader")
    city = rows(client, "members_verified", organization=town.city.city.code)
    assert city.context["not_open"]
    names = [row["cells"][0]["text"] for row in city.context["table"]["rows"]]
    assert town.city.nanshan.name in names and "王*" not in city.content.decode()
    down = client.get(
        next(row["url"] for row in city.context["table"]["rows"] if row["cells"][0]["text"] == town.city.nanshan.name)
    )
    assert town.city.yuehai.name in [row["cells"][0]["text"] for row in down.context["table"]["rows"]]


def test_small_counts_are_hidden_where_the_list_is_not_open(sign_in, town):
    page = rows(sign_in("city_leader"), "members_taken_in", organization=town.city.city.code)
    assert page.context["not_open"]
    b.make.make_affiliation(b.make.make_member("孙七"), town.branch, kind="activity")
    from tests.reports.helpers import refresh

    refresh()
    page = rows(sign_in("city_leader"), "members_taken_in", organization=town.city.city.code)
    texts = {row["cells"][0]["text"]: row["cells"][1]["text"] for row in page.context["table"]["rows"]}
    assert texts[town.city.nanshan.name] == "不显示" and "1" not in texts.values()


def test_a_page_of_persons_is_masked_and_audited(sign_in, town):
    page = rows(sign_in("officer"), "members_verified", organization=town.city.yuehai.code)
    text = page.content.decode()
    assert "王*" in text and "王五" not in text
    event = AuditEvent.objects.filter(act="reports.rows.view").latest("id")
    assert len(event.subjects) == 7 and "王" not in str(event.detail)


def test_of_check_ins_and_transfers_the_persons_are_written_down(sign_in, town):
    member = b.make.make_member("孙七")
    b.make.make_affiliation(member, town.branch)
    row = Transfer(member=member, origin=town.branch)
    assert persons_in([row, row, member]) == [member]


def test_a_changed_list_says_what_the_dashboard_said(sign_in, town):
    client = sign_in("city_leader")
    b.business(town.city.lianhua)
    page = rows(client, "operating", organization=town.city.city.code, denominator="operating")
    before = selectors.latest(town.city.city).value("operating")
    assert page.context["total"] == before + 1
    assert f"{before:,}" in page.context["computed"]


def test_pages_follow_each_other_without_a_gap(sign_in, town):
    for _ in range(60):
        b.business(town.city.lianhua)
    client = sign_in("city_leader")
    page = rows(client, "operating", organization=town.city.city.code, denominator="operating")
    first = [row["cells"][0]["text"] for row in page.context["table"]["rows"]]
    after = client.get(reverse("reports:rows", args=["operating"]) + page.context["page"].next_url)
    second = [row["cells"][0]["text"] for row in after.context["table"]["rows"]]
    assert len(first) == 50 and len(first) + len(second) == page.context["total"]
    assert not set(first) & set(second)
    back = client.get(reverse("reports:rows", args=["operating"]) + after.context["page"].previous_url)
    assert [row["cells"][0]["text"] for row in back.context["table"]["rows"]] == first


def test_unknown_metrics_and_days_are_refused(sign_in, town):
    client = sign_in("city_leader")
    assert rows(client, "nonsense").status_code == 404
    page = rows(client, "operating", as_of="yesterday")
    assert page.status_code == 400 and "日期写法" in page.content.decode()


def test_every_counting_metric_has_columns(sign_in, town):
    client = sign_in("officer")
    for code in metrics.METRICS:
        assert rows(client, code, organization=town.city.yuehai.code).status_code == 200, code
    assert set(tiles.tile_codes()) <= set(metrics.METRICS)


# --- export -----------------------------------------------------------------------------------------------------------


def taking_out(code: str, **query) -> str:
    return reverse("lists:export", args=[f"rows-{code}"]) + f"?{urlencode(query)}"


def test_an_export_has_the_rows_of_the_list_and_is_recorded(sign_in, town):
    client = sign_in("city_leader")
    page = rows(client, "due_not_built", organization=town.city.city.code)
    url = page.context["exports"][0]["url"]
    assert f"{page.context['total']:,} 行" in client.get(url).text
    response = client.post(url, {"purpose": "区级例会通报", "format": "csv"})
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("名称,统一社会信用代码") and len(lines) == 1 + page.context["total"]
    event = AuditEvent.objects.filter(act="reports.rows.export").latest("id")
    assert event.purpose == "区级例会通报" and event.detail["rows"] == page.context["total"]
    assert Export.objects.get().rows == page.context["total"]


@pytest.mark.parametrize(
    ("code", "query"),
    [
        ("operating", {"denominator": "operating", "range": "enterprises"}),
        ("operating", {"denominator": "operating", "part": "unassigned"}),
        ("organization_coverage_strict", {"denominator": "operating"}),
        ("organizations", {}),
        ("markets", {}),
    ],
)
@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_a_list_too_long_to_wait_for_is_delivered_whole(
    sign_in, town, settings, tmp_path, monkeypatch, code, query, format
):
    settings.MEDIA_ROOT = str(tmp_path)
    monkeypatch.setattr(taking, "AT_ONCE", 0)
    client = sign_in("district_leader")
    page = rows(client, code, organization=town.city.nanshan.code, **query)
    total = page.context["total"]
    client.post(page.context["exports"][0]["url"], {"purpose": "区级例会通报", "format": format})
    job = Job.objects.get()
    job_run(job_id=job.pk)
    kept = Export.objects.get()
    assert total and kept.rows == total
    file = b"".join(client.get(reverse("lists:download", args=[kept.pk])).streaming_content)
    if format == "csv":
        delivered = len(file.decode("utf-8-sig").splitlines()) - 1
    else:
        delivered = len(CalamineWorkbook.from_filelike(io.BytesIO(file)).get_sheet_by_index(0).to_python()) - 1
    assert delivered == total
    assert client.get(job.params["url"]).context["total"] == total  # the way back leads to the same list


def test_rows_of_another_unit_or_of_persons_are_not_taken_out(sign_in, town):
    client = sign_in("district_leader")
    assert client.get(taking_out("operating", organization=town.city.futian.code)).status_code == 404
    assert client.get(taking_out("operating", denominator="nonsense")).status_code == 404
    assert client.get(taking_out("nonsense")).status_code == 404


def test_an_export_needs_a_purpose_and_the_right(sign_in, town):
    url = taking_out("operating", denominator="operating")
    refused = sign_in("city_leader").post(url, {"purpose": "", "format": "csv"})
    assert refused.status_code == 422
    assert sign_in("officer").post(url, {"purpose": "区级例会通报", "format": "csv"}).status_code == 403
    assert not Export.objects.exists()


def test_persons_are_not_exported_from_here(sign_in, town):
    client = sign_in("city_leader")
    for code in ("members_distinct", "registrations", "check_ins_30d", "with_members"):
        assert client.get(taking_out(code)).status_code == 404
        assert not rows(client, code, organization=town.city.city.code).context.get("exports")


def test_a_share_ends_at_the_counts_of_its_parts(sign_in, town):
    page = rows(
        sign_in("city_leader"), "organization_coverage", organization=town.city.city.code, denominator="with_members"
    )
    assert page.context["not_open"]
    assert [column["label"] for column in page.context["table"]["columns"]][1:3] == ["分子", "分母（有党员）"]
    assert "%" not in page.context["total_text"]


def test_rows_outside_the_readers_scope_are_told_apart_from_changes(sign_in, town):
    from tests.reports.helpers import refresh

    b.cover(town.branch, b.business(town.city.lianhua))
    refresh()
    client = sign_in("district_leader")
    page = rows(client, "covered_own", organization=town.branch.code, denominator="operating")
    assert "不在您的管辖范围内" in page.context["computed"]
