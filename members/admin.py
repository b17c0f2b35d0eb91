"""This room in the admin: scoped by the door, writing through the services, persons masked."""

from django.contrib import admin, messages

from accounts.own_words import KeptWordsMixin
from members import assessment_admin, identity, intake_admin, services  # noqa: F401  (two register pages of their own)
from members.forms.admin import (
    AffiliationForm,
    AssignmentForm,
    DecideTransferForm,
    EndAffiliationForm,
    NoticeForm,
    SeatForm,
    TransferForm,
)
from members.models import (
    Affiliation,
    Instructor,
    InstructorAssignment,
    Member,
    Notice,
    Pledge,
    Poster,
    Seat,
    Transfer,
)
from members.services import transfers
from members.services.notice import PARTS
from members.services.posters import poster_create
from members.views.base import note_shown
from orgs.doors import holds_the_city
from orgs.forms import DoorFormMixin
from orgs.scoped import ScopedAdmin


class NoChange:
    """Shown, never edited here: there is a page with the purpose, the rule or the service for it."""

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False


class NotedAdmin(ScopedAdmin):
    """Rows about persons, masked or by their numbers: every page tells the audit whom it showed, and they are told
    (members/copies.py)."""

    shown_as, opened_as = "members.member.list", "members.member.read"

    @staticmethod
    def person(row) -> Member:
        return row.member

    def changelist_view(self, request, extra_context=None):
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", {}).get("cl")
        note_shown(request, self.shown_as, map(self.person, shown.result_list if shown else []))
        return response

    def change_view(self, request, object_id, form_url="", extra_context=None):
        response = super().change_view(request, object_id, form_url, extra_context)
        row = self.get_object(request, object_id) if response.status_code == 200 else None
        note_shown(request, self.opened_as, [self.person(row)] if row else [])
        return response


class PersonsAdmin(NoChange, NotedAdmin):
    """Shown only."""


@admin.register(Member)
class MemberAdmin(PersonsAdmin):
    """Read-only: edits, reveals and ends have pages of their own under /members/."""

    list_display = ["__str__", "masked_name", "masked_phone", "standing", "ended"]
    list_filter = ["standing", "ended"]
    fields = (
        "masked_name", "sex", "masked_number", "masked_phone", "standing", "ended", "ended_on", "occupation",
        "workplace", "entered_at",
    )  # fmt: skip
    readonly_fields = fields
    ordering = ["-pk"]

    @staticmethod
    def person(row: Member) -> Member:
        return row

    @admin.display(description="姓名")
    def masked_name(self, row: Member) -> str:
        return identity.mask_name(row.name)

    @admin.display(description="身份号码")
    def masked_number(self, row: Member) -> str:
        return identity.mask_id(row.id_number) or "没有提供"

    @admin.display(description="手机")
    def masked_phone(self, row: Member) -> str:
        return identity.mask_phone(row.phone_tail)


@admin.register(Affiliation)
class AffiliationAdmin(NotedAdmin):
    """Added by the service; afterwards only its end can be set."""

    shown_as, opened_as = "members.affiliation.list", "members.affiliation.read"
    list_display = ["member", "organization", "kind", "starts_on", "ends_on"]
    list_filter = ["kind", ("ends_on", admin.EmptyFieldListFilter)]
    list_select_related = ["member", "organization"]
    raw_id_fields = ["member", "contact", "organization"]
    readonly_fields = ()

    def get_form(self, request, obj=None, change=False, **kwargs):
        # The ancestor columns come from the organization, in the service: the form of a placed row does not fit.
        chosen = EndAffiliationForm if obj else AffiliationForm
        form = super(ScopedAdmin, self).get_form(request, obj, change, form=chosen, **kwargs)
        known = {"user": request.user, "permission": self._perm("change" if change else "add")}
        return type(form.__name__, (DoorFormMixin, form), known)

    def get_fields(self, request, obj=None):
        return [*AffiliationForm.Meta.fields, "ends_on"] if obj else AffiliationForm.Meta.fields

    def get_readonly_fields(self, request, obj=None):
        if obj is None:
            return []
        return [*AffiliationForm.Meta.fields, *(["ends_on"] if obj.ends_on else [])]

    def save_model(self, request, obj, form, change) -> None:
        if change:
            if obj.ends_on is not None and "ends_on" in form.changed_data:
                services.affiliation_end(affiliation=obj, ends_on=obj.ends_on, by=request.user)
            return
        facts = {"member": obj.member, "organization": obj.organization, "starts_on": obj.starts_on}
        if obj.kind == Affiliation.Kind.FORMAL:
            made = services.affiliation_start(**facts, by=request.user)
        else:
            made = services.member_accept(**facts, contact=obj.contact, by=request.user)
        obj.pk = made.pk


@admin.register(Instructor)
class InstructorAdmin(KeptWordsMixin, ScopedAdmin):
    kept_words = ("background",)
    list_display = ["name", "organization", "background", "ends_on"]
    list_select_related = ["organization"]
    search_fields = ["name"]

    def audit_units(self, obj):
        return [obj.organization_id]


