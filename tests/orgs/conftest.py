import pytest

from tests import factories as make


@pytest.fixture
def city(db):
    return make.make_city()
