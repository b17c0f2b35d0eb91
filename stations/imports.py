"""Files of service points."""

from markets.imports.places import Places
from orgs.imports import Organizations, PlacedReading, offered_places, place_of
from stations.models import ServicePoint
from stations.tables import SERVICE_POINTS
from tables.cells import Wrong, folded
from tables.importer import Row, RowTarget

SECOND_COUNTER = "这个指导站已经有一个窗口；请先停用原来的，或改填其他类型"


class ServicePointReading(PlacedReading):
    model = ServicePoint
    handled = PlacedReading.handled | {"organization", "market"}
    places: Places

    def prepare(self) -> None:
        super().prepare()
        self.organizations = Organizations(self.by, "orgs.view_organization")
        counters = ServicePoint.objects.filter(kind=ServicePoint.Kind.COUNTER, closed_on__isnull=True)
        self.counters: dict[int | None, int | str] = dict(counters.values_list("guidance_station", "pk"))

    def load_places(self) -> Places:
        return Places()

    def weigh(self, row: Row) -> None:
        super().weigh(row)
        self._organization(row)
        self._market(row)
        self._counter(row)

    def _organization(self, row: Row) -> None:
        said, present = row.said.get("organization"), row.record and row.record.organization
        if said is None or (present and folded(said) in (folded(present.name), folded(present.code))):
            return
        try:
            row.values["organization_id"] = self.organizations.find(said).pk
        except Wrong as wrong:
            row.tell("organization", str(wrong))

    def _market(self, row: Row) -> None:
        said, present = row.said.get("market"), row.record and row.record.market
        place = row.place or (place_of(row.record) if row.record else None)
        if said is None or place is None or (present and folded(said) in (folded(present.name), folded(present.code))):
            return
        try:
            row.values["market_id"] = self.places.find_market(said, place)
        except Wrong as wrong:
            row.tell("market", str(wrong))

    def _counter(self, row: Row) -> None:
        """One open counter a guidance station, among the rows of the file too."""
        held = row.record and row.record.guidance_station_id
        if row.record and self.counters.get(held) == row.record.pk:
            del self.counters[held]  # it may be closed, moved or become something else by this very row
        is_now = {name: row.values.get(name, getattr(row.record, name, None)) for name in ("kind", "closed_on")}
        unit = row.values.get("guidance_station_id", getattr(row.record, "guidance_station_id", None))
        if is_now["kind"] != ServicePoint.Kind.COUNTER or is_now["closed_on"] or unit is None or row.wrong:
            return
        holder = row.record.pk if row.record else f"row {row.number}"
        if self.counters.setdefault(unit, holder) != holder:
            row.tell("kind", SECOND_COUNTER)


TARGET = RowTarget(
    SERVICE_POINTS,
    "stations.import_servicepoint",
    "stations.service_point.import",
    ServicePointReading,
    offered_places,
)
