"""Who gets what, address by address. A new address that is neither here nor in PUBLIC fails tests/test_personas.py.

The sets are written out by hand on purpose: a rule derived from the code under test could not fail.
"""

from dataclasses import dataclass, field

CITY_WIDE = frozenset({"city_leader", "registrar_city"})
LEADERS = frozenset({"city_leader", "district_leader"})
REGISTRARS = frozenset({"registrar_city", "registrar_district"})
CITY_REGISTRAR = frozenset({"registrar_city"})
OFFICER = frozenset({"officer"})
SECRETARY = frozenset({"secretary"})
STAFF = LEADERS | REGISTRARS | OFFICER | SECRETARY
ADMINS = frozenset({"system_admin", "security_admin", "audit_admin"})
SYSTEM, SECURITY, AUDIT = (frozenset({name}) for name in ("system_admin", "security_admin", "audit_admin"))
SIGNED_IN = STAFF | ADMINS
IMPORTERS = REGISTRARS | OFFICER | SECRETARY  # of some table each
PEOPLE = OFFICER | SECRETARY  # may see persons, masked
PLACES = LEADERS | REGISTRARS | OFFICER
NUMBERS = STAFF
NOBODY: frozenset[str] = frozenset()
MISSING = {"pk": 99_999_999, "code": "NOSUCHCODE", "form_token": "00000000-0000-4000-8000-000000000000"}
OWN = "own:"  # a row that is its owner's only: each persona has one


@dataclass(frozen=True)
class Page:
    """One address. `row`: the attribute of a side of the world that the address names; without: a page of its own.

    `who` gets the near row; of them only `everywhere` gets the far one too, the others get 404 with the body of a
    missing row. Whoever is not in `who` gets 403; without signing in it is the sign-in page or 401.
    """

    who: frozenset[str]
    row: str = ""
    key: str = "pk"  # what of the row stands in the address
    everywhere: frozenset[str] = CITY_WIDE
    method: str = "get"
    ok: tuple[int, ...] = (200,)
    extra: dict = field(default_factory=dict)
    query: dict = field(default_factory=dict)
    shows_names: bool = False  # an own roll shows full names


@dataclass(frozen=True)
class Table:
    """A model in the admin. Nothing is deleted there."""

    view: frozenset[str]
    add: frozenset[str] = NOBODY
    change: frozenset[str] = NOBODY
    row: str = ""
    everywhere: frozenset[str] = CITY_WIDE
    without_rows: frozenset[str] = NOBODY  # may open the list, and finds none of these rows in it


POST = {"method": "post", "ok": (200, 201, 302, 400, 422)}

# Open to everybody, without signing in. What is behind a code answers to whoever holds the code.
PUBLIC = {
    "healthz", "admin:login", "admin:logout", "api:token", "admin:jsi18n", "accounts:sign_in", "accounts:sign_out",
    "accounts:oidc_leave", "accounts:oidc_back",
    "accounts:passkey_sign_in", "accounts:passkey_options", "accounts:session_state", "accounts:unlock",
    "accounts:second_factor", "accounts:first_password", "accounts:next_step",  # to who is on the way in, else to its start
    "members:poster", "members:receipt", "members:receipt_withdraw", "members:receipt_rights", "members:receipt_copy",
    "members:receipt_act", "members:receipt_anew", "members:receipt_whole_copy", "members:notice", "members:notice_version",
    "stations:own_check_ins",
    "reports:screen", "reports:screen_data", "reports:screen_shapes", "reports:screen_worker",  # no number without the key
    "reports:verify", "reports:verified",  # what the paper in one's hand says, and nothing without its code
    "api:intake-registrations", "api:intake-feedback",  # signed by another system's key; no session opens them
}  # fmt: skip

# Of these, what the public face has where it stands apart (FACE=public).
FACE_PUBLIC = {
    "healthz", "members:poster", "members:receipt", "members:receipt_withdraw", "members:receipt_rights",
    "members:receipt_copy", "members:receipt_act", "members:receipt_anew", "members:receipt_whole_copy", "members:notice",
    "members:notice_version", "stations:own_check_ins", "reports:verify", "reports:verified",
}  # fmt: skip

