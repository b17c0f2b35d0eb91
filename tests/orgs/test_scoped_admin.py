"""What ScopedAdmin and PlacedFormMixin do for the admins of every room, tried on markets and businesses."""

import pytest
from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory

from accounts.models import AuditEvent
from markets.models import Business, Market
from orgs import scoped_admin
from orgs.forms import PlacedFormMixin
from orgs.scoped import ScopedAdmin
from tests import factories as make

pytestmark = pytest.mark.django_db
FIELDS = ["code", "name", "guidance_station", "street", "district_committee", "district"]


class MarketAdmin(ScopedAdmin):
    fields = FIELDS


class BareMarketAdmin(ScopedAdmin):
    """Its form hides the ancestors, so only the last fence is left."""

    fields = ["name"]


@pytest.fixture
def market_admin():
    return MarketAdmin(Market, admin.site)


def request_of(user):
    request = RequestFactory().post("/")
    request.user = user
    return request


def form_of(model_admin, user, instance=None, **data) -> forms.ModelForm:
    data = {name: getattr(value, "pk", value) for name, value in data.items()}
    form = model_admin.get_form(request_of(user), instance, change=instance is not None)
    return form({"code": "M1", "name": "新市场", **data}, instance=instance)


def save(model_admin, user, form) -> Market:
    obj = form.save(commit=False)
    model_admin.save_model(request_of(user), obj, form, change=obj.pk is not None)
    return obj


def places(row) -> tuple:
    return row.guidance_station, row.district_committee, row.street, row.district


def test_choosing_a_guidance_station_fills_the_other_three(city, market_admin):
    user = make.make_user("registrar", city.nanshan)
    form = form_of(market_admin, user, guidance_station=city.yuehai)
    assert form.is_valid(), form.errors
    made = Market.objects.get(pk=save(market_admin, user, form).pk)
    assert places(made) == (city.yuehai, city.nanshan, city.divisions["yuehai"], city.divisions["nanshan"])


def test_choosing_a_street_finds_its_guidance_station(city, market_admin):
    user = make.make_user("registrar", city.nanshan)
    form = form_of(market_admin, user, street=city.divisions["shahe"])
    assert form.is_valid(), form.errors
    assert places(form.instance)[:2] == (city.shahe, city.nanshan)


def test_a_district_alone_waits_to_be_assigned(city, market_admin):
    user = make.make_user("registrar", city.nanshan)
    form = form_of(market_admin, user, district_committee=city.nanshan)
    assert form.is_valid(), form.errors
    assert places(form.instance) == (None, city.nanshan, None, None)


def test_another_guidance_station_takes_its_own_district_along(city, market_admin):
    user = make.make_user("registrar", city.city)
    market = make.make_market(city.yuehai)
    form = form_of(
        market_admin, user, market, guidance_station=city.lianhua, district_committee=city.nanshan,
        street=city.divisions["lianhua"], district=city.divisions["nanshan"],
    )  # fmt: skip
    assert form.is_valid(), form.errors
    assert places(form.instance) == (city.lianhua, city.futian, city.divisions["lianhua"], city.divisions["futian"])


def test_a_district_chosen_against_the_guidance_station_is_an_error(city, market_admin):
    user = make.make_user("registrar", city.city)
    form = form_of(market_admin, user, guidance_station=city.yuehai, district_committee=city.futian)
    assert "属于「南山区小个专党委」" in str(form.errors["district_committee"])


def test_choices_are_scoped_and_of_the_right_level(city, market_admin):
    form = form_of(market_admin, make.make_user("registrar", city.nanshan))
    assert set(form.fields["guidance_station"].queryset) == {city.yuehai, city.shahe}
    assert set(form.fields["district_committee"].queryset) == {city.nanshan}
    assert set(form.fields["street"].queryset) == {city.divisions["yuehai"], city.divisions["shahe"]}
    outside = form_of(market_admin, make.make_user("registrar", city.nanshan), guidance_station=city.lianhua)
    assert "guidance_station" in outside.errors


