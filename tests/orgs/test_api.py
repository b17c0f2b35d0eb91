import pytest
from rest_framework.test import APIRequestFactory, force_authenticate

from orgs.api import DivisionViewSet, OrganizationViewSet
from tests import factories as make

pytestmark = pytest.mark.django_db


def get(viewset, user, action="list", pk=None, **query):
    request = APIRequestFactory().get("/", query)
    force_authenticate(request, user=user)
    view = viewset.as_view({"get": action})
    return view(request, pk=pk) if pk else view(request)


@pytest.fixture
def leader(city):
    return make.make_user("leader", city.nanshan)


def codes(response) -> set[str]:
    assert response.status_code == 200, response.data
    return {row["code"] for row in response.data["results"]}


def test_the_api_shows_the_scope_with_level_and_code(city, leader):
    response = get(OrganizationViewSet, leader)
    assert codes(response) == {city.nanshan.code, city.yuehai.code, city.shahe.code}
    row = next(row for row in response.data["results"] if row["code"] == city.yuehai.code)
    assert (row["id"], row["level"], row["parent"], row["district_committee"], row["guidance_station"]) == (
        city.yuehai.pk, 3, city.nanshan.pk, city.nanshan.pk, city.yuehai.pk,
    )  # fmt: skip
    assert "path" not in row


def test_filters_of_the_api(city, leader):
    branch = make.make_branch(city.yuehai, kind="joint_branch", closed_on="2026-01-01")
    for query, found in (
        ({"level": 3}, {city.yuehai.code, city.shahe.code}),
        ({"kind": "joint_branch"}, {branch.code}),
        ({"parent": city.yuehai.pk}, {branch.code}),
        ({"code": city.shahe.code}, {city.shahe.code}),
        ({"guidance_station": city.yuehai.pk}, {city.yuehai.code, branch.code}),
        ({"open": "false"}, {branch.code}),
        ({"open": "true", "level": 4}, set()),
        ({"district": city.divisions["futian"].pk}, set()),
    ):
        assert codes(get(OrganizationViewSet, leader, **query)) == found


def test_an_unknown_parameter_or_value_is_refused(city, leader):
    assert get(OrganizationViewSet, leader, levle=3).status_code == 400
    assert get(OrganizationViewSet, leader, level=9).status_code == 400


def test_outside_the_scope_is_404_and_without_the_right_403(city, leader):
    assert get(OrganizationViewSet, leader, "retrieve", pk=city.yuehai.pk).status_code == 200
    assert get(OrganizationViewSet, leader, "retrieve", pk=city.lianhua.pk).status_code == 404
    assert get(OrganizationViewSet, make.make_user(duty="audit")).status_code == 403


def test_divisions_of_the_scope(city, leader):
    found = codes(get(DivisionViewSet, leader, level=3))
    assert found == {city.divisions["yuehai"].code, city.divisions["shahe"].code}
