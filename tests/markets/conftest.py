import pytest

from tests import factories
from tests.markets import files


@pytest.fixture
def city(db):
    return factories.make_city()


@pytest.fixture
def registrar(city):
    return factories.make_user("registrar", city.city)


@pytest.fixture
def send(registrar, tmp_path):
    """`send(rows, …)`: import rows as the city's registrar; the command's answer."""

    def sending(rows, *options, by=registrar, encoding="utf-8", **more):
        return files.import_file(files.write(tmp_path / "file.csv", rows, encoding, **more), by, *options)

    return sending
