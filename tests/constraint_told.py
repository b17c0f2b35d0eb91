"""The cases of what other systems say about businesses; read by test_constraints.py like constraint_cases.py."""

from markets.models import Absence, ReplacedDifference, SourceDifference
from tests.constraint_cases import Cases, again, business, changed, of_batch


def difference(city) -> SourceDifference:
    return SourceDifference.objects.create(business=business(city), column="name", source="survey", value="另一名称")


def replaced(city) -> ReplacedDifference:
    return of_batch(
        ReplacedDifference, business=business(city), column="name", source="survey", was={"value": "甲"}, stays=True
    )


TOLD: Cases = {
    "replaceddifference_once_per_batch": lambda city: again(replaced(city), stays=False),
    "sourcedifference_decided_is_kept": lambda city: changed(difference(city), decided_against=True),
    "sourcedifference_once_per_source": lambda city: again(difference(city), value="第三个名称"),
    "absence_once_per_batch": lambda city: again(of_batch(Absence, business=business(city))),
}
