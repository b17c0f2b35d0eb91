"""Taking back an import of businesses: rows, versions and head-counts as they were before it."""

from markets.imports import conversions
from markets.imports.said_again import keep_what_was_said_again
from markets.imports.told_undo import take_back
from markets.models import Business
from tables.faults import fault
from tables.models import Batch
from tables.register import Progress
from tables.statements import run, say_how_much
from tables.undo import ROWS, Undo

TOLD = {  # go with a new business
    "markets_sourcedifference": "true", "markets_replaceddifference": "true", "markets_absence": "true",
}  # fmt: skip
UNITS = ("guidance_station_id", "district_committee_id")
DECLARED = ("business_id", "source", "as_of")  # a declaration's key


def undo(batch: Batch, progress: Progress) -> list[int]:
    """Units whose numbers moved. Head-counts that somebody told since stay what they are."""
    applied = f"o.entered_at = '{batch.applied_at.isoformat()}'"
    own = {"markets_declaration": applied, **TOLD, **conversions.own(batch)}
    rows = Undo(batch, Business, progress, own, keep_more=lambda: keep_what_was_said_again(batch))
    rows.plan()
    say_how_much(batch.counts)
    conversions.keep_together()
    fault("undo.planned")
    units = sorted({*rows.units(*UNITS), *conversions.let_go()})
    for part in rows.steps():
        rows.remove(part)
        fault("undo.halfway")
        rows.restore(part)
        conversions.give_back(part)
        _forget_versions(batch, part)
        _restore_declarations(batch, part)
    rows.keep_conflicts()
    take_back(batch)
    return units


def _forget_versions(batch: Batch, part: str) -> None:
    run(
        f"DELETE FROM markets_businessversion v USING {ROWS} u "
        f"WHERE v.business_id = u.id AND NOT u.made AND v.valid_to = %s AND {part}",
        [batch.applied_at],
    )


def _restore_declarations(batch: Batch, part: str) -> None:
    """The batch told or forgot head-counts only where the before-image holds those that were there."""
    run(
        f"DELETE FROM markets_declaration d USING {ROWS} u "
        f"WHERE d.business_id = u.id AND u.before ? 'declarations' AND d.entered_at = %s AND {part}",
        [batch.applied_at],
    )
    run(
        "INSERT INTO markets_declaration (business_id, source, as_of, full_members, members_incl_probationary, "
        "union_members, league_members, women, entered_at) SELECT d.business_id, d.source, d.as_of, d.full_members, "
        "d.members_incl_probationary, d.union_members, d.league_members, d.women, d.entered_at "
        f"FROM {ROWS} u, LATERAL jsonb_populate_recordset(NULL::markets_declaration, u.before -> 'declarations') d "
        f"WHERE u.before ? 'declarations' AND {part} ON CONFLICT ({', '.join(DECLARED)}) DO NOTHING"
    )
