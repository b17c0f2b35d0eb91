"""A first load drops and builds the table's keys: afterwards the catalogue is what it was, whatever happened."""

import psycopg2
import pytest
from django.db import DatabaseError, connection, transaction

from markets.imports import first_load
from markets.models import Business, Declaration
from tables.models import Batch, BatchRange
from tables.statements import fetch, run
from tests import factories
from tests.markets import files
from tests.markets.files import make_code, make_row

pytestmark = pytest.mark.django_db(transaction=True)


def catalogue() -> list[tuple]:
    return fetch(
        "SELECT conname, contype::text, condeferrable, condeferred, convalidated, pg_get_constraintdef(oid) "
        "FROM pg_constraint WHERE 'markets_business'::regclass IN (conrelid, confrelid) UNION ALL "
        "SELECT c.relname, 'index', i.indisunique, i.indisprimary, i.indisvalid, pg_get_indexdef(i.indexrelid) "
        "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'markets_business'::regclass "
        "ORDER BY 1, 2"
    )


@pytest.fixture
def first(monkeypatch):
    """Every first load is large; the list tells whether one took place."""
    monkeypatch.setattr(first_load, "FROM_ROWS", 1)
    built, made = [], first_load._make_bare
    monkeypatch.setattr(first_load, "_make_bare", lambda last: built.append(made(last)) or built[-1])
    return built


def test_rows_are_in_and_the_catalogue_is_what_it_was(send, first):
    before = catalogue()
    rows = [make_row(从业人数="20", 正式党员数="3"), make_row(从业人数="?"), make_row(), make_row()]
    answer = send(rows)
    assert first[0][1] > 15 and catalogue() == before
    assert (answer["new"], answer["wrong"], Declaration.objects.count()) == (3, 1, 1)
    ids = list(Business.objects.order_by("pk").values_list("pk", flat=True))
    assert list(BatchRange.objects.values_list("first", "last")) == [(ids[0], ids[0]), (ids[1], ids[2])]
    assert factories.make_business(factories.Organization.objects.get(short_name="粤海指导站")).pk > ids[-1]
    assert send(rows)["unchanged"] == 3 and len(first) == 1


def test_what_fails_on_the_way_leaves_the_table_as_it_was(send, first, monkeypatch):
    before = catalogue()

    def full(*arguments):
        raise DatabaseError("disk full")

    monkeypatch.setattr(first_load, "keep_made", full)
    with pytest.raises(DatabaseError):
        send([make_row(), make_row()])
    assert len(first) == 1 and catalogue() == before
    assert not Business.objects.exists() and not Batch.objects.exists()


def test_while_somebody_reads_the_rows_go_the_ordinary_way(send, first):
    send([make_row()])
    Business.objects.all().delete()
    before = catalogue()
    settings = connection.get_connection_params()
    reader = psycopg2.connect(
        **{key: settings[key] for key in ("dbname", "user", "password", "host", "port") if key in settings}
    )
    with reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM markets_business")
        assert send([make_row(), make_row()])["new"] == 2
    reader.close()
    assert first[-1] is None and catalogue() == before


def test_the_web_role_may_neither_commit_a_bare_table_nor_touch_one_with_rows(city):
    before = catalogue()
    with pytest.raises(DatabaseError, match="not rebuilt"), transaction.atomic():
        run("SELECT markets_business_bare(10)")
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        run("SELECT * FROM markets_firstload")
    factories.make_business(city.yuehai)
    with pytest.raises(DatabaseError, match="not empty"), transaction.atomic():
        run("SELECT markets_business_bare(10)")
    assert catalogue() == before


def test_small_files_keep_the_keys(registrar, tmp_path, monkeypatch):
    monkeypatch.setattr(first_load, "_make_bare", lambda last: pytest.fail("not a large file"))
    assert (
        files.import_file(files.write(tmp_path / "few.csv", [make_row(统一社会信用代码=make_code())]), registrar)["new"]
        == 1
    )
