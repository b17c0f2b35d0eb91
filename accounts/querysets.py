"""Reads of the audit. Its rows stand under no unit: whoever holds the right sees all of them."""

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models

LONGEST_TRANSACTION = timedelta(days=1)


class AuditEventQuerySet(models.QuerySet):
    """`at` is when a transaction began and `id` when the row was written, so that ids follow times but for the length of a
    transaction. The list walks along ids; by these two it begins near the asked time instead of at the end of the table."""

    def visible_to(self, user: Any, perm: str | None = None) -> Self:
        return self.all() if user.has_perm(perm or "accounts.view_auditevent") else self.none()

    def since(self, at: datetime) -> Self:
        """Whatever was written before this is older than `at`: the last event that began a day before it."""
        before = self.model._default_manager.filter(at__lt=at - LONGEST_TRANSACTION).order_by("-at")
        found = before.values_list("pk", flat=True).first()
        return self.filter(at__gte=at) if found is None else self.filter(at__gte=at, pk__gt=found)

    def before(self, at: datetime) -> Self:
        behind = self.model._default_manager.filter(at__gte=at + LONGEST_TRANSACTION).order_by("at")
        found = behind.values_list("pk", flat=True).first()
        return self.filter(at__lt=at) if found is None else self.filter(at__lt=at, pk__lt=found)