def test_nothing_chosen_lies_outside_the_scope(city, market_admin):
    form = form_of(market_admin, make.make_user("registrar", city.nanshan))
    assert "您范围内" in str(form.errors["guidance_station"])
    assert form_of(market_admin, make.make_user("registrar", city.city)).is_valid()


def test_a_right_to_view_elsewhere_is_no_right_to_write_there(city, market_admin):
    user = make.make_user("registrar", city.nanshan)
    make.Posting.objects.create(user=user, role="leader", organization=city.futian)
    form = form_of(market_admin, user, guidance_station=city.lianhua)
    assert "您范围内" in str(form.errors["guidance_station"])


def test_the_present_unit_stays_choosable_in_an_edit(city, market_admin):
    user = make.make_user("registrar", city.yuehai)  # sees neither district committee nor district
    market = make.make_market(city.yuehai)
    form = form_of(
        market_admin, user, market, name="改名", guidance_station=city.yuehai, street=city.divisions["yuehai"],
        district_committee=city.nanshan, district=city.divisions["nanshan"],
    )  # fmt: skip
    assert form.is_valid(), form.errors


def test_every_write_is_audited_with_the_units_before_and_after(city, market_admin):
    user = make.make_user("registrar", city.city)
    market = make.make_market(city.yuehai)
    form = form_of(market_admin, user, market, guidance_station=city.lianhua)
    assert form.is_valid(), form.errors
    save(market_admin, user, form)
    event = AuditEvent.objects.get(act="markets.market.edit")
    assert set(event.units) == {city.yuehai.pk, city.nanshan.pk, city.lianhua.pk, city.futian.pk}
    assert "guidance_station" in event.detail["columns"] and event.actor == user


def test_what_would_lie_outside_the_scope_is_not_saved_even_without_the_form(city):
    model_admin = BareMarketAdmin(Market, admin.site)
    user = make.make_user("registrar", city.nanshan)
    form = forms.modelform_factory(Market, fields=["name"])({"name": "外面"}, instance=make.make_market(city.yuehai))
    assert form.is_valid()
    form.instance.guidance_station, form.instance.district_committee = city.lianhua, city.futian
    with pytest.raises(PermissionDenied):
        model_admin.save_model(request_of(user), form.instance, form, change=True)


def test_the_admins_own_log_holds_no_names(city, market_admin):
    user = make.make_user("registrar", city.nanshan)
    market = make.make_market(city.yuehai, name="人名市场")
    inline = {"changed": {"name": "成员", "object": "张三", "fields": ["姓名"]}}
    market_admin.log_change(request_of(user), market, [{"changed": {"fields": ["名称"]}}, inline])
    entry = LogEntry.objects.get()
    assert entry.object_repr == f"{Market._meta.verbose_name} #{market.pk}"
    assert "张三" not in entry.change_message and "姓名" in entry.get_change_message()


@pytest.mark.parametrize(("rows", "count", "is_capped"), [(3, 3, False), (4, 3, True)])
def test_large_tables_are_counted_only_so_far(city, monkeypatch, rows, count, is_capped):
    monkeypatch.setattr(scoped_admin, "COUNT_CAP", 3)
    for _ in range(rows):
        make.make_business(city.yuehai)
    paginator = scoped_admin.CappedPaginator(Business.objects.order_by("name"), 2)
    assert (paginator.count, paginator.is_capped, paginator.num_pages) == (count, is_capped, 2)


def test_the_mixin_works_in_a_form_outside_the_admin(city):
    class MarketForm(PlacedFormMixin, forms.ModelForm):
        class Meta:
            model = Market
            fields = ["code", "name", "guidance_station"]

    user = make.make_user("registrar", city.nanshan)
    data = {"code": "M2", "name": "新市场", "guidance_station": city.yuehai.pk}
    form = MarketForm(data, user=user, permission="markets.add_market")
    assert form.is_valid(), form.errors
    assert form.save().district_committee == city.nanshan
    stranger = make.make_user("registrar", city.futian)
    assert not MarketForm({**data, "code": "M3"}, user=stranger, permission="markets.add_market").is_valid()
