"""The cases of what other systems say about businesses; read by test_constraints.py like constraint_cases.py."""

from markets.models import Absence, SourceDifference
from tests.constraint_cases import Cases, again, business, of_batch


def difference(city) -> SourceDifference:
    return SourceDifference.objects.create(business=business(city), column="name", source="survey", value="另一名称")


TOLD: Cases = {
    "sourcedifference_once_per_source": lambda city: again(difference(city), value="第三个名称"),
    "absence_once_per_batch": lambda city: again(of_batch(Absence, business=business(city))),
}
