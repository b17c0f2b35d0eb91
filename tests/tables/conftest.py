import pytest

from tests import factories


@pytest.fixture
def city(db):
    return factories.make_city()


@pytest.fixture
def registrar(city):
    return factories.make_user("registrar", city.city)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")
