"""Service points in the admin: inside the own scope, through the same services."""

from django import forms
from django.contrib import admin

from orgs.scoped import ScopedAdmin
from stations import services
from stations.models import ServicePoint


class ServicePointForm(forms.ModelForm):
    class Meta:
        model = ServicePoint
        fields = [
            "code", "kind", "name", "guidance_station", "street", "address", "hours", "facilities", "latitude",
            "longitude", "organization", "market", "closed_on",
        ]  # fmt: skip
        help_texts = {
            "guidance_station": "服务点归哪个指导站管；区级党委由它得出。",
            "street": "不填则取指导站所在街道；所在区由它得出。",
            "closed_on": "填了就不能再在这里签到；以前的记录不变。",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "guidance_station" in self.fields:
            self.fields["guidance_station"].required = True

    def clean(self):
        data = super().clean() or {}
        kind, guidance = data.get("kind"), data.get("guidance_station")
        if kind == ServicePoint.Kind.COUNTER and guidance is not None and not data.get("closed_on"):
            others = ServicePoint.objects.filter(kind=kind, guidance_station=guidance, closed_on__isnull=True)
            if others.exclude(pk=self.instance.pk).exists():
                self.add_error("kind", "这个指导站已经有一个窗口；请先停用原来的，或改选其他类型。")
        return data


@admin.register(ServicePoint)
class ServicePointAdmin(ScopedAdmin):
    form = ServicePointForm
    list_display = ["name", "kind", "guidance_station", "hours", "closed_on"]
    list_filter = ["kind", ("closed_on", admin.EmptyFieldListFilter)]
    list_select_related = ["guidance_station"]
    search_fields = ["name", "code"]
    search_help_text = "名称或编号"
    raw_id_fields = ["market"]

    def save_model(self, request, obj, form, change):
        services.service_point_save(place=obj, by=request.user)
        self.must_be_in_scope(request, obj, change)