PAGES: dict[str, Page] = {
    # the admin's own pages
    "admin:index": Page(SIGNED_IN),
    "admin:app_list": Page(SIGNED_IN, extra={"app_label": "orgs"}, ok=(200, 404)),
    "admin:password_change": Page(SIGNED_IN, ok=(200, 302)),
    "admin:password_change_done": Page(SIGNED_IN, ok=(200, 302)),
    "admin:autocomplete": Page(
        STAFF | SECURITY, query={"app_label": "orgs", "model_name": "posting", "field_name": "organization", "term": ""}
    ),
    "admin:view_on_site": Page(SIGNED_IN, extra={"content_type_id": "1", "object_id": "1"}, ok=(404, 302)),
    "admin:catch_all": Page(SIGNED_IN, extra={"url": "nowhere"}, ok=(404,)),
    "admin:orgs_organization_move": Page(REGISTRARS, "branch"),
    "admin:orgs_organization_merge": Page(REGISTRARS, "branch"),
    "admin:orgs_organization_close": Page(REGISTRARS, "branch"),
    "admin:members_intakeclient_rotate": Page(SECURITY, "intake_client", everywhere=SECURITY),
    "admin:members_intakeclient_revoke": Page(SECURITY, "intake_client", everywhere=SECURITY),
    # accounts, jobs
    "accounts:password_change": Page(SIGNED_IN),
    "accounts:tokens": Page(SIGNED_IN),
    "accounts:tokens_of": Page(SECURITY, "officer", everywhere=SECURITY),
    "accounts:locks": Page(SECURITY),
    "accounts:idle": Page(SECURITY),
    "accounts:measure": Page(SECURITY, "officer", everywhere=SECURITY, extra={"kind": "reset"}),
    # changing what one signs in with: who did not sign in just now is asked to (tests/accounts/test_factors.py)
    "accounts:factors": Page(SIGNED_IN),
    "accounts:oidc_bind": Page(SIGNED_IN, ok=(302,)),
    "accounts:sessions": Page(SIGNED_IN),
    "accounts:sessions_of": Page(SECURITY, "officer", everywhere=SECURITY),
    "accounts:factor_set_up": Page(SIGNED_IN, ok=(302,)),
    "accounts:authenticator": Page(SIGNED_IN, ok=(302,)),
    "accounts:passkey": Page(SIGNED_IN, ok=(302,)),
    "accounts:passkey_set_up_options": Page(SIGNED_IN, method="post", ok=(302,)),
    "accounts:recovery_codes": Page(SIGNED_IN, method="post", ok=(302,)),
    "accounts:factor_remove": Page(SIGNED_IN, method="post", ok=(302,)),
    "jobs:list": Page(SIGNED_IN),
    "jobs:detail": Page(SIGNED_IN, OWN + "job", everywhere=NOBODY),
    "jobs:progress": Page(SIGNED_IN, OWN + "job", everywhere=NOBODY),
    "jobs:cancel": Page(SIGNED_IN, OWN + "job", everywhere=NOBODY, **POST),
    # orgs
    "orgs:list": Page(STAFF),
    "orgs:detail": Page(STAFF, "branch"),
    # the registrars of this world manage their units
    "orgs:grants": Page(REGISTRARS),
    "orgs:grant_new": Page(REGISTRARS),
    "orgs:grant_units": Page(REGISTRARS),
    "orgs:grant_end": Page(REGISTRARS, "posting"),
    # markets
    "markets:market_list": Page(PLACES),
    "markets:market_detail": Page(PLACES, "market"),
    "markets:business_list": Page(PLACES),
    "markets:business_detail": Page(PLACES, "business"),
    "markets:industry_area_list": Page(PLACES),
    "markets:platform_list": Page(PLACES),
    "markets:delivery_site_list": Page(PLACES),
    "markets:difference_list": Page(PLACES),
    "markets:difference": Page(PLACES, "difference"),
    "markets:difference_adopt": Page(REGISTRARS, "difference", **POST),
    "markets:difference_keep": Page(REGISTRARS, "difference", **POST),
    "markets:absence_list": Page(PLACES),
    "markets:hand_over_list": Page(PLACES),
    "markets:hand_over_accept": Page(REGISTRARS, "hand_over", **POST),
    "markets:hand_over_refuse": Page(REGISTRARS, "hand_over", **POST),
    "markets:hand_over_withdraw": Page(REGISTRARS, "hand_over", **POST),
    "markets:hand_over_ask_again": Page(REGISTRARS, "hand_over", **POST),
    # lists: a saved view, an export and a bulk act's result are their owner's only
    "lists:export": Page(LEADERS | REGISTRARS, extra={"table": "business"}),
    "reports:audit": Page(AUDIT),
    "reports:audit_event": Page(AUDIT, "event", everywhere=AUDIT),
    "reports:audit_head": Page(AUDIT, method="post", ok=(200, 302)),
    "lists:views": Page(PLACES, extra={"table": "business"}),
    "lists:view_change": Page(SIGNED_IN, OWN + "saved_view", everywhere=NOBODY, **POST),
    "lists:view_delete": Page(SIGNED_IN, OWN + "saved_view", everywhere=NOBODY, **POST),
    # only what somebody who left shared with the own unit; one's own is none of it
    "lists:view_unshare": Page(SIGNED_IN, OWN + "saved_view", everywhere=NOBODY, method="post", ok=(404,)),
    "lists:bulk": Page(REGISTRARS, extra={"table": "business"}, query={"act": "key", "all": "on"}),
    "lists:bulk_result": Page(SIGNED_IN, OWN + "bulk_job", everywhere=NOBODY),
    "lists:exports": Page(SIGNED_IN),
    "lists:approvals": Page(SIGNED_IN),
    "lists:approval": Page(LEADERS | REGISTRARS, "approval"),
    "lists:download": Page(LEADERS | REGISTRARS, OWN + "export", everywhere=NOBODY, ok=(200, 404)),
    # tables: a batch is its owner's only
    "tables:list": Page(IMPORTERS),
    "tables:upload": Page(IMPORTERS),
    "tables:template": Page(REGISTRARS, extra={"target": "business"}),
    "tables:batch": Page(IMPORTERS, OWN + "batch", everywhere=NOBODY),
    "tables:confirm": Page(IMPORTERS, OWN + "batch", everywhere=NOBODY, **POST),
    "tables:fix": Page(IMPORTERS, OWN + "batch", everywhere=NOBODY, **POST),
    "tables:fix_group": Page(IMPORTERS, OWN + "batch", everywhere=NOBODY, **POST),
    "tables:unfix": Page(IMPORTERS, OWN + "batch", everywhere=NOBODY, **POST),
    "tables:columns": Page(IMPORTERS, OWN + "batch", everywhere=NOBODY, **POST),
    "tables:recheck": Page(IMPORTERS, OWN + "batch", everywhere=NOBODY, **POST),
    "tables:cancel": Page(IMPORTERS, OWN + "batch", everywhere=NOBODY, **POST),
    "tables:undo": Page(IMPORTERS, OWN + "batch", everywhere=NOBODY, ok=(200, 302)),
    "tables:conflicts": Page(IMPORTERS, OWN + "batch", everywhere=NOBODY),
    "tables:errors_file": Page(IMPORTERS, OWN + "batch", everywhere=NOBODY, ok=(200, 302, 404)),
    # members
    "members:queue": Page(OFFICER),
    "members:counter": Page(OFFICER),
    "members:counter_confirm": Page(OFFICER, "draft", "form_token", everywhere=NOBODY),
    "members:registration": Page(OFFICER, "waiting"),
    "members:registration_take": Page(OFFICER, "waiting", **POST),
    "members:registration_contact": Page(OFFICER, "waiting", **POST),
    "members:registration_verify": Page(OFFICER, "waiting", **POST),
    "members:registration_refuse": Page(OFFICER, "waiting", **POST),
    "members:registration_duplicate": Page(OFFICER, "waiting", **POST),
    "members:registration_unreachable": Page(OFFICER, "waiting", **POST),
    "members:registration_reveal": Page(OFFICER, "waiting", **POST),
    "members:list": Page(PEOPLE),
    "members:detail": Page(PEOPLE, "member"),
    "members:member_reveal": Page(OFFICER | SECRETARY, "member", **POST),
    "members:member_accept": Page(OFFICER | SECRETARY, "member", **POST),
    "members:member_edit": Page(OFFICER | SECRETARY, "member"),
    "members:member_end": Page(OFFICER | SECRETARY, "member"),
    "members:affiliation_end": Page(OFFICER | SECRETARY, "affiliation", **POST),
    "members:roll": Page(SECRETARY),
    "members:pledges": Page(PEOPLE),
    "members:pledge_new": Page(PEOPLE, "member"),
    "members:pledge_print": Page(PEOPLE, "pledge"),
    "members:pledge_withdraw": Page(PEOPLE, "pledge"),
    "members:pledge_taken_off": Page(PEOPLE, "pledge", **POST),
    "members:posters": Page(REGISTRARS | OFFICER),
    "members:poster_new": Page(REGISTRARS | OFFICER, **POST),
    "members:poster_print": Page(REGISTRARS | OFFICER, "poster", "code"),
    "members:poster_pdf": Page(REGISTRARS | OFFICER, "poster", "code"),
    "members:poster_invite": Page(REGISTRARS | OFFICER, "poster", "code"),
    "members:poster_withdraw": Page(REGISTRARS, "poster", "code", **POST),
    "members:feedback": Page(REGISTRARS),
    "members:feedback_file": Page(REGISTRARS, "intake_client"),
    "members:rights": Page(OFFICER),
    "members:rights_answer": Page(OFFICER, "request"),
    "members:rights_copy": Page(OFFICER, "request", **POST | {"ok": (200, 422)}),
    "members:registration_rights": Page(OFFICER, "waiting"),
    "members:registration_anew": Page(OFFICER, "waiting", ok=(200, 302)),
    "members:member_rights": Page(OFFICER, "member"),
    "members:ferry": Page(SYSTEM),
    # stations
    "stations:desk": Page(OFFICER | SECRETARY),
    "stations:check_in": Page(OFFICER | SECRETARY, **POST),
    "stations:check_in_result": Page(OFFICER | SECRETARY, "check_in"),
    "stations:check_in_undo": Page(OFFICER | SECRETARY, "check_in", **POST),
    "stations:check_in_list": Page(PEOPLE),
    "stations:list": Page(PLACES | SECRETARY),
    "stations:detail": Page(PLACES | SECRETARY, "place"),
    "stations:footfall": Page(OFFICER, "place", **POST),
    "stations:poster": Page(PLACES | SECRETARY, "place"),
    "stations:poster_make": Page(REGISTRARS | OFFICER, "place", **POST),
    # reports
    "reports:home": Page(SIGNED_IN, ok=(200, 302)),
    "reports:front": Page(LEADERS),
    "reports:today": Page(OFFICER),
    "reports:me": Page(SIGNED_IN),
    "reports:dashboard": Page(STAFF, ok=(200, 302)),
    "reports:brief": Page(STAFF, ok=(200, 302)),
    "reports:brief_organization": Page(STAFF, "branch", "code"),
    "reports:brief_division": Page(PLACES, "division", "code"),
    "reports:districts": Page(STAFF),
    "reports:organization": Page(STAFF, "branch", "code"),
    "reports:division": Page(PLACES, "division", "code"),
    "reports:chart": Page(STAFF, "branch", "code", extra={"kind": "o", "chart": "trend"}),
    "reports:rows": Page(STAFF, extra={"metric": "organizations"}),
    "reports:explain": Page(STAFF, extra={"metric": "organizations"}),
    "reports:compare_organization": Page(STAFF, "branch", "code"),
    "reports:compare_division": Page(PLACES, "division", "code"),
    "reports:split": Page(PLACES, "division", "code", extra={"kind": "d"}),
    "reports:split_chart": Page(PLACES, "division", "code", extra={"kind": "d"}),
    "reports:health": Page(SYSTEM),
    "reports:alarms": Page(ADMINS),
    "reports:alarm": Page(ADMINS, OWN + "alarm", everywhere=NOBODY),
    "reports:self_checks": Page(SECURITY),
    "reports:self_check_new": Page(SECURITY),
    "reports:self_check": Page(SECURITY, "self_check", everywhere=SECURITY),
    "reports:self_check_file": Page(SECURITY, "self_check", everywhere=SECURITY, query={"format": "print"}),
    "reports:inventory": Page(REGISTRARS | ADMINS),
    "reports:retention": Page(REGISTRARS | ADMINS),
    # off unless a leader above decides otherwise, and never for grassroots bodies
    "reports:siblings_organization": Page(STAFF, "branch", "code", ok=(404,)),
    "reports:siblings_division": Page(PLACES, "division", "code", ok=(404,)),
    "reports:comparison_choices": Page(LEADERS),
    "reports:comparison_choose": Page(LEADERS, "district", "code", everywhere=frozenset({"city_leader"})),
    "reports:numbers": Page(STAFF),
    "reports:metrics": Page(STAFF),
    "reports:search": Page(STAFF, query={"q": "金丝雀"}),
    "reports:goals": Page(PLACES),
    "reports:goal": Page(PLACES, "goal"),
    "reports:goal_chart": Page(PLACES, "goal"),
    "reports:goal_edit": Page(REGISTRARS, "goal"),
    "reports:goal_close": Page(REGISTRARS, "goal"),
    "reports:goal_distribute": Page(REGISTRARS, "goal"),
    "reports:plan": Page(PLACES, "plan"),
    "reports:plan_new": Page(REGISTRARS),
    "reports:plan_edit": Page(REGISTRARS, "plan"),
    "reports:plan_close": Page(REGISTRARS, "plan"),
    "reports:goal_new": Page(REGISTRARS, "plan"),
    "reports:evaluations": Page(PLACES),
    "reports:evaluation_new": Page(REGISTRARS),
    "reports:evaluation": Page(PLACES, "released"),
    "reports:evaluation_file": Page(LEADERS | REGISTRARS, "released"),
    # acts on a draft: only at the unit that composes it, not above
    "reports:evaluation_edit": Page(frozenset({"registrar_district"}), "draft_sheet", everywhere=NOBODY),
    "reports:evaluation_release": Page(frozenset({"district_leader"}), "draft_sheet", everywhere=NOBODY, **POST),
    "reports:evaluation_withdraw": Page(frozenset({"district_leader"}), "released", everywhere=NOBODY),
    "reports:printed_list": Page(PLACES),
    "reports:printed_new": Page(LEADERS | REGISTRARS),
    "reports:printed_new_weekly": Page(LEADERS | REGISTRARS),
    "reports:printed_check": Page(PLACES),
    "reports:printed": Page(PLACES, "printed"),
    "reports:printed_paper": Page(PLACES, "printed"),
    "reports:printed_file": Page(PLACES, "printed", query={"format": "xlsx"}),
    "reports:printed_void": Page(LEADERS | REGISTRARS, "printed"),
    "reports:report_forms": Page(LEADERS | REGISTRARS),
    "reports:report_form_new": Page(REGISTRARS),
    "reports:report_form": Page(LEADERS | REGISTRARS, "report_form"),
    "reports:report_form_file": Page(LEADERS | REGISTRARS, "report_form"),
    "reports:report_form_fill": Page(LEADERS | REGISTRARS, "report_form", **POST),
    "reports:report_form_edit": Page(REGISTRARS, "report_form"),
    "reports:report_form_cell": Page(REGISTRARS, "report_form", query={"sheet": "1", "cell": "B2"}),
    "reports:report_form_suggest": Page(REGISTRARS, "report_form"),
    "reports:filled_form": Page(LEADERS | REGISTRARS, "filled_form"),
    "reports:filled_form_file": Page(LEADERS | REGISTRARS, "filled_form"),
    "reports:screens": Page(LEADERS | REGISTRARS),
    "reports:screen_new": Page(LEADERS | REGISTRARS),
    "reports:screen_change": Page(LEADERS | REGISTRARS, "screen"),
    "reports:screen_revoke": Page(LEADERS | REGISTRARS, "screen"),
    "reports:closings": Page(PLACES),
    "reports:closing": Page(PLACES, "closing", everywhere=PLACES),
    "reports:month_close": Page(CITY_REGISTRAR),
    "reports:closing_revise": Page(CITY_REGISTRAR, "closing", everywhere=CITY_REGISTRAR),
    "reports:reported": Page(PLACES),
    # api
    "api:schema": Page(SIGNED_IN),
    "api:docs": Page(SIGNED_IN),
    "api:organization-list": Page(STAFF),
    "api:organization-detail": Page(STAFF, "branch"),
    "api:division-list": Page(PLACES),
    "api:division-detail": Page(PLACES, "division"),
    "api:business-list": Page(PLACES),
    "api:business-detail": Page(PLACES, "business"),
    "api:market-list": Page(PLACES),
    "api:market-detail": Page(PLACES, "market"),
    "api:hand-over-list": Page(PLACES),
    "api:hand-over-detail": Page(PLACES, "hand_over"),
    "api:member-list": Page(PEOPLE),
    "api:member-detail": Page(PEOPLE, "member"),
    "api:service-point-list": Page(PLACES | SECRETARY),
    "api:service-point-detail": Page(PLACES | SECRETARY, "place"),
    "api:check-in-list": Page(PEOPLE),
    "api:check-in-detail": Page(PEOPLE, "check_in"),
    "api:numbers": Page(NUMBERS),
    "api:explain": Page(NUMBERS, extra={"metric": "organizations"}),
    "api:goal-list": Page(PLACES),
    "api:goal-detail": Page(PLACES, "goal"),
    "api:evaluation-list": Page(PLACES),
    "api:evaluation-detail": Page(PLACES, "released"),
    "api:printed-document-list": Page(PLACES),
    "api:printed-document-detail": Page(PLACES, "printed"),
    "api:reported-figure-list": Page(PLACES),
    "api:reported-figure-detail": Page(PLACES, "reported", everywhere=PLACES),
    "api:report-form-list": Page(LEADERS | REGISTRARS),
    "api:report-form-detail": Page(LEADERS | REGISTRARS, "report_form"),
    "api:filled-form-list": Page(LEADERS | REGISTRARS),
    "api:filled-form-detail": Page(LEADERS | REGISTRARS, "filled_form"),
    "api:snapshot-list": Page(NUMBERS),
    "api:snapshot-detail": Page(NUMBERS, "snapshot"),
}

