"""Two years of check-ins, two months of footfall."""

import datetime as dt
import uuid

import numpy as np
import polars as pl

from accounts.models import User
from demo.loading import analyze, copy_frame
from members.models import Consent
from stations.models import ServicePoint

DAYS = 730
FOOTFALL_DAYS = 60
PURPOSES = ["report", "activity", "study", "volunteer"]
PURPOSE_SHARES = [0.4, 0.3, 0.15, 0.15]
A_YEAR = 11  # check-ins of an active member


def _uuids(count: int, rng: np.random.Generator) -> list[str]:
    return [str(uuid.UUID(bytes=rng.bytes(16), version=4)) for _ in range(count)]


def _visits(points: list[ServicePoint], rng, today: dt.date) -> list[tuple]:
    """(member, place, purpose, day, minute) in order of time, as unique as the table wants them."""
    near: dict[int | None, list[ServicePoint]] = {}
    for point in points:
        if point.kind != ServicePoint.Kind.CARING_MERCHANT:
            near.setdefault(point.guidance_station_id, []).append(point)
    rows: list[tuple] = []
    consents = (
        Consent.objects.filter(
            item="check_in", withdrawn_at__isnull=True, member__isnull=False, registration__state="verified"
        )
        .order_by("pk")
        .values_list("member", "registration__guidance_station", "given_at")
    )
    for member, unit, given_at in consents:
        span = min((today - given_at.date()).days, DAYS)
        for _ in range(int(rng.poisson(A_YEAR * max(span, 1) / 365)) if span > 1 else 0):
            places = near[unit]
            place = places[0] if rng.random() < 0.45 else places[rng.integers(len(places))]
            day = today - dt.timedelta(days=int(rng.integers(1, span)))
            purpose = PURPOSES[rng.choice(4, p=PURPOSE_SHARES)]
            rows.append((member, place, purpose, day, int(rng.integers(8 * 60, 20 * 60))))
    seen = {(row[0], row[1].pk, row[2], row[3]): row for row in rows}
    return sorted(seen.values(), key=lambda row: (row[3], row[4]))


def build_check_ins(points: list[ServicePoint], officers: dict[int, User], rng, today: dt.date) -> int:
    """Only members who gave the separate consent 签到, only from the day they gave it, at places near by."""
    rows = _visits(points, rng, today)
    times = [f"{day} {minute // 60:02d}:{minute % 60:02d}+08" for *_, day, minute in rows]
    copy_frame(
        "stations_checkin",
        pl.DataFrame(
            {
                "member_id": [row[0] for row in rows],
                "place_id": [row[1].pk for row in rows],
                "purpose": [row[2] for row in rows],
                "on": [row[3] for row in rows],
                "occurred_at": times,
                "received_at": times,
                "nonce": _uuids(len(rows), rng),
                "channel": ["scan" if n % 3 else "spoken" for n in range(len(rows))],
                "by_id": [None if n % 3 else officers[row[1].guidance_station_id].pk for n, row in enumerate(rows)],
                "district_committee_id": [row[1].district_committee_id for row in rows],
                "guidance_station_id": [row[1].guidance_station_id for row in rows],
                "district_id": [row[1].district_id for row in rows],
                "street_id": [row[1].street_id for row in rows],
            }
        ),
    )
    analyze("stations_checkin")
    return len(rows)


def build_footfall(points: list[ServicePoint], rng: np.random.Generator, today: dt.date) -> None:
    rest = np.array([p.pk for p in points if p.kind in (ServicePoint.Kind.REST_POINT, ServicePoint.Kind.COUNTER)])
    places = np.repeat(rest, FOOTFALL_DAYS)
    days = np.tile(
        np.array([today - dt.timedelta(days=d + 1) for d in range(FOOTFALL_DAYS)], dtype="datetime64[D]"), len(rest)
    )
    count = rng.poisson(14, len(places))
    copy_frame(
        "stations_footfalltally",
        pl.DataFrame(
            {
                "place_id": places,
                "on": pl.Series(days),
                "kind": np.where(np.arange(len(places)) % 5 == 0, "charge", "rest"),
                "count": count,
            }
        ),
    )
