"""Who may do what where. The one door: an authentication backend over postings, and the table of roles.

Everybody asks `user.has_perm("app.act")` (may this person do it anywhere?) or `user.has_perm("app.act", obj)` (may
they do it to this row?), and reads through `Model.objects.visible_to(user)`. Rights are held at a unit and reach down, as
far as the account's label lets them (accounts/labels.py).
"""

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password

from accounts.models import User
from accounts.sign_ins import may_come
from orgs.kinds import Level

_VIEW_TREE = {"orgs.view_organization", "orgs.view_division", "orgs.view_organizationchange"}
_VIEW_PLACES = {
    "markets.view_market", "markets.view_industryarea", "markets.view_business", "markets.view_businesscoverage",
    "markets.view_marketcoverage", "markets.view_grouporganization", "markets.view_marketplan",
    "markets.view_platform", "markets.view_deliverysite", "stations.view_servicepoint",
    "markets.view_sourcedifference", "markets.view_absence", "markets.view_handover",
}  # fmt: skip
_EDIT_PLACES = {
    f"markets.{act}_{model}"
    for act in ("add", "change")
    for model in (
        "market", "industryarea", "business", "businesscoverage", "marketcoverage", "grouporganization",
        "marketplan", "platform", "deliverysite",
    )
} | {
    "stations.add_servicepoint", "stations.change_servicepoint", "markets.change_sourcedifference",
    "markets.change_handover",
}  # fmt: skip
_IMPORT_PLACES = {
    "markets.import_business", "markets.import_market", "markets.import_industryarea", "markets.import_platform",
    "markets.import_deliverysite", "stations.import_servicepoint",
}  # fmt: skip
_EXPORT_PLACES = {
    "orgs.export_organization", "markets.export_business", "markets.export_market", "stations.export_servicepoint",
    "markets.export_sourcedifference", "markets.export_absence", "markets.export_industryarea",
    "markets.export_platform", "markets.export_deliverysite", "reports.export_reportedfigure",
}  # fmt: skip
_VIEW_NUMBERS = {
    "reports.view_snapshot", "reports.view_monthclosing", "reports.view_reportedfigure", "stations.view_footfalltally",
    "reports.view_plan", "reports.view_goal", "reports.view_evaluation", "reports.view_printeddocument",
}  # fmt: skip
_PRINT = {"reports.print_printeddocument", "reports.revoke_printeddocument"}
_FILL_FORMS = {"reports.view_reportform", "reports.view_filledform", "reports.fill_reportform"}
_KEEP_SCREENS = {"reports.view_screen", "reports.add_screen", "reports.change_screen", "reports.revoke_screen"}
_VIEW_INSTRUCTORS = {"members.view_instructor", "members.view_instructorassignment"}  # staff, sent to what is covered
_VIEW_PEOPLE = {"members.view_member", "members.view_affiliation", "stations.view_checkin"}
_KEEP_PEOPLE = {
    "members.change_member", "members.reveal_member", "members.export_member", "members.add_affiliation",
    "members.change_affiliation", "members.view_seat", "members.add_seat", "members.change_seat",
    "members.view_transfer", "members.add_transfer", "members.change_transfer", "members.view_pledge",
    "members.change_pledge", "stations.add_checkin",
}  # fmt: skip

# How personal data are cared for: columns and counts, nobody's data.
_SHOW_CARE = ("accounts.view_inventory", "accounts.view_retention")

