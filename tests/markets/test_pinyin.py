"""Pinyin initials: how names sound, that they follow the name wherever it is written, and the command for old rows."""

import polars as pl
import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from markets.models import Business
from markets.pinyin import LONGEST, initials, initials_of
from markets.services import business_save
from tests import factories
from tests.markets import files


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("前海智能", "qhzn"),
        ("深圳市招商银行（南山）支行", "szszsyhnszh"),
        ("重庆小面", "cqxm"),
        ("重工机械", "zgjx"),
        ("厦门沙茶面", "xmscm"),
        ("长沙曾记米粉 7天", "cszjmf7t"),
        ("成长教育", "czjy"),
        ("自行车行", "zxch"),
        ("旅行社", "lxs"),
        ("ＫＦＣ快餐", "kfckc"),
        ("A·b店😀", "abd"),
        ("「」", ""),
    ],
)
def test_names_sound_as_businesses_are_called(name, letters):
    assert initials_of(name) == letters


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80), max_size=20))
def test_a_column_is_each_name_for_itself(names):
    found = initials(pl.Series(names, dtype=pl.String)).to_list()
    assert found == [initials_of(name) for name in names]
    assert all(len(one) <= LONGEST and (not one or one.isascii() and one.isalnum()) for one in found)


@pytest.mark.django_db
def test_initials_follow_the_name(city, registrar):
    row = factories.make_business(city.yuehai, name="甲店")
    row.name = "乙银行"
    business_save(business=row, by=registrar)
    row.refresh_from_db()
    assert row.name_pinyin == "yyh"


@pytest.mark.django_db
def test_an_import_writes_them_and_the_same_file_changes_nothing(send):
    line = files.make_row(名称="前海智能有限公司")
    assert send([line])["new"] == 1
    assert Business.objects.get().name_pinyin == "qhznyxgs"
    Business.objects.update(name_pinyin="")  # from before there were initials
    assert send([line])["unchanged"] == 1
    assert send([line | {"名称": "后海智能有限公司"}])["changed"] == 1
    assert Business.objects.get().name_pinyin == "hhznyxgs"


@pytest.mark.django_db(transaction=False)
def test_the_command_fills_what_is_missing_or_wrong(city, capsys):
    rows = [factories.make_business(city.yuehai, name=name, name_pinyin=was) for name, was in [
        ("前海店", ""), ("后海店", "xxx"), ("深海店", "shd"),
    ]]  # fmt: skip
    call_command("fill_pinyin")
    assert "补齐 2 个" in capsys.readouterr().out
    assert [Business.objects.get(pk=row.pk).name_pinyin for row in rows] == ["qhd", "hhd", "shd"]
    call_command("fill_pinyin")
    assert "补齐 0 个" in capsys.readouterr().out
