"""Markets, industry areas, delivery sites and service points of the invented city."""

import datetime as dt

import numpy as np

from demo import words
from demo.positions import Positions
from demo.tree import Tree
from markets.models import DeliverySite, IndustryArea, Market, MarketPlan, Platform
from members import identity
from members.models import Poster
from orgs.models import Organization
from stations.models import ServicePoint

MARKETS = 459  # 深圳市 2025-05-19, as published
INDUSTRY_AREAS = 133
REST_POINTS = 1387
CARING_MERCHANTS = 3718
OTHER_POINTS = 400
DELIVERY_SITES = 620
COURIERS = 130_000


def placed(unit: Organization) -> dict:
    return {
        "district_committee_id": unit.district_committee_id,
        "guidance_station_id": unit.guidance_station_id,
        "district_id": unit.district_id,
        "street_id": unit.street_id,
    }


def poster_codes(count: int, rng: np.random.Generator) -> list[str]:
    letters = rng.integers(0, len(identity.CODE_ALPHABET), (count, identity.POSTER_CODE_LENGTH))
    codes = ["".join(identity.CODE_ALPHABET[i] for i in row) for row in letters]
    if len(set(codes)) != count:
        raise ValueError("poster codes collided; take another seed")
    return codes


def _place_of(unit: Organization) -> str:
    return unit.short_name.removesuffix("指导站")


def _units(tree: Tree, count: int, rng: np.random.Generator) -> list[Organization]:
    chosen = rng.choice(len(tree.guidance_stations), size=count, p=0.7 * tree.weights + 0.3 / len(tree.weights))
    return [tree.guidance_stations[i] for i in chosen]


def build_markets(tree: Tree, rng: np.random.Generator) -> list[Market]:
    signs = [item for item in words.MARKETS for _ in range(item[2])]
    markets, positions = [], Positions(1)
    for number, unit in enumerate(_units(tree, MARKETS, rng), 1):
        sign, trade, _ = signs[rng.integers(len(signs))]
        stalls = int(np.clip(rng.lognormal(4.6, 0.8), 20, 3000))
        markets.append(
            Market(
                code=f"SC{number:04d}", name=f"{_place_of(unit)}{words.brand(number * 3)}{sign}", trade=trade,
                organiser=f"深圳市{words.brand(number * 5)}市场管理有限公司", stalls=stalls, employees=stalls * 3,
                address=f"{unit.district.name}{unit.street.name}示范路{number}号", entered_at=unit.entered_at, **placed(unit),
                **positions.of(unit),
            )
        )  # fmt: skip
    markets = Market.objects.bulk_create(markets)
    plans = [
        MarketPlan(
            market=market, text="动员市场内党员商户亮身份，条件成熟时组建联合党支部",
            responsible=_place_of(unit) + "指导站", due_on=dt.date(2027, 6, 30),
        )
        for market, unit in ((m, m.guidance_station) for m in markets[:120])
    ]  # fmt: skip
    MarketPlan.objects.bulk_create(plans)
    return markets


def build_industry_areas(tree: Tree, rng: np.random.Generator) -> list[IndustryArea]:
    areas = []
    for number, unit in enumerate(_units(tree, INDUSTRY_AREAS, rng), 1):
        industry = words.INDUSTRY_AREAS[number % len(words.INDUSTRY_AREAS)]
        areas.append(
            IndustryArea(
                code=f"PQ{number:04d}",
                name=f"{_place_of(unit)}{industry}片区{number}",
                industry=industry,
                **placed(unit),
            )
        )
    return IndustryArea.objects.bulk_create(areas)


def build_delivery_sites(tree: Tree, rng: np.random.Generator) -> None:
    platforms = Platform.objects.bulk_create([Platform(name=name) for name in words.PLATFORMS])
    positions = Positions(2)
    couriers = rng.multinomial(COURIERS, rng.dirichlet(np.full(DELIVERY_SITES, 3.0)))
    DeliverySite.objects.bulk_create(
        DeliverySite(
            platform=platforms[number % len(platforms)], name=f"{_place_of(unit)}配送网点{number}", couriers=int(count),
            **placed(unit), **positions.of(unit),
        )
        for number, (unit, count) in enumerate(zip(_units(tree, DELIVERY_SITES, rng), couriers, strict=True), 1)
    )  # fmt: skip


def build_service_points(tree: Tree, rng: np.random.Generator) -> list[ServicePoint]:
    """A counter at each guidance station, rest points, caring merchants and a few of every other kind."""
    kinds = ServicePoint.Kind
    wanted = [(kinds.COUNTER, unit) for unit in tree.guidance_stations]
    wanted += [(kinds.REST_POINT, unit) for unit in _units(tree, REST_POINTS, rng)]
    wanted += [(kinds.CARING_MERCHANT, unit) for unit in _units(tree, CARING_MERCHANTS, rng)]
    others = (kinds.PARTY_SERVICE, kinds.PARTY_SERVICE, kinds.PARTY_HOME, kinds.FINANCE, kinds.TRAINING_BASE)
    wanted += [(others[i % 5], unit) for i, unit in enumerate(_units(tree, OTHER_POINTS, rng))]
    codes = poster_codes(len(wanted), rng)
    posters = Poster.objects.bulk_create(
        [Poster(code=code, kind=Poster.Kind.SERVICE_POINT) for code in codes], batch_size=2000
    )
    names = {
        kinds.COUNTER: "窗口", kinds.REST_POINT: "暖蜂服务点", kinds.CARING_MERCHANT: "爱心商户",
        kinds.PARTY_SERVICE: "党群服务点", kinds.PARTY_HOME: "党建之家", kinds.FINANCE: "金融服务点",
        kinds.TRAINING_BASE: "实训基地",
    }  # fmt: skip
    points, positions = [], Positions(3)
    for number, ((kind, unit), poster) in enumerate(zip(wanted, posters, strict=True), 1):
        name = unit.name + "窗口" if kind == kinds.COUNTER else f"{_place_of(unit)}{words.brand(number)}{names[kind]}"
        picks = rng.choice(len(words.FACILITIES), size=3, replace=False)
        points.append(
            ServicePoint(
                code=f"FW{number:05d}", kind=kind, name=name, poster=poster,
                hours="工作日 9:00–18:00" if kind == kinds.COUNTER else "每天 8:00–22:00",
                facilities="、".join(words.FACILITIES[i] for i in picks),
                address=f"{unit.district.name}{unit.street.name}示范路{number}号", **placed(unit), **positions.of(unit),
            )
        )  # fmt: skip
    return ServicePoint.objects.bulk_create(points, batch_size=2000)


def build_posters(tree: Tree, markets: list[Market], rng: np.random.Generator) -> list[Poster]:
    """One registration code for each guidance station and each market."""
    codes = iter(poster_codes(len(tree.guidance_stations) + len(markets), rng))
    posters = [
        Poster(code=next(codes), kind=Poster.Kind.GUIDANCE_STATION, organization=unit)
        for unit in tree.guidance_stations
    ]
    posters += [Poster(code=next(codes), kind=Poster.Kind.MARKET, market=market) for market in markets]
    return Poster.objects.bulk_create(posters)
