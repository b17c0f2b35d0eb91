"""What a Django user would take for an import: django-import-export, on the first rows of the same file.

The resource does what its documentation shows: natural keys of related rows by ForeignKeyWidget, cached, and rows that
say nothing new are skipped. It checks no code, finds no duplicate, keeps no before-image, cannot be undone.
"""

import csv
import itertools
import time

import tablib
from django.db import transaction
from import_export import fields, resources, widgets

from markets.models import Business, Market
from orgs.kinds import Level
from orgs.models import Division, Organization

COLUMNS = {
    "统一社会信用代码": "uscc", "名称": "name", "主体类型": "entity_type_text", "行业代码": "industry",
    "成立日期": "registered_on", "所属区": "district", "所属街道": "street", "监管所": "guidance_station",
    "所属市场": "market", "从业人数": "employees", "住所": "address",
}  # fmt: skip


class Cached(widgets.ForeignKeyWidget):
    """By natural key, each looked up once, as the library's advice for large files has it."""

    def __init__(self, model, field, rows):
        super().__init__(model, field)
        self.known = {getattr(row, field): row for row in rows}

    def clean(self, value, row=None, **kwargs):
        return self.known.get(value)


class BusinessResource(resources.ModelResource):
    district = fields.Field("district", "district", Cached(Division, "name", ()))
    street = fields.Field("street", "street", Cached(Division, "name", ()))
    guidance_station = fields.Field("guidance_station", "guidance_station", Cached(Organization, "short_name", ()))
    district_committee = fields.Field("district_committee", "district_committee")
    market = fields.Field("market", "market", Cached(Market, "name", ()))

    class Meta:
        model = Business
        import_id_fields = ["uscc"]
        fields = list(COLUMNS.values())
        skip_unchanged = True
        use_transactions = True

    def __init__(self):
        super().__init__()
        districts = Division.objects.filter(level=Division.Level.DISTRICT)
        streets = Division.objects.filter(level=Division.Level.STREET)
        units = Organization.objects.filter(level=Level.GUIDANCE_STATION).select_related("district_committee")
        for name, rows in (
            ("district", districts), ("street", streets), ("guidance_station", units), ("market", Market.objects.all()),
        ):  # fmt: skip
            widget = self.fields[name].widget
            widget.known = {getattr(row, widget.field): row for row in rows}

    def before_save_instance(self, instance, row, **kwargs):
        unit = instance.guidance_station
        instance.district_committee = unit.district_committee if unit else None
        instance.entity_type = "sole_trader" if "个体" in instance.entity_type_text else "company"


class InBulk(BusinessResource):
    class Meta(BusinessResource.Meta):
        use_bulk = True
        batch_size = 1000
        skip_diff = True
        use_transactions = True


def _dataset(path: str, rows: int) -> tablib.Dataset:
    with open(path, encoding="utf-8", newline="") as file:
        found = csv.DictReader(file)
        data = tablib.Dataset(headers=list(COLUMNS.values()))
        for row in itertools.islice(found, rows):
            values = {ours: row[theirs] for theirs, ours in COLUMNS.items()}
            values["guidance_station"] = values["guidance_station"].replace("市场监管所", "指导站")
            data.append(list(values.values()))
    return data


def measure(path: str, rows: int) -> dict:
    """Seconds of a dry run and a write, as its admin does them, for each way; nothing stays."""
    found: dict = {"rows": rows}
    for name, resource in (("default", BusinessResource), ("bulk", InBulk)):
        data = _dataset(path, rows)
        started = time.perf_counter()
        with transaction.atomic():
            result = resource().import_data(data, dry_run=False, raise_errors=True)
            found[f"{name}_seconds"] = time.perf_counter() - started
            if len(data) != sum(result.totals.values()) or Business.objects.count() < rows:
                raise ValueError(f"{name}: {result.totals}")
            transaction.set_rollback(True)
    return found
