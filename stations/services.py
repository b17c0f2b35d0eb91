"""The writes of this room: checking in and taking it back, counting footfall, what becomes of old rows."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone
from redis.exceptions import RedisError

from accounts import addresses, audit, wall
from accounts.prepared import Prepared
from members.identity import member_code_index
from members.models import Member
from orgs.models import Organization
from stations.models import CheckIn, ServicePoint
from stations.selectors import member_of_code

UNDO_WITHIN = timedelta(minutes=10)
CLOCK_OFF_BY = timedelta(hours=24)
KEEP_MONTHS = 24
NONCE_SECONDS = 600  # how long a tap's nonce is remembered; a page lives longer only with a new nonce
# One sentence for every reason that lies with the person, so that trying codes teaches nothing.
NOT_CHECKED_IN = (
    "没有签到：党员码无效，或本人没有同意签到（告知书变更后须重新同意）。请核对党员码，或请本人打开回执页面查看。"
)

# One statement asks everything (is the place open, is the member current, is the consent alive) and writes the row: a function
# of the database (migration 0006). It is the owner's: somebody from another district may come to this place, of whom the
# session sees nothing else.
_COLUMNS = (
    "id", "member_id", "place_id", "purpose", "on", "occurred_at", "received_at", "nonce", "channel", "by_id",
    "district_committee_id", "guidance_station_id", "district_id", "street_id",
)  # fmt: skip
_CHECK_IN = """SELECT {columns} FROM check_in_with_consent({member}, {code}, {place}, {purpose}, {on}, {occurred_at},
    {received_at}, {nonce}, {channel}, {by})"""
_NAMES = ("member", "code", "place", "purpose", "on", "occurred_at", "received_at", "nonce", "channel", "by")
_TYPES = ("bigint", "bytea", "bigint", "text", "date", "timestamptz", "timestamptz", "uuid", "text", "bigint")
_LISTED = ", ".join(f'"{column}"' for column in _COLUMNS)
_NAMED = {name: f"%({name})s::{kind}" for name, kind in zip(_NAMES, _TYPES, strict=True)}
_PLAIN = _CHECK_IN.format(columns=_LISTED, **_NAMED)

# The desk's, the hot path of the morning peak: the same and its audit event, one statement and one commit.
_NUMBERED = {name: f"${at}::{kind}" for at, (name, kind) in enumerate(zip(_NAMES, _TYPES, strict=True), 1)}
_RECORDED = Prepared("check_in_recorded", f"""
    WITH made AS ({_CHECK_IN.format(columns="*", **_NUMBERED)}),
    told AS ({audit.INSERT_INTO_EVENTS}
        SELECT 'stations.check_in.add', by_id, 'stations.checkin', ARRAY[id],
               ARRAY(SELECT DISTINCT unit FROM unnest(ARRAY[guidance_station_id, district_committee_id]) unit
                     WHERE unit IS NOT NULL ORDER BY unit),
               '', jsonb_build_object('place', place_id, 'channel', channel), true, $11::inet
        FROM made)
    SELECT {_LISTED} FROM made""")  # fmt: skip


class CheckInRefused(ValueError):
    """Why nobody was checked in; the message is for the officer at the desk, never for a public page."""


class UndoRefused(ValueError):
    """Too late, or somebody else's; the message is for the officer."""


@dataclass(frozen=True)
class Moment:
    occurred_at: datetime
    received_at: datetime

    @property
    def on(self):
        return timezone.localdate(self.occurred_at)


def moment(occurred_at: datetime | None, received_at: datetime | None = None) -> Moment:
    """When it happened: by the device's clock, unless that is in the future or off by more than a day."""
    now = received_at or timezone.now()
    if occurred_at is None or not now - CLOCK_OFF_BY <= occurred_at <= now:
        occurred_at = now
    return Moment(occurred_at, now)


def _insert(**values) -> CheckIn | None:
    with connection.cursor() as cursor:
        cursor.execute(_PLAIN, values)
        row = cursor.fetchone()
    return _made(row) if row else None


def _made(row: tuple) -> CheckIn:
    return CheckIn(**dict(zip(_COLUMNS, row, strict=True)))


def _values(*, place_id: int, purpose: str, channel: str, nonce: uuid.UUID, when: Moment, by, **who) -> dict:
    """`who`: either `member`, an id, or the `code` as it is found."""
    return {
        "member": None,
        "code": None,
        **who,
        "place": place_id,
        "purpose": purpose,
        "channel": channel,
        "nonce": str(nonce),
        "on": when.on,
        "occurred_at": when.occurred_at,
        "received_at": when.received_at,
        "by": by.pk if by else None,
    }