# Roles × permissions: the whole of it. Nothing else grants a right to business data.
ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    "registrar": frozenset(
        _VIEW_TREE | _VIEW_PLACES | _EDIT_PLACES | _IMPORT_PLACES | _EXPORT_PLACES | _VIEW_NUMBERS | _VIEW_INSTRUCTORS
        | _KEEP_SCREENS | _PRINT | _FILL_FORMS
        | {
            "orgs.add_organization", "orgs.change_organization", "orgs.import_organization", "members.import_roll",
            "members.view_poster", "members.add_poster", "members.change_poster",
            "members.add_instructor", "members.change_instructor", "members.add_instructorassignment",
            "members.change_instructorassignment", "members.view_intakeevent", "members.export_intakeevent",
            "members.view_notice", "members.add_notice", "members.change_notice",
            "members.view_impactassessment", "members.add_impactassessment", "members.change_impactassessment",
            "reports.add_plan", "reports.change_plan", "reports.add_goal", "reports.change_goal",
            "reports.add_evaluation", "reports.change_evaluation", "reports.export_evaluation",
            "reports.add_reportedfigure", "reports.change_reportedfigure", "reports.import_reportedfigure",
            "reports.close_monthclosing", *_SHOW_CARE, "reports.add_reportform",
            "reports.change_reportform",
        }
    ),
    "officer": frozenset(
        _VIEW_TREE | _VIEW_PLACES | _VIEW_NUMBERS | _VIEW_INSTRUCTORS | _VIEW_PEOPLE | _KEEP_PEOPLE
        | {
            "members.view_registration", "members.add_registration", "members.change_registration",
            "members.verify_registration", "members.view_poster", "members.add_poster",
            "markets.view_declaration", "markets.change_market", "stations.change_servicepoint",
            "stations.add_footfalltally", "members.view_rightsrequest", "members.change_rightsrequest",
            "members.add_instructorassignment", "members.change_instructorassignment", "members.import_roll",
            "members.import_lead",
        }
    ),
    # Of persons numbers only (docs/adr/0019): who also works with persons holds a posting for that beside it.
    "leader": frozenset(
        _VIEW_TREE | _VIEW_PLACES | _EXPORT_PLACES | _VIEW_NUMBERS | _VIEW_INSTRUCTORS | _KEEP_SCREENS
        | _PRINT | _FILL_FORMS
        | {"reports.release_evaluation", "reports.export_evaluation", "reports.decide_comparisonchoice"}
    ),
    "secretary": frozenset(
        {"orgs.view_organization", "reports.view_snapshot", "stations.view_servicepoint"}
        | _VIEW_INSTRUCTORS | _VIEW_PEOPLE | _KEEP_PEOPLE | {"members.accept_member", "members.import_roll"}
    ),
}  # fmt: skip

# What a posting carries besides its role where the unit's manager holds it (Posting.may_grant).
GRANT = "orgs.grant_posting"

# The three administrators: settings and health, accounts and grants, the audit. None sees business data.
_ALARMS = ("reports.view_alarm", "reports.change_alarm")  # of the own duty
DUTY_PERMISSIONS: dict[str, frozenset[str]] = {
    User.Duty.STAFF: frozenset(),
    User.Duty.SYSTEM: frozenset(
        {"accounts.view_health", *_SHOW_CARE, *_ALARMS, "jobs.view_job", "members.view_ferryfile"}
    ),
    User.Duty.SECURITY: frozenset(
        {
            *_SHOW_CARE, *_ALARMS,
            "accounts.view_user", "accounts.add_user", "accounts.change_user", "axes.view_accessattempt",
            "orgs.view_posting", "orgs.add_posting", "orgs.change_posting", "orgs.view_tree_names",
            "members.view_intakeclient", "members.add_intakeclient", "members.change_intakeclient",
            "reports.view_selfcheck", "reports.add_selfcheck",
        }
    ),
    User.Duty.AUDIT: frozenset(
        {*_SHOW_CARE, *_ALARMS, "accounts.view_auditevent", "accounts.view_auditseal", "accounts.export_auditevent"}
    ),
}  # fmt: skip


DIRECTLY_UNDER_CITY = 0  # stands for the district committee of what has none (accounts/wall.py)
_TOUCHES_PERSONS = _VIEW_PEOPLE | {"members.import_roll"}  # a posting without any of these has no persons behind it


def current_postings(user) -> list:
    """The postings that hold today, with their units, loaded once per user object (that is, per request)."""
    if not getattr(user, "is_authenticated", False) or not user.is_active or user.duty != User.Duty.STAFF:
        return []
    if not hasattr(user, "_current_postings"):
        found = (
            user.postings.holding()
            .select_related("organization", "division")
            .order_by("organization__level", "division__level", "pk")
        )
        user._current_postings = [posting for posting in found if posting.is_whole]
    return user._current_postings


def posted_units(user) -> list[tuple[int, str]]:
    """The organizations where the person has a posting: (id, short name), each once."""
    units = {posting.organization_id: posting.organization for posting in current_postings(user)}
    return [(pk, unit.short_name or unit.name) for pk, unit in units.items() if unit is not None]


