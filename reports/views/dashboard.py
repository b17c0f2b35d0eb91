"""The dashboard of one unit, and the data of its charts: behind one door, and from the same numbers."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from orgs.kinds import Level
from orgs.models import Division, Organization
from orgs.scoped import DoorMixin
from reports import (
    boards,
    days,
    goal_words,
    late,
    metrics,
    page_cache,
    ranking,
    selectors,
    siblings,
    tidy_links,
    tiles,
    words,
)
from reports.behind import PERMISSION, own_unit
from reports.words import Basis

LABEL = 4  # characters of one step of an organization's path


class UnitMixin(DoorMixin):
    """Finds the unit that the address names; outside the person's scope it answers like a missing one."""

    permission = PERMISSION

    def unit(self):
        kind, code = self.kwargs.get("kind", ""), self.kwargs.get("code", "")
        if not kind:
            return own_unit(self.request.user)
        units = (
            Organization.objects.select_related("district", "parent", "superior")
            if kind == "o"
            else Division.objects.all()
        )
        found = units.visible_to(self.request.user, PERMISSION).filter(code=code).first()
        if found is None:
            raise Http404
        return found

    def basis(self) -> tuple[Basis, str]:
        """The 口径 asked for and, where it cannot be read, a sentence instead of a guess."""
        try:
            return words.basis_of(self.request.GET), ""
        except metrics.UnknownMetric as problem:
            return Basis(), str(problem)


def breadcrumbs(user, unit, basis: Basis) -> list[dict]:
    """The place in the tree; only what the person may open is a link."""
    if isinstance(unit, Organization):
        paths = [unit.path[:end] for end in range(LABEL, len(unit.path), LABEL)]
        above = list(Organization.objects.filter(path__in=paths).order_by("path")) if paths else []
    else:
        above, up = [], unit
        while up.parent_id:
            up = up.parent
            above.insert(0, up)
    visible = type(unit).objects.visible_to(user, PERMISSION)
    open_ids = set(visible.filter(pk__in=[one.pk for one in above]).values_list("pk", flat=True)) if above else set()
    crumbs = [
        {"label": words.short(one), "url": words.unit_page(one, basis) if one.pk in open_ids else None} for one in above
    ]
    return [*crumbs, {"label": words.short(unit), "url": None}]


