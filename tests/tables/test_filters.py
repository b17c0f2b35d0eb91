"""Typed filters fit into an address, and a longer text gets a sentence on the page."""

import django_filters
import pytest
from django.urls import reverse

from tables.filters import LONGEST
from tables.listing import listings
from tests import factories

pytestmark = pytest.mark.django_db
LINE = 8190  # signs of a request's first line (deploy/entrypoint.sh)


def typed(listing) -> dict:
    """The fields of a list's form in which one types."""
    filters = listing.filter_class.base_filters
    return {name: one.field for name, one in filters.items() if isinstance(one, django_filters.CharFilter)}


def test_every_typed_filter_is_as_long_as_an_address_can_carry(city):
    assert len([one for one in listings() if typed(one)]) > 5
    for listing in listings():
        fields = typed(listing)
        for name, field in fields.items():
            assert field.max_length and field.max_length <= LONGEST, (listing.name, name)
            assert field.widget.attrs["maxlength"] == str(field.max_length), (listing.name, name)
        assert sum(9 * field.max_length for field in fields.values()) < LINE / 2, listing.name


@pytest.mark.parametrize(
    "address", ["orgs:list", "markets:business_list", "markets:market_list", "markets:platform_list"]
)
def test_a_longer_text_gets_a_sentence_and_stays_in_the_box(client, city, address):
    client.force_login(factories.make_user("leader", city.city))
    text = "长" * (LONGEST + 1)
    page = client.get(reverse(address), {"q": text})
    assert page.status_code == 200 and text in page.text
    assert f"最多 {LONGEST} 个字，现在有 {LONGEST + 1} 个" in page.text
    assert "最多" not in client.get(reverse(address), {"q": text[1:]}).text


def test_the_server_takes_a_line_that_long():
    for path in ("deploy/entrypoint.sh", "tools/demo.py"):
        with open(path, encoding="utf-8") as source:
            said = source.read().replace("=", " ")
        assert f"--limit-request-line {LINE}" in said, path


def test_a_wrong_filter_stands_open_and_nothing_is_said_not_to_be_there(client, city):
    """On a phone the form is folded: what is wrong in it would not be seen. Of each kind of list one."""
    client.force_login(factories.make_user("officer", city.yuehai))
    told = (
        ("markets:business_list", "dormant", "没有符合条件的经营主体"), ("members:queue", "verified", "没有符合条件的报到"),
    )  # fmt: skip
    for address, right, empty in told:
        wrong = client.get(reverse(address), {"state": "zzz"}).text
        assert 'aria-expanded="true" aria-controls="filter-fields"' in wrong and "collapse d-md-block show" in wrong
        assert "筛选条件有误，没有查找" in wrong and "筛选没有生效" in wrong, address
        none = client.get(reverse(address), {"state": right}).text
        assert 'aria-expanded="false" aria-controls="filter-fields"' in none and "d-md-block show" not in none
        assert "筛选条件有误" not in none and empty not in wrong and empty in none, address
