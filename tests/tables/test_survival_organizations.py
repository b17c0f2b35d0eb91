"""The same for a file of organizations, which has a writer of its own: killed for real, it is whole or absent."""

from collections import Counter

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from orgs.models import Organization, OrganizationChange
from tables import services
from tests import factories
from tests.markets.files import to_csv
from tests.tables.test_survival import kill, work

pytestmark = pytest.mark.django_db(transaction=True)
BRANCHES = [f"甲{number}联合党支部" for number in range(5)]


@pytest.fixture
def clerk(city):
    return factories.make_user("registrar", city.city)


@pytest.fixture
def batch(city, clerk):
    rows = [
        {"代码": f"NS{at}", "名称": name, "类型": "联合党支部", "上级": "粤海指导站"}
        for at, name in enumerate(BRANCHES)
    ]
    upload = SimpleUploadedFile("党组织.csv", to_csv(rows).encode())
    checked = work(services.batch_start(by=clerk, target_name="organization", uploads=[upload]))
    assert checked.counts["new"] == len(BRANCHES), checked.counts
    return services.batch_confirm(batch=checked, by=clerk)


def there() -> Counter:
    return Counter(Organization.objects.filter(name__in=BRANCHES).values_list("name", flat=True))


@pytest.mark.parametrize("point", ["apply.written", "apply.audited", "apply.committed", "apply.told"])
def test_killed_while_writing(batch, point, settings):
    standing = OrganizationChange.objects.count()
    kill(batch, point, settings.MEDIA_ROOT)
    is_whole = point in ("apply.committed", "apply.told")
    assert there() == (Counter(BRANCHES) if is_whole else Counter())
    assert (OrganizationChange.objects.count() > standing) is is_whole
    work(batch)
    assert batch.state == "applied" and there() == Counter(BRANCHES)


@pytest.mark.parametrize("point", ["undo.locked", "undo.audited", "undo.committed"])
def test_killed_while_taking_back(batch, clerk, point, settings):
    work(batch)
    services.batch_undo(batch=batch, by=clerk)
    kill(batch, point, settings.MEDIA_ROOT)
    assert there() == (Counter() if point == "undo.committed" else Counter(BRANCHES))
    work(batch)
    assert batch.state == "undone" and there() == Counter()
