"""Writes into another district: every form with a far row chosen, the API, files that name far rows by their keys, bulk acts."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.forms import ModelChoiceField, ModelMultipleChoiceField
from django.urls import reverse

from members.models import Affiliation
from tables import services as files
from tables.register import Cannot
from tables.work import apply, check
from tests.conftest import as_owner
from tests.markets.files import to_csv
from tests.members.test_import_rolls import person
from tests.persona_world import FAR_MARKS, FAR_NUMBER
from tests.test_canaries import STAFF_OF_ONE, asked
from tests.test_personas import RULED, admin_part, rule_of, values, world  # noqa: F401  `world` is a fixture

pytestmark = pytest.mark.django_db
OURS = ("accounts_user", "orgs_", "markets_", "members_", "stations_", "reports_", "tables_", "jobs_job")


def everything_of(prefixes=OURS) -> dict[str, str]:
    """A digest of every table of the product (not of the audit and the sessions, which every request writes)."""
    found = {}
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            if table.startswith(prefixes):
                cursor.execute(
                    f"SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM \"{table}\" t"
                )
                found[table] = cursor.fetchone()[0]
    return found


def forms_in(response) -> list:
    context = getattr(response, "context", None) or {}
    found = [context.get(name) for name in ("form", "adminform")] if hasattr(context, "get") else []
    return [getattr(one, "form", one) for one in found if one is not None]


def plausible(field):
    kind = type(field).__name__
    choices = [key for key, _ in getattr(field, "choices", []) if key not in ("", None)]
    return choices[0] if choices else "on" if "Boolean" in kind else "2026-01-05" if "Date" in kind else "1"


def filled(form) -> dict:
    """What the form would send as it stands; what is empty and needed gets something plausible."""
    sent = {}
    for name, field in form.fields.items():
        value = form[name].value()
        if value in (None, "", []) and field.required:
            value = plausible(field)
        if value not in (None, False):
            sent[form.add_prefix(name)] = getattr(value, "value", value)
    return {
        name: [str(one) for one in value] if isinstance(value, list) else str(value) for name, value in sent.items()
    }


def rows_named(form, name: str, world) -> tuple[str, str] | None:  # noqa: F811
    """A far row, and a near one, for a field that chooses a row: (far, near) numbers."""
    field = form.fields[name]
    if not isinstance(field, ModelChoiceField | ModelMultipleChoiceField):
        return None
    model = field.queryset.model
    sides = [
        next((row for row in vars(side).values() if isinstance(row, model) and getattr(row, "pk", None)), None)
        for side in (world.far, world.near)
    ]
    return (str(sides[0].pk), str(sides[1].pk)) if all(sides) and sides[0] != sides[1] else None


WRITES = [
    address
    for address in RULED
    if not address.unnamed_route and (rule := rule_of(address)) is not None
    and (rule.who & set(STAFF_OF_ONE)) and not address.name.startswith(("api:", "jobs:"))
]  # fmt: skip


def tried(world, persona: str, address) -> tuple[int, list[str]]:  # noqa: F811
    """POSTs the form of an address once for each field that chooses a row, with a far one; (how many, what went wrong)."""
    page = rule_of(address)
    assert page is not None
    part = admin_part(address.name)
    if part and part[1] in ("history", "delete", "changelist"):
        return 0, []
    url = address.url(**values(world, persona, page, address, "near")) if page.row else address.url(**page.extra)
    shown = asked(world, persona, "get", url, page.query)
    if shown.status_code != 200:
        return 0, []
    count, found = 0, []
    for form in forms_in(shown):
        for name in getattr(form, "fields", ()):
            pair = rows_named(form, name, world)
            if pair is None:
                continue
            count += 1
            with transaction.atomic():
                before = everything_of()
                sent = filled(form) | {form.add_prefix(name): pair[0]}
                response = world.clients[persona].post(url, sent)
                changed = [table for table, digest in everything_of().items() if digest != before[table]]
                transaction.set_rollback(True)
            world.clients[persona].cookies.pop("messages", None)
            if changed:
                found.append(f"{persona} {name}={pair[0]} ({response.status_code}) wrote {changed}")
            if response.status_code >= 500:
                found.append(f"{persona} {name} is {response.status_code}")
    return count, found


def test_a_far_row_chosen_in_any_form_writes_nothing(world):  # noqa: F811
    """Also what re-parents a near row: the far unit is one of the choices that are tried."""
    count, found = 0, []
    for address in WRITES:
        rule = rule_of(address)
        assert rule is not None
        for persona in sorted(rule.who & set(STAFF_OF_ONE)):
            tries, wrong = tried(world, persona, address)
            count += tries
            found += [f"{address.name} {one}" for one in wrong]
    assert not found, "\n".join(found)
    assert count > 40, count


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_api_of_records_takes_no_writes(world, method):  # noqa: F811
    before = everything_of()
    for address in RULED:
        if address.name.startswith("api:") and address.name.endswith(("-list", "-detail")):
            page = rule_of(address)
            assert page is not None
            url = address.url(**values(world, "officer", page, address, "near")) if page.row else address.url()
            for persona in STAFF_OF_ONE:
                assert asked(world, persona, method, url).status_code in (403, 404, 405), address.name
    assert everything_of() == before


def bring(by, target: str, rows: list[dict]) -> dict:
    upload = SimpleUploadedFile("文件.csv", to_csv(rows).encode())
    try:
        batch = files.batch_start(by=by, target_name=target, uploads=[upload])
        check(batch.job, lambda *said: None)
        batch.refresh_from_db()
        if batch.state == "checked":
            batch = files.batch_confirm(batch=batch, by=by)
            apply(batch.job, lambda *said: None)
            batch.refresh_from_db()
    except Cannot:
        return {}
    assert not FAR_MARKS.search(json.dumps(batch.plan, ensure_ascii=False).replace(FAR_NUMBER, ""))
    return batch.counts


def far_files(world) -> dict[str, tuple[str, str, dict]]:  # noqa: F811
    far = world.far
    return {
        "business by its code": ("registrar_district", "business", {
            "统一社会信用代码": far.business.uscc, "名称": "改了名的有限公司", "主体类型": "有限责任公司",
            "所属区": far.business.district.name, "监管所": far.unit.name}),
        "business by its code, as one of ours": ("registrar_district", "business", {
            "统一社会信用代码": far.business.uscc, "名称": "改了名的有限公司", "主体类型": "有限责任公司",
            "所属区": world.near.business.district.name}),
        "market by its code": ("registrar_district", "market", {"编号": far.market.code, "名称": "改了名的市场"}),
        "place by its code": ("registrar_district", "service_point", {"编号": far.place.code, "名称": "改了名的驿站"}),
        "organization by its code": ("registrar_district", "organization", {
            "编号": far.branch.code, "名称": "改了名的支部"}),
        "market re-parented to us": ("registrar_district", "market", {
            "编号": far.market.code, "名称": far.market.name, "指导站": world.near.unit.name}),
        "member by the number": ("secretary", "roll", person(
            身份证号=FAR_NUMBER, 姓名="改了姓名", 手机号="13900000000", 党支部=world.near.branch.name)),
        "member by the file number": ("officer", "roll", {
            "档案编号": str(far.member.pk), "姓名": "改了姓名", "党支部": world.near.branch.name}),
        "our member onto a far roll": ("officer", "roll", {
            "档案编号": str(world.near.member.pk), "党支部": far.branch.name}),
        "registration by its number": ("officer", "lead", {
            "报到编号": str(far.registration.pk), "姓名": "改了姓名", "手机号": "13900000000"}),
    }  # fmt: skip


def of_far(world) -> dict[str, list]:  # noqa: F811
    """Every row of the far side as it stands, and who is affiliated there."""
    rows = {
        name: list(type(row)._default_manager.filter(pk=row.pk).values())
        for name, row in vars(world.far).items()
        if hasattr(row, "_meta") and name not in ("notice", "event", "closing", "reported", "platform")
    }
    rows["roll"] = list(Affiliation.objects.filter(organization=world.far.branch).order_by("pk").values())
    return rows


FILES = [
    "business by its code", "business by its code, as one of ours", "market by its code", "place by its code",
    "organization by its code", "market re-parented to us", "member by the number", "member by the file number",
    "our member onto a far roll", "registration by its number",
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_names_a_far_row_by_its_key_changes_nothing_there(world, settings, tmp_path, name):  # noqa: F811
    settings.MEDIA_ROOT = str(tmp_path)
    persona, target, row = far_files(world)[name]
    with transaction.atomic():
        before = of_far(world)
        counts = bring(world.users[persona], target, [row])
        after = of_far(world)
        transaction.set_rollback(True)
    assert after == before
    assert not counts.get("changed") and not counts.get("new"), counts


def test_a_bulk_act_on_far_rows_does_nothing(world):  # noqa: F811
    for persona in ("registrar_district",):
        with transaction.atomic():
            before = of_far(world)
            for sent in ({"act": "key", "row": [str(world.far.business.pk)]},
                         {"act": "key", "all": "on", "confirm": "on", "count": "1"}):  # fmt: skip
                url = reverse("lists:bulk", args=["business"])
                response = world.clients[persona].post(url, sent)
                assert not FAR_MARKS.search(response.content.decode())
            assert of_far(world) == before
            transaction.set_rollback(True)