class Dashboard(UnitMixin, View):
    """数据看板: tiles, map, ranking, trend, funnel and gaps of one unit, each figure with the rows behind it."""

    template_name = "reports/dashboard.html"

    def get(self, request: HttpRequest, **kwargs) -> HttpResponse:
        unit = self.unit()
        return page_cache.page(request, unit, self.template_name, self._made(unit))

    def _made(self, unit) -> Callable[[], dict]:
        """The parts of the page as they are sent; making them is nearly all of its work."""

        def make() -> dict:
            context = self._context(unit)
            parts = {
                part: render_to_string(f"reports/_dashboard_{part}.html", context, request=self.request)
                for part in ("subtitle", "actions", "content")
            }
            return {**parts, "heading": str(unit), "breadcrumbs": context["breadcrumbs"], "charts": "own" in context}

        return make

    def _context(self, unit) -> dict:
        request, (basis, problem) = self.request, self.basis()
        released = days.released(request.user, unit, basis)
        context = {
            "unit": unit,
            "breadcrumbs": breadcrumbs(request.user, unit, basis),
            "basis": basis,
            "problem": problem,
            "denominators": [
                {"code": code, "label": f"{metrics.D_NUMBERS[code]} {name}", "current": code == basis.denominator}
                for code, name in metrics.DENOMINATORS.items()
            ],
            "ranges": [
                {"code": code, "label": name, "current": code == basis.range} for code, name in metrics.RANGES.items()
            ],
            "against": [
                {"code": code, "label": f"较{name}", "current": code == basis.against}
                for code, (name, _) in days.AGAINST.items()
            ],
            "today": timezone.localdate(),
            "other_line": self._other_line(unit, basis),
            "import_url": reverse("tables:upload") if request.user.has_perm("markets.import_business") else "",
            "brief_url": words.brief_page(unit, basis.as_of),
            "siblings_url": words.siblings_page(unit, basis) if siblings.open_choice(unit) else "",
            "siblings_title": siblings.title(unit),
            "record_url": reverse("orgs:detail", args=[unit.pk]) if isinstance(unit, Organization) else "",
        }
        if released is not None:
            context |= self._numbers(unit, basis, released)
        return context

    def _numbers(self, unit, basis: Basis, released) -> dict:
        own = released.own
        before = boards.compared_with(self.request.user, unit, own.as_of, basis.against)
        code = ranking.chosen(unit, self.request.GET.get("compare"))
        grassroots = self._is_grassroots(unit)
        return {
            "own": own,
            "computed_at": timezone.localtime(selectors.counted_at(own)),
            "grassroots": grassroots,
            "groups": goal_words.put_on(
                tiles.groups(own, before, basis), goal_words.marks(self.request.user, unit, own.as_of)
            ),
            "before": before,
            "standings": siblings.standings(own, basis),
            "among": siblings.above(own),
            "shown": days.shown(unit, own, basis),
            "compare_url": words.compare_page(unit, basis),
            "table": boards.children_table(released, basis),
            "table_files": tidy_links.of_children(unit, basis),
            "comparison_files": tidy_links.of_comparison(unit, basis),
            "comparison": [] if grassroots else boards.denominators(own, basis),
            "compared_as": ranking.RATES[:3],
            "charts": self._with_files(self._charts(unit, basis, released, code), own, basis, code),
            "compare": [
                {"code": one, "label": metrics.METRICS[one].name, "current": one == code}
                for one in ranking.ranked_codes(unit)
            ],
            "outside": boards.district_map(released, code, basis)["outside"] if boards.is_city(unit) else [],
            "facts": self._facts(unit) if grassroots else [],
            "split_url": ""
            if grassroots
            else reverse("reports:split", args=[kind_of(unit), unit.code]) + basis.query(),
            "late": late.notes(self.request.user, unit, own.as_of),
        }

    @staticmethod
    def _facts(unit) -> list[tuple[str, str]]:
        term = " 至 ".join(f"{day:%Y-%m-%d}" for day in (unit.term_starts_on, unit.term_ends_on) if day)
        extended = f"（延期至 {unit.extended_until:%Y-%m-%d}）" if unit.extended_until else ""
        return [
            ("类型", unit.get_kind_display()),
            ("代码", unit.code),
            ("上级（指导线）", str(unit.parent)),
            ("隶属", str(unit.superior or unit.superior_name or "")),
            ("批准成立", f"{unit.approved_on:%Y-%m-%d}" if unit.approved_on else ""),
            ("任期", f"{term}{extended}"),
        ]

    @staticmethod
    def _is_grassroots(unit) -> bool:
        return isinstance(unit, Organization) and unit.level == Level.GRASSROOTS

    def _charts(self, unit, basis: Basis, released, code: str) -> dict:
        name, below = metrics.METRICS[code].name, boards.level_below(unit)
        fit = ranking.ranked_in(basis, code, unit)
        why = ranking.WHY_NOT_D4 if fit.denominator != ranking.fit_for(basis, code, unit).denominator else ""
        within = f" · {tiles.note(metrics.METRICS[code], fit)}" if metrics.METRICS[code].denominators else ""

        def chart(kind: str, label: str, size: str, note: str = "", **more) -> dict:
            url = reverse("reports:chart", args=[kind_of(unit), unit.code, kind]) + basis.query(**more)
            return {
                "id": f"chart-{kind}",
                "kind": DRAWN_AS[kind],
                "label": label,
                "size": size,
                "url": url,
                "note": note,
            }

        count = len(released.children) + (released.unassigned is not None)
        found = {
            "trend": chart(
                "trend",
                "近 90 天走势" if self._is_grassroots(unit) else f"近 90 天走势 · {basis.label}",
                "trend",
                days="90",
            )
        }
        if released.children:
            found["rank"] = chart("rank", f"{below}{name}{within}", f"rows-{height_of(count)}", why, compare=code)
        if boards.is_city(unit) and released.children:
            found["map"] = chart("map", f"{below}{name}{within}", "map", why, compare=code)
        if released.own.value("registrations") is not None or released.own.is_hidden("registrations"):
            found["funnel"] = chart(
                "funnel", "自主报到：从报到到核实", "rows-s", "每一步占全部报到的比例；不用于排名和考核。"
            )
        if released.children and ranking.compares_coverage(unit):
            found["gaps"] = chart("gaps", f"{below}应建未建（户）", f"rows-{height_of(min(count, 15))}")
        return found

    @staticmethod
    def _with_files(charts: dict, own, basis: Basis, code: str) -> dict:
        charts["trend"]["downloads"] = tidy_links.of_trend(own, basis)
        if "rank" in charts:
            charts["rank"]["downloads"] = tidy_links.of_ranking(own.unit, code, basis)
        return charts

    def _other_line(self, unit, basis: Basis) -> dict | None:
        """The same place in the other line (条 and 块), where the person may open it."""
        if isinstance(unit, Organization):
            district, street = unit.district_id, unit.street_id
            lookups: dict[int, dict[str, Any]] = {1: {"level": 1}, 2: {"pk": district}, 3: {"pk": street}}
            rows, label = Division.objects.filter(**lookups.get(unit.level, {"pk": None})), "按区划看"
        else:
            places = {1: {"level": 1}, 2: {"level": 2, "district": unit.pk}, 3: {"level": 3, "street": unit.pk}}
            rows, label = Organization.objects.filter(**places.get(unit.level, {"pk": None})), "按党组织看"
        other = rows.visible_to(self.request.user, PERMISSION).first()
        return {"label": label, "url": words.unit_page(other, basis), "name": str(other)} if other else None


