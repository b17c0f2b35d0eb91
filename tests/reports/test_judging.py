"""What units may be judged by: the one predicate, over the whole registry and past it."""

import re
from unittest import mock

import pytest
from django.core.exceptions import ValidationError

from reports import judging, metrics, ranking
from reports.metrics import METRICS, Metric
from reports.words import Basis

ABOUT_PERSONS = ("members", "registrations", "check_ins", "with_members", "footfall")
KEYS = metrics.all_keys()


@pytest.mark.parametrize("key", [key for key in KEYS if key.startswith(ABOUT_PERSONS) or "with_members" in key])
def test_no_number_of_persons_may_judge(key):
    assert judging.why_not(key)
    with pytest.raises(ValidationError):
        judging.validate_key(key)


def test_every_metric_that_hides_small_cells_is_refused():
    personal = [key for key in KEYS if metrics.is_personal(*metrics.parse_key(key)[:2])]
    assert len(personal) > 30 and [key for key in personal if judging.may_judge(key)] == []


def test_the_database_refuses_whatever_is_about_persons_and_nothing_that_may_judge():
    def refused(key: str) -> bool:
        return bool(re.search(judging.FORBIDDEN, key)) or not re.search(judging.SHAPE, key)

    personal = [key for key in KEYS if metrics.is_personal(*metrics.parse_key(key)[:2])]
    assert [key for key in personal if not refused(key)] == []
    assert [key for key in KEYS if judging.may_judge(key) and refused(key)] == []


def test_coverage_of_businesses_and_markets_and_gaps_may_judge():
    allowed = {key for key in KEYS if judging.may_judge(key)}
    assert {
        "organization_coverage", "organization_coverage_strict#enterprises", "work_coverage@registered",
        "organization_coverage@due", "due_built_rate", "market_coverage", "due_not_built", "organizations",
        "terms_overdue", "covered@registered",
    } <= allowed  # fmt: skip


def test_whatever_the_dashboard_ranks_by_may_judge_in_its_own_basis():
    assert [code for code in (*ranking.RANKED, *ranking.RANKED_GRASSROOTS) if not judging.may_judge(code)] == []


def test_units_are_ranked_in_no_basis_that_nobody_may_be_judged_by(town):
    for unit in (town.city.city, town.city.nanshan, town.city.yuehai, town.city.divisions["nanshan"]):
        for code in ranking.ranked_codes(unit):
            for denominator in metrics.DENOMINATORS:
                for range in metrics.RANGES:
                    fit = ranking.ranked_in(Basis(denominator, range), code, unit)
                    assert judging.may_judge(metrics.count_key(code, fit.denominator, fit.range)), (code, fit)
    asked = Basis("due")
    assert ranking.ranked_in(asked, "organization_coverage", town.city.city) == asked  # what may judge stays as asked


def test_what_has_no_direction_may_not_judge():
    assert "没有好坏" in judging.why_not("markets") and "没有好坏" in judging.why_not("operating")


def test_a_share_made_of_members_is_refused_though_nobody_marked_it():
    sly = Metric(
        "taken_in_rate", "纳管率", "…", "businesses", unit="%", kind=metrics.RATE, numerator="members_taken_in",
        denominator="operating", good="up",
    )  # fmt: skip
    counted = Metric("sly", "到访", "…", "places", good="up", source="check_ins")
    with mock.patch.dict(METRICS, {"taken_in_rate": sly, "sly": counted}):
        assert judging.why_not("taken_in_rate") and judging.why_not("sly")


@pytest.mark.parametrize("key", ["", "nothing", "work_coverage@nowhere", "work_coverage#moon", "organizations@due"])
def test_what_the_registry_does_not_know_is_told(key):
    assert judging.why_not(key)


def test_a_key_has_one_spelling():
    assert "work_coverage" in judging.why_not("work_coverage@operating")


def test_labels_name_the_basis():
    assert judging.label("work_coverage@registered#enterprises") == "工作覆盖率（D1 登记在册 · 企业）"
    assert judging.label("market_coverage") == "市场覆盖率"
    assert judging.label("gone") == "gone"