def _record(check_in: CheckIn, verb: str, *, by, purpose: str = "") -> None:
    audit.record(
        f"stations.check_in.{verb}",
        by=by,
        subjects=[check_in],
        units=[check_in.guidance_station_id, check_in.district_committee_id],
        purpose=purpose,
        detail={"place": check_in.place_id, "channel": check_in.channel},
    )


def check_in(
    *,
    member: Member | None = None,
    code: str = "",
    place: ServicePoint,
    purpose: str,
    channel: str,
    nonce: uuid.UUID,
    occurred_at: datetime | None,
    by,
) -> tuple[CheckIn, bool]:
    """Check a member in at a place, by the member's own act (`channel` says which one): a member, or whose code it is.

    Sent twice (same nonce, or same member, place, purpose and day) it returns the first row and False. `occurred_at`
    is the device's clock. Raises CheckInRefused: the place is closed, the consent 签到 is missing or taken back, the
    member is not current, the code is nobody's, or the nonce belongs to another check-in.
    """
    when = moment(occurred_at)
    who = {"code": member_code_index(code)} if member is None else {"member": member.pk}
    values = _values(place_id=place.pk, purpose=purpose, channel=channel, nonce=nonce, when=when, by=by, **who)
    rows = _RECORDED.rows(*(values[name] for name in _NAMES), addresses.current.get())
    if rows:
        return _made(rows[0]), True
    return _earlier(member or member_of_code(code), place, purpose, nonce, when), False


@wall.everywhere()
def _earlier(member: Member | None, place: ServicePoint, purpose: str, nonce: uuid.UUID, when: Moment) -> CheckIn:
    """Why nothing was written: it was before. Else the reason is raised."""
    if member is None:
        raise CheckInRefused(NOT_CHECKED_IN)
    earlier = CheckIn.objects.filter(nonce=nonce).first()
    if earlier is not None and (earlier.member_id, earlier.place_id) != (member.pk, place.pk):
        raise CheckInRefused("这张页面已经用过了，请刷新后重新签到。")
    earlier = earlier or CheckIn.objects.filter(member=member, place=place, purpose=purpose, on=when.on).first()
    if earlier is not None:
        return earlier
    if ServicePoint.objects.filter(pk=place.pk, closed_on__isnull=False).exists():
        raise CheckInRefused("这个服务点已停用，请换一个服务点。")
    raise CheckInRefused(NOT_CHECKED_IN)


@wall.everywhere()
@transaction.atomic
def check_in_by_code(
    *,
    place: ServicePoint,
    code_index: bytes,
    purpose: str,
    nonce: uuid.UUID,
    occurred_at: datetime | None = None,
    received_at: datetime | None = None,
) -> None:
    """The public page's check-in. Says nothing about whether the code is somebody's: both ways cost one insert that
    may find nothing and one audit event, and both return None.
    """
    when = moment(occurred_at, received_at)
    channel = CheckIn.Channel.SCAN
    row = _insert(
        **_values(place_id=place.pk, purpose=purpose, channel=channel, nonce=nonce, when=when, by=None, code=code_index)
    )
    audit.record(
        "stations.check_in.add",
        by=None,
        subjects=[row.pk] if row else [],
        subject_type="stations.checkin",
        units=[place.guidance_station_id, place.district_committee_id] if row else [],
        detail={"place": place.pk, "channel": CheckIn.Channel.SCAN},
        succeeded=row is not None,
    )


@wall.everywhere()
@transaction.atomic
def check_in_undo(*, check_in: CheckIn, by) -> None:
    """Take a check-in back: within 10 minutes, by the officer who made it. Raises UndoRefused."""
    _record(check_in, "undo", by=by)
    gone, _ = CheckIn.objects.filter(pk=check_in.pk, by=by, received_at__gte=timezone.now() - UNDO_WITHIN).delete()
    if not gone:
        raise UndoRefused("不能撤销：只有经办人在 10 分钟内可以撤销。请本人在回执页面删除，或提出异议。")


@wall.everywhere()
@transaction.atomic
def check_in_dispute(*, check_in: CheckIn) -> None:
    """The member says: this was not me. The row stays, marked, until somebody looks at it. Twice is once."""
    changed = CheckIn.objects.filter(pk=check_in.pk, disputed_at__isnull=True).update(disputed_at=timezone.now())
    if changed:
        _record(check_in, "dispute", by=None, purpose="本人提出异议")


@wall.everywhere()
@transaction.atomic
def check_in_delete(*, check_in: CheckIn) -> None:
    """The member deletes an own check-in. Nothing is left of it, not even a count. Twice is once."""
    gone, _ = CheckIn.objects.filter(pk=check_in.pk).delete()
    if gone:
        _record(check_in, "delete", by=None, purpose="本人删除")


_FOOTFALL = """
INSERT INTO stations_footfalltally (place_id, "on", kind, count)
SELECT id, %s, %s, 1 FROM stations_servicepoint WHERE id = %s AND closed_on IS NULL
ON CONFLICT (place_id, "on", kind) DO UPDATE SET count = stations_footfalltally.count + 1
"""


