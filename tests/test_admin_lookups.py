"""No list in the admin answers a lookup that it does not offer: a filter on a masked column would unmask it."""

import pytest
from django.contrib import admin

from accounts.models import User
from tests import factories as make

pytestmark = pytest.mark.django_db
ADMINS = sorted(admin.site._registry.items(), key=lambda item: item[0]._meta.label)


@pytest.mark.parametrize(("model", "model_admin"), ADMINS, ids=[model._meta.label for model, _ in ADMINS])
def test_admin_offers_no_lookup_on_a_column_that_is_no_filter(rf, model, model_admin):
    request = rf.get("/")
    request.user = make.make_user("officer", make.make_city().city)
    filters = [item[0] if isinstance(item, tuple) else item for item in model_admin.get_list_filter(request)]
    offered = {getattr(item, "parameter_name", item) for item in filters}
    others = [field.name for field in model._meta.fields if field.name not in offered]
    assert others and not any(model_admin.lookup_allowed(f"{name}__startswith", "a", request) for name in others)


@pytest.mark.parametrize(
    ("role", "duty", "url"),
    [
        ("officer", User.Duty.STAFF, "/admin/members/member/?name__startswith=王"),
        ("officer", User.Duty.STAFF, "/admin/members/member/?phone_tail__exact=8000"),
        ("", User.Duty.SECURITY, "/admin/accounts/user/?password__startswith=pbkdf2"),
        ("", User.Duty.SYSTEM, "/admin/jobs/job/?title__contains=a"),
    ],
)
def test_lookup_that_is_not_offered_is_refused(client, role, duty, url):
    unit = make.make_city().city if role else None
    client.force_login(make.make_user(role, unit) if role else make.make_user(duty=duty))
    assert client.get(url).status_code == 400


def test_filter_that_a_list_offers_still_works(client):
    client.force_login(make.make_user("officer", make.make_city().city))
    for query in ("standing__exact=full", "ended__exact="):
        assert client.get(f"/admin/members/member/?{query}").status_code == 200
    assert client.get("/admin/orgs/organization/?open=yes&level__exact=4").status_code == 200
    assert client.get("/admin/stations/servicepoint/?closed_on__isempty=1").status_code == 200


@pytest.mark.parametrize("url", ["/dashboard/o/%00/", "/q/%00/", "/r/%00/", "/api/v1/organizations/%00/"])
def test_address_with_a_nul_is_a_missing_one(client, url):
    client.force_login(make.make_user("leader", make.make_city().city))
    response = client.get(url)
    assert response.status_code == 404 and "Content-Security-Policy" in response.headers


def test_counts_beside_the_choices_are_not_offered(client):
    """One count of millions for each choice of each filter."""
    client.force_login(make.make_user("leader", make.make_city().city))
    page = client.get("/admin/markets/business/")
    assert page.status_code == 200 and "_facets" not in page.content.decode()
