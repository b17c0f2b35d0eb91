"""Forms that know who fills them in: scoped choices, and the ancestor columns filled from what was chosen."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError

from orgs import doors
from orgs.kinds import Level
from orgs.models import Division, Organization

LEVELS = {
    "guidance_station": Level.GUIDANCE_STATION,
    "district_committee": Level.DISTRICT,
    "street": Division.Level.STREET,
    "district": Division.Level.DISTRICT,
}
GUIDANCE_COLUMNS = {2: "district_committee_id", 3: "guidance_station_id"}  # level of a posting's unit → column
LOCALITY_COLUMNS = {2: "district_id", 3: "street_id"}
OUTSIDE = "请选择您范围内的指导站、街道或区：照现在这样保存，这条记录会在您的范围之外。"


def within_scope(user, permission: str, row: Any) -> bool:
    """May `user` hold `permission` on this row, not yet saved, by its ancestor columns?"""
    for posting in doors.postings_with(user, permission):
        unit = posting.unit
        if unit.level == 1:
            return True
        columns = GUIDANCE_COLUMNS if posting.organization_id else LOCALITY_COLUMNS
        if unit.level in columns and getattr(row, columns[unit.level], None) == unit.pk:
            return True
    return False


_Form: Any = forms.ModelForm if TYPE_CHECKING else object  # what the mixins stand left of


class DoorFormMixin(_Form):
    """Knows `user` and the `permission` asked for, as class attributes (ScopedAdmin sets them) or keywords.

    A row may stand on a unit that the person cannot choose; the present value stays choosable, or every other edit of
    that row would be refused.
    """

    user: Any = None
    permission: str = ""

    def __init__(self, *args, user=None, permission: str = "", **kwargs) -> None:
        if user is not None:
            self.user = user
        if permission:
            self.permission = permission
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelChoiceField) and not isinstance(field, forms.ModelMultipleChoiceField):
                self._keep_present(name, field)

    def _keep_present(self, name: str, field: forms.ModelChoiceField) -> None:
        present = getattr(self.instance, f"{name}_id", None)
        if present is None or field.queryset is None or not self.instance.pk:
            return
        model = field.queryset.model
        field.queryset = model._default_manager.filter(pk__in=field.queryset.order_by().values("pk")) | (
            model._default_manager.filter(pk=present)
        )


class LocalityFormMixin(DoorFormMixin):
    """Choosing a street sets its district; a district may be chosen alone."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        for name in set(LEVELS) & set(self.fields):
            field = self.fields[name]
            field.queryset = field.queryset.filter(level=LEVELS[name])

    def clean(self) -> dict:
        data = super().clean()
        data = self.cleaned_data if data is None else data
        self._fill(data, "street", "district", "parent")
        return data

    def _chosen(self, data: dict, name: str) -> Any:
        return data[name] if name in data else getattr(self.instance, name, None)

    def _fill(self, data: dict, lower: str, upper: str, upper_of_lower: str) -> None:
        """The upper column from the lower one. What the person has just chosen against it is an error."""
        row = self._chosen(data, lower)
        if row is None:
            return
        right = getattr(row, upper_of_lower)
        changed = upper in self.changed_data and data.get(upper) is not None
        if changed and data[upper] != right:
            message = f"「{row}」属于「{right}」，请改选，或把这一项留空由系统带出。"
            self.add_error(upper, message)
            return
        data[upper] = right
        setattr(self.instance, upper, right)


class GuidancePlacedFormMixin(LocalityFormMixin):
    """Choosing a guidance station sets its district committee; a district committee alone means 待分派."""

    has_locality = False

    def clean(self) -> dict:
        data = super().clean()
        if self.has_locality:
            self._complete(data)
        self._fill(data, "guidance_station", "district_committee", "district_committee")
        return data

    def _complete(self, data: dict) -> None:
        """One line from the other where only one was chosen: office and street mostly go together."""
        guidance_station, street = self._chosen(data, "guidance_station"), self._chosen(data, "street")
        if guidance_station and not street and not self._chosen(data, "district"):
            street, district = guidance_station.street, guidance_station.district
            self._set(data, street=street, district=district)
        elif street and not guidance_station and not self._chosen(data, "district_committee"):
            found = Organization.objects.open().filter(level=Level.GUIDANCE_STATION, street=street)[:2]
            if len(found) == 1:
                self._set(data, guidance_station=found[0])

    def _set(self, data: dict, **values) -> None:
        for name, value in values.items():
            data[name] = value
            setattr(self.instance, name, value)

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.errors or self.user is None or not self.permission:
            return
        if not within_scope(self.user, self.permission, self.instance):
            name = "guidance_station" if "guidance_station" in self.fields else None
            self.add_error(name, ValidationError(OUTSIDE))


class PlacedFormMixin(GuidancePlacedFormMixin):
    """For every table with the four ancestor columns. Put it left of ModelForm; ScopedAdmin does so by itself.

    Show `guidance_station` and `street`; `district_committee` and `district` may be shown too, to be chosen alone
    (待分派). What is not shown is filled all the same.
    """

    has_locality = True