def _is_new(place: ServicePoint, nonce: uuid.UUID) -> bool:
    """Without Redis every tap counts: rather one guest twice than nobody."""
    try:
        return cache.add(f"footfall:{place.pk}:{nonce}", 1, NONCE_SECONDS)
    except RedisError:
        return True


@wall.everywhere()
@transaction.atomic
def footfall_add(
    *, place: ServicePoint, kind: str, nonce: uuid.UUID | None = None, came_at: datetime | None = None, by=None
) -> bool:
    """Count one more who came to `place`, now if not said otherwise. False: this nonce was counted already (a double tap),
    or the place is closed."""
    if nonce is not None and not _is_new(place, nonce):
        return False
    with connection.cursor() as cursor:
        cursor.execute(_FOOTFALL, [timezone.localdate(came_at), kind, place.pk])
        if not cursor.rowcount:
            return False
    audit.record("stations.footfall.add", by=by, subjects=[place], detail={"kind": kind})
    return True


_TALLY = """
WITH gone AS (DELETE FROM stations_checkin WHERE {which} RETURNING place_id, "on", purpose),
     added AS (
       INSERT INTO stations_checkintally (place_id, "on", purpose, count)
       SELECT place_id, "on", purpose, count(*) FROM gone GROUP BY place_id, "on", purpose
       ON CONFLICT (place_id, "on", purpose) DO UPDATE SET count = stations_checkintally.count + excluded.count
     )
SELECT count(*) FROM gone
"""


@wall.everywhere()
@transaction.atomic
def check_ins_to_counts(*, before=None, member_ids: list[int] | None = None, by=None) -> int:
    """Turn person rows into counts: those before a day (default: 24 months ago), or those of erased members.

    Returns how many rows became counts. Running it twice adds nothing.
    """
    if member_ids is not None:
        which, value = "member_id = ANY(%s)", member_ids
    else:
        today = timezone.localdate()
        which, value = '"on" < %s', before or months_before(today, KEEP_MONTHS)
    with connection.cursor() as cursor:
        cursor.execute(_TALLY.format(which=which), [value])
        gone = cursor.fetchone()[0]
    if gone:
        audit.record("stations.check_in.to_counts", by=by, detail={"rows": gone})
    return gone


def months_before(day, months: int):
    """The same day so many months earlier; the month's last day where it has no such day."""
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    for number in (day.day, 30, 29, 28):
        try:
            return day.replace(year=years, month=month + 1, day=min(number, day.day))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


@wall.everywhere()
@transaction.atomic
def counter_for(guidance_station: Organization, *, by=None) -> ServicePoint:
    """The one counter of a guidance station; made when it is asked for the first time."""
    where = {"guidance_station": guidance_station, "kind": ServicePoint.Kind.COUNTER, "closed_on": None}
    counter = ServicePoint.objects.filter(**where).first()
    if counter is not None:
        return counter
    number = ServicePoint.objects.filter(organization=guidance_station, kind=ServicePoint.Kind.COUNTER).count() + 1
    ServicePoint.objects.bulk_create(
        [
            ServicePoint(
                code=f"{guidance_station.code}-C{number}",
                name=f"{guidance_station.short_name or guidance_station.name}窗口",
                kind=ServicePoint.Kind.COUNTER,
                organization=guidance_station,
                district_committee_id=guidance_station.district_committee_id,
                guidance_station=guidance_station,
                district_id=guidance_station.district_id,
                street_id=guidance_station.street_id,
            )
        ],
        ignore_conflicts=True,  # two officers may open the desk in the same second
    )
    counter = ServicePoint.objects.get(**where)
    audit.record("stations.service_point.create", by=by, subjects=[counter], units=[guidance_station.pk])
    return counter


@wall.everywhere()
@transaction.atomic
def service_point_save(*, place: ServicePoint, by) -> ServicePoint:
    """Add or change a service point. The upper ancestors follow from the lower ones, so they cannot contradict."""
    is_new = place.pk is None
    if place.guidance_station is not None:
        place.district_committee_id = place.guidance_station.district_committee_id
        if place.street_id is None:
            place.street_id, place.district_id = place.guidance_station.street_id, place.guidance_station.district_id
    if place.street is not None:
        place.district_id = place.street.parent_id
    before = None if is_new else ServicePoint.objects.get(pk=place.pk)
    place.save()
    audit.record(
        f"stations.service_point.{'create' if is_new else 'edit'}",
        by=by,
        subjects=[place],
        units=[
            place.guidance_station_id,
            place.district_committee_id,
            *([before.guidance_station_id, before.district_committee_id] if before else []),
        ],
    )
    return place