@admin.register(InstructorAssignment)
class InstructorAssignmentAdmin(ScopedAdmin):
    form = AssignmentForm
    list_display = ["instructor", "business", "market", "role", "starts_on", "ends_on"]
    list_filter = ["role", ("ends_on", admin.EmptyFieldListFilter)]
    list_select_related = ["instructor", "business", "market"]
    raw_id_fields = ["business", "market"]

    def audit_units(self, obj):
        place = obj.business or obj.market
        return [place.guidance_station_id, place.district_committee_id, obj.instructor.organization_id]


@admin.register(Notice)
class NoticeAdmin(ScopedAdmin):
    """Drafts are edited; a published version only shows."""

    form = NoticeForm
    list_display = ["version", "published_at", "consent_anew"]
    ordering = ["-published_at", "-pk"]

    def has_add_permission(self, request) -> bool:
        return super().has_add_permission(request) and holds_the_city(request.user, "members.add_notice")

    def get_changeform_initial_data(self, request) -> dict:
        return services.words_to_begin_with() | super().get_changeform_initial_data(request)

    def has_change_permission(self, request, obj=None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.published_at is None)

    def get_fields(self, request, obj=None):
        if obj is not None and obj.published_at is not None:
            return ["version", *PARTS, "consent_anew", "change", "digest", "published_at"]
        return ["version", *PARTS, "consent_anew", "change", "publish"]

    def get_readonly_fields(self, request, obj=None):
        return ["digest", "published_at"] if obj is not None and obj.published_at is not None else []

    def save_model(self, request, obj, form, change) -> None:
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("publish"):
            parts = {part: getattr(obj, part) for part in PARTS}
            said = {"consent_anew": obj.consent_anew, "change": obj.change}
            services.notice_publish(by=request.user, version=obj.version, **said, **parts)


@admin.register(Poster)
class PosterAdmin(ScopedAdmin):
    list_display = ["code", "kind", "market", "organization", "made_at", "withdrawn_at"]
    list_filter = ["kind", ("withdrawn_at", admin.EmptyFieldListFilter)]
    list_select_related = ["market", "organization"]
    fields = ["kind", "market", "organization"]
    raw_id_fields = ["market", "organization"]

    def has_change_permission(self, request, obj=None) -> bool:
        return False  # withdrawn on its own page, under /posters/

    def save_model(self, request, obj, form, change) -> None:
        made = poster_create(kind=obj.kind, market=obj.market, organization=obj.organization, by=request.user)
        obj.pk, obj.code = made.pk, made.code
        self.must_be_in_scope(request, obj, change)


@admin.register(Seat)
class SeatAdmin(NotedAdmin):
    shown_as, opened_as = "members.seat.list", "members.seat.read"
    form = SeatForm
    list_display = ["organization", "post", "member", "starts_on", "ends_on"]
    list_filter = ["post", ("ends_on", admin.EmptyFieldListFilter)]
    list_select_related = ["organization", "member"]
    raw_id_fields = ["organization", "member"]

    def audit_units(self, obj):
        return [obj.organization_id]


@admin.register(Pledge)
class PledgeAdmin(PersonsAdmin):
    """Read-only: entered, printed and taken down on pages of their own, under /pledges/."""

    shown_as, opened_as = "members.pledge.list", "members.pledge.read"
    list_display = ["__str__", "masked_name", "organization", "consented_at", "withdrawn_at", "taken_off_on"]
    list_filter = [("withdrawn_at", admin.EmptyFieldListFilter), ("taken_off_on", admin.EmptyFieldListFilter)]
    list_select_related = ["member", "organization"]
    fields = (
        "masked_name", "organization", "duty", "promise", "place", "number", "consented_at", "withdrawn_at",
        "taken_off_on",
    )  # fmt: skip
    readonly_fields = fields
    ordering = ["-pk"]

    @admin.display(description="姓名")
    def masked_name(self, row: Pledge) -> str:
        return identity.mask_name(row.name)


@admin.register(Transfer)
class TransferAdmin(NotedAdmin):
    """Sent once, then received or returned."""

    shown_as, opened_as = "members.transfer.list", "members.transfer.read"
    list_display = ["member", "origin", "target", "elsewhere", "sent_on", "state"]
    list_filter = ["state"]
    list_select_related = ["member", "origin", "target"]
    raw_id_fields = ["member"]

    def get_form(self, request, obj=None, change=False, **kwargs):
        return super().get_form(request, obj, change, form=DecideTransferForm if obj else TransferForm, **kwargs)

    def get_fields(self, request, obj=None):
        sent = TransferForm.Meta.fields
        return [*sent, "origin", *DecideTransferForm.Meta.fields] if obj else sent

    def get_readonly_fields(self, request, obj=None):
        return [*TransferForm.Meta.fields, "origin"] if obj else []

    def has_change_permission(self, request, obj=None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.state == Transfer.State.SENT)

    def save_model(self, request, obj, form, change) -> None:
        by = request.user
        if not change:
            facts = {name: getattr(obj, name) for name in TransferForm.Meta.fields}
            obj.pk = transfers.transfer_send(**facts, by=by).pk
        elif obj.state == Transfer.State.RECEIVED:
            transfers.transfer_receive(transfer=obj, on=obj.decided_on, by=by)
        elif obj.state == Transfer.State.RETURNED:
            transfers.transfer_return(transfer=obj, reason=obj.reason, on=obj.decided_on, by=by)
        else:
            messages.warning(request, "没有选择“已接收”或“退回”，没有变动。")
