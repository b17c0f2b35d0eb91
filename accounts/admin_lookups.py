"""What may be asked of a list in the admin by its address."""

from inspect import isclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models.constants import LOOKUP_SEP

_Admin: Any = admin.ModelAdmin if TYPE_CHECKING else object


class ListedLookupsMixin(_Admin):
    """Only the filters that the list offers; 400 for any other.

    Django takes a lookup on every column of the model: `?name__startswith=` would spell out a masked name letter by
    letter, `?password__startswith=` a hash.
    """

    def lookup_allowed(self, lookup, value, request):
        is_listed = lookup.split(LOOKUP_SEP, 1)[0] in self._listed(request)
        return is_listed and super().lookup_allowed(lookup, value, request)

    def _listed(self, request) -> set[str]:
        listed = {self.date_hierarchy} if self.date_hierarchy else set()
        for item in self.get_list_filter(request):
            if isclass(item) and issubclass(item, admin.SimpleListFilter):
                listed.add(item.parameter_name)
            else:
                listed.add((item if isinstance(item, str) else item[0]).split(LOOKUP_SEP, 1)[0])
        return listed
