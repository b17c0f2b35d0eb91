import pytest
from django.utils import timezone

from orgs.services import organization_merge
from stations.models import ServicePoint
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("both", [True, False])
def test_merged_guidance_stations_keep_one_counter(both):
    city = make.make_city()
    counter = ServicePoint.Kind.COUNTER
    goes = make.make_service_point(city.shahe, kind=counter)
    if both:
        make.make_service_point(city.lianhua, kind=counter)
    organization_merge(source=city.shahe, target=city.lianhua, on=timezone.localdate(), by=None)
    goes.refresh_from_db()
    assert goes.guidance_station == city.lianhua
    assert goes.closed_on == (timezone.localdate() if both else None)
    assert ServicePoint.objects.filter(guidance_station=city.lianhua, kind=counter, closed_on=None).count() == 1