# What leaves as a file: address, its parameters, what is sent, who may of those who belong to one district.
EXPORTS = [
    (
        "lists:export", {"table": "business"}, {"purpose": "区级例会通报", "format": "csv"},
        ("district_leader", "registrar_district"),
    ),
    (
        "lists:export", {"table": "industry_area"}, {"purpose": "区级例会通报", "format": "csv"},
        ("district_leader", "registrar_district"),
    ),
    (
        "lists:export", {"table": "delivery_site"}, {"purpose": "区级例会通报", "format": "csv"},
        ("district_leader", "registrar_district"),
    ),
    (
        "lists:export", {"table": "rows-markets"}, {"purpose": "区级例会通报", "format": "csv"},
        ("district_leader", "registrar_district"),
    ),
    (
        "lists:export", {"table": "member"}, {"purpose": "组织关系核对", "format": "csv"}, ("officer", "secretary"),
    ),
]  # fmt: skip

TABLES: dict[str, Table] = {
    "accounts_user": Table(SECURITY, add=SECURITY, change=SECURITY, row="officer", everywhere=SECURITY),
    "axes_accessattempt": Table(SECURITY, row="attempt", everywhere=SECURITY),
    "jobs_job": Table(SYSTEM, row="job", everywhere=SYSTEM),
    "orgs_organization": Table(STAFF, add=REGISTRARS, change=REGISTRARS, row="branch"),
    "orgs_division": Table(PLACES, row="division"),
    "orgs_posting": Table(SECURITY, add=SECURITY, change=SECURITY, row="posting", everywhere=SECURITY),
    "stations_servicepoint": Table(PLACES | SECRETARY, add=REGISTRARS, change=REGISTRARS | OFFICER, row="place"),
    "markets_business": Table(PLACES, add=REGISTRARS, change=REGISTRARS, row="business"),
    "markets_market": Table(PLACES, add=REGISTRARS, change=REGISTRARS | OFFICER, row="market"),
    "markets_businesscoverage": Table(PLACES, add=REGISTRARS, change=REGISTRARS, row="business_coverage"),
    "markets_marketcoverage": Table(PLACES, add=REGISTRARS, change=REGISTRARS, row="market_coverage"),
    "markets_grouporganization": Table(PLACES, add=REGISTRARS, change=REGISTRARS, row="group_organization"),
    "markets_declaration": Table(OFFICER, row="declaration"),
    "markets_marketplan": Table(PLACES, add=REGISTRARS, change=REGISTRARS, row="market_plan"),
    "markets_industryarea": Table(PLACES, add=REGISTRARS, change=REGISTRARS, row="industry_area"),
    "markets_handover": Table(PLACES, row="hand_over"),
    "markets_platform": Table(PLACES, add=REGISTRARS, change=REGISTRARS, row="platform", everywhere=PLACES),
    "markets_deliverysite": Table(PLACES, add=REGISTRARS, change=REGISTRARS, row="delivery_site"),
    "members_member": Table(PEOPLE, change=OFFICER | SECRETARY, row="member"),
    "members_affiliation": Table(PEOPLE, add=OFFICER | SECRETARY, change=OFFICER | SECRETARY, row="affiliation"),
    "members_instructor": Table(STAFF, add=REGISTRARS, change=REGISTRARS, row="instructor"),
    "members_instructorassignment": Table(
        STAFF, add=REGISTRARS | OFFICER, change=REGISTRARS | OFFICER, row="assignment"
    ),
    "members_intakeclient": Table(SECURITY, add=SECURITY, row="intake_client", everywhere=SECURITY),
    "members_intakeevent": Table(REGISTRARS, row="intake_event"),
    "members_notice": Table(
        REGISTRARS, add=CITY_REGISTRAR, change=REGISTRARS, row="notice", without_rows=frozenset({"registrar_district"})
    ),
    "members_impactassessment": Table(
        REGISTRARS,
        add=CITY_REGISTRAR,
        change=REGISTRARS,
        row="assessment",
        without_rows=frozenset({"registrar_district"}),
    ),
    "members_pledge": Table(PEOPLE, row="pledge"),
    "members_poster": Table(REGISTRARS | OFFICER, add=REGISTRARS | OFFICER, row="poster"),
    "members_seat": Table(OFFICER | SECRETARY, add=OFFICER | SECRETARY, change=OFFICER | SECRETARY, row="seat"),
    "members_transfer": Table(OFFICER | SECRETARY, add=OFFICER | SECRETARY, change=OFFICER | SECRETARY, row="transfer"),
    "reports_evaluation": Table(PLACES, row="released"),
    "reports_plan": Table(PLACES, row="plan"),
    "reports_goal": Table(PLACES, row="goal"),
    "reports_monthclosing": Table(PLACES, row="closing", everywhere=PLACES),
    "reports_reportedfigure": Table(
        PLACES, add=CITY_REGISTRAR, change=CITY_REGISTRAR, row="reported", everywhere=PLACES
    ),
}
