"""The small city, and a client of the intake that belongs to it. Files that need another city make their own."""

import pytest

from tests import factories
from tests.members.intake_tools import make_client


@pytest.fixture
def city(db):
    return factories.make_city()


@pytest.fixture
def sender(city):
    return make_client(city.city)