def rights_of(posting) -> frozenset[str]:
    """Everything that one posting carries."""
    return ROLE_PERMISSIONS[posting.role] | {GRANT} if posting.may_grant else ROLE_PERMISSIONS[posting.role]


def held_back(posting) -> str:
    """What to tell of a posting that carries more than its account's label reaches; empty where it does not."""
    if all(map(posting.user.is_cleared_for, rights_of(posting))):
        return ""
    label, role = posting.user.get_clearance_display(), posting.get_role_display()
    return f"{posting.user}的安全标记是“{label}”，{role}的权限里超出标记的不起作用。需要时请联系安全管理员。"


def rights_held(user) -> frozenset[str]:
    """Everything that the person may do at all, somewhere, as far as the account's label reaches; a token's owner, not the
    token."""
    rights = frozenset(DUTY_PERMISSIONS.get(user.duty, ())).union(*map(rights_of, current_postings(user)))
    return frozenset(filter(user.is_cleared_for, rights))


def postings_with(user, perm: str) -> list:
    """The current postings that carry `perm`; none for a token that was not made for it."""
    postings = current_postings(user)
    if postings and not user.may_use(perm):
        return []
    return [posting for posting in postings if perm in rights_of(posting)]


def holds_the_city(user, perm: str) -> bool:
    """In either line: what belongs to no unit below (notice, assessments, published figures) is written there only."""
    return any(posting.unit.level == Level.CITY for posting in postings_with(user, perm))


def reaches(user, other, perm: str) -> bool:
    """Does `user` hold the right over every unit where `other` holds it? By duty it is held over everything of its kind."""
    if perm in DUTY_PERMISSIONS.get(other.duty, ()):
        return perm in DUTY_PERMISSIONS.get(user.duty, ())
    units = [posting.unit for posting in postings_with(other, perm)]
    return bool(units) and all(user.has_perm(perm, unit) for unit in units)


def _districts_of_division(division) -> set[int]:
    """Persons stand in the guidance line only: whose are those that a district's or a street's own posting touches."""
    from orgs.models import Organization

    column = "district" if division.level == division.Level.DISTRICT else "street"
    under = Organization.objects.filter(**{column: division.pk}).values_list("district_committee", flat=True)
    return {pk or DIRECTLY_UNDER_CITY for pk in under.distinct()}


class DoorBackend(BaseBackend):
    """Signs staff in by password and answers every question about rights. Never reads is_superuser: there is none."""

    def authenticate(self, request, username=None, password=None, **credentials):
        user = User.objects.filter(username=username).first()
        if user is None or password is None:
            make_password(password)  # the same time as for a known name
            return None
        is_right = user.check_password(password)  # first: whatever else is amiss takes the time of a wrong one
        return user if is_right and may_come(user, request) else None

    def get_user(self, user_id):
        user = User.objects.filter(pk=user_id).first()
        return user if user is not None and user.may_enter else None

    def has_perm(self, user_obj, perm, obj=None) -> bool:
        if not user_obj.is_authenticated or not user_obj.is_active:
            return False
        if perm in DUTY_PERMISSIONS.get(user_obj.duty, ()):
            return user_obj.may_use(perm)
        postings = postings_with(user_obj, perm)
        if not postings or obj is None:
            return bool(postings)
        return type(obj)._default_manager.within_postings(postings).filter(pk=obj.pk).exists()

    def has_module_perms(self, user_obj, app_label) -> bool:
        if not user_obj.is_authenticated or not user_obj.is_active:
            return False
        return any(perm.startswith(f"{app_label}.") and user_obj.may_use(perm) for perm in rights_held(user_obj))

    def districts_of(self, user_obj) -> set[int] | None:
        """The district committees whose persons this person's postings touch; None: the whole city."""
        districts: set[int] = set()
        for posting in current_postings(user_obj):
            if not any(map(user_obj.is_cleared_for, _TOUCHES_PERSONS & rights_of(posting))):
                continue
            if posting.unit.level == 1:  # the city, in either line
                return None
            if posting.organization_id:
                districts.add(posting.organization.district_committee_id or DIRECTLY_UNDER_CITY)
            else:
                districts |= _districts_of_division(posting.division)
        return districts
