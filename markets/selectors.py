"""Reads for the pages of this room."""

from markets.models import Business, BusinessVersion, Declaration, Market

COVERAGES_SHOWN = 100
VERSIONS_SHOWN = 30


def coverages_of(row: Business | Market, user) -> list:
    """Links to organizations, running ones first. Who may see the row may see who covers it."""
    links = row.coverages.select_related("organization").order_by("ends_on", "-starts_on", "-pk")
    perm = "markets.view_businesscoverage" if isinstance(row, Business) else "markets.view_marketcoverage"
    return list(links.visible_to(user, perm)[:COVERAGES_SHOWN])


def versions_of(business: Business) -> list[tuple[BusinessVersion, list[tuple[str, str]]]]:
    """What the counting columns were before, newest first, in words."""
    labels = {field.attname: field for field in Business._meta.concrete_fields}
    found = []
    for version in business.versions.order_by("-id")[:VERSIONS_SHOWN]:
        said = [(str(labels[key].verbose_name), _said(labels[key], value)) for key, value in version.values.items()]
        found.append((version, said))
    return found


def _said(field, value) -> str:
    if value in (None, ""):
        return "空"
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if field.is_relation:
        row = field.related_model._default_manager.filter(pk=value).first()
        return str(row) if row else f"编号 {value}"
    return {True: "是", False: "否"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def declarations_of(business: Business, user) -> list[Declaration] | None:
    """Head-counts told by the enterprise; None for whoever is not responsible for it."""
    if not user.has_perm("markets.view_declaration", business):
        return None
    return list(business.declarations.visible_to(user).order_by("-as_of")[:VERSIONS_SHOWN])