DRAWN_AS = {"map": "map", "rank": "rank", "trend": "trend", "funnel": "funnel", "gaps": "stack"}


def kind_of(unit) -> str:
    return "o" if isinstance(unit, Organization) else "d"


def height_of(rows: int) -> str:
    return next(name for name, most in (("s", 5), ("m", 9), ("l", 13), ("xl", 24), ("xxl", 10_000)) if rows <= most)


class Chart(UnitMixin, View):
    """The data of one chart as JSON, with its table."""

    def get(self, request: HttpRequest, **kwargs) -> JsonResponse:
        unit, (basis, problem) = self.unit(), self.basis()
        if problem:
            return JsonResponse({"empty": problem}, status=400)
        released = days.released(request.user, unit, basis)
        if released is None:
            return JsonResponse({"empty": "这个单位还没有统计数字。"})
        return JsonResponse(self._data(kwargs["chart"], released, basis))

    def _data(self, chart: str, released, basis: Basis) -> dict:
        own = released.own
        code = ranking.chosen(own.unit, self.request.GET.get("compare"))
        if chart == "rank":
            return ranking.rank(released, code, basis)
        if chart == "map" and boards.is_city(own.unit):
            return boards.district_map(released, code, basis)
        if chart == "trend":
            length = boards.TREND_DAYS.get(self.request.GET.get("days", ""), 90)
            return boards.trend(self.request.user, own, basis, length)
        if chart == "funnel":
            return boards.funnel(own)
        if chart == "gaps":
            return boards.gaps(released, basis)
        raise Http404


class Districts(DoorMixin, View):
    """The shapes of the districts, from one replaceable file (setting DISTRICTS_GEOJSON)."""

    permission = PERMISSION

    def get(self, request: HttpRequest) -> FileResponse:
        return FileResponse(settings.DISTRICTS_GEOJSON.open("rb"), content_type="application/geo+json")
