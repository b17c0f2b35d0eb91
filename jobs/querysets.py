from typing import Self

from django.db import models


class JobQuerySet(models.QuerySet):
    def visible_to(self, user) -> Self:
        """A job is its owner's only."""
        return self.filter(owner=user.pk) if user.is_authenticated else self.none()
