"""The filters of this room's lists and of the API. Nothing here takes a name or a number: addresses end up in logs."""

import django_filters
from django import forms
from django.db.models import Exists, OuterRef
from django.utils import timezone

from members.models import Affiliation, Member, Pledge, Registration
from orgs.models import Organization
from tables.filters import TextFilter

OPEN = "open"


class QueueFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(
        label="状态", choices=[(OPEN, "待办（待核实、已联系）"), *Registration.State.choices],
        method="by_state", empty_label="全部",
    )  # fmt: skip
    mine = django_filters.BooleanFilter(label="只看我领取的", method="by_me", widget=forms.CheckboxInput)
    overdue = django_filters.BooleanFilter(label="只看逾期", method="by_overdue", widget=forms.CheckboxInput)
    anew = django_filters.BooleanFilter(label="只看须重新取得同意", method="by_anew", widget=forms.CheckboxInput)

    class Meta:
        model = Registration
        fields: list[str] = []

    def by_state(self, queryset, name, value):
        return queryset.undecided() if value == OPEN else queryset.filter(state=value)

    def by_me(self, queryset, name, value):
        return queryset.filter(assigned_to=self.request.user) if value else queryset

    def by_overdue(self, queryset, name, value):
        return queryset.undecided().filter(due_on__lt=timezone.localdate()) if value else queryset

    def by_anew(self, queryset, name, value):
        return queryset.consent_due() if value else queryset


class PledgeFilter(django_filters.FilterSet):
    """Without a choice: what hangs, or may still hang."""

    state = django_filters.ChoiceFilter(
        label="状态", choices=[("live", "在挂"), ("to_take_off", "已撤下，待确认取下"), ("down", "已取下")],
        method="by_state", empty_label="在挂和待确认取下",
    )  # fmt: skip

    class Meta:
        model = Pledge
        fields: list[str] = []

    def filter_queryset(self, queryset):
        found = super().filter_queryset(queryset)
        return found if self.form.cleaned_data["state"] else found.filter(taken_off_on__isnull=True)

    def by_state(self, queryset, name, value):
        states = {"live": queryset.live, "to_take_off": queryset.to_take_off}
        return states[value]() if value in states else queryset.filter(taken_off_on__isnull=False)


RELATIONS = [("on_roll", "在册"), ("verified", "已核实"), ("taken_in", "已纳管")]


def _related(queryset, relation: str):
    live = Affiliation.objects.live().filter(member=OuterRef("pk"))
    verified = Registration.objects.verified().filter(member=OuterRef("pk"))
    rows = {"on_roll": live.formal(), "taken_in": live.activity(), "verified": verified}
    return queryset.filter(Exists(rows[relation]))


class MemberFilter(django_filters.FilterSet):
    """Standing, relation, organization (with everything below it), the phone's last four digits."""

    standing = django_filters.ChoiceFilter(label="党员类别", choices=Member.Standing.choices, empty_label="全部")
    relation = django_filters.ChoiceFilter(label="关系", choices=RELATIONS, method="by_relation", empty_label="全部")
    organization = django_filters.NumberFilter(label="党组织编号", method="by_organization")
    phone_tail = TextFilter(label="手机尾号（4 位）")

    class Meta:
        model = Member
        fields: list[str] = []

    def by_relation(self, queryset, name, value):
        return _related(queryset, value)

    def by_organization(self, queryset, name, value):
        unit = Organization.objects.filter(pk=value).first()
        below = Organization.objects.within(unit) if unit else Organization.objects.none()
        live = Affiliation.objects.live().filter(member=OuterRef("pk"), organization__in=below)
        return queryset.filter(Exists(live))


class MemberListFilter(MemberFilter):
    """On the page the organizations of one's own scope are offered by name."""

    organization = django_filters.ModelChoiceFilter(
        label="党组织", queryset=lambda request: holders(request.user), method="by_choice", empty_label="全部"
    )

    def by_choice(self, queryset, name, value):
        return self.by_organization(queryset, name, value.pk)


def holders(user):
    """Organizations that may have members, inside the user's scope; a list for a drop-down, so it ends somewhere."""
    visible = Organization.objects.visible_to(user).open().grassroots().order_by("name")
    return visible.filter(pk__in=list(visible.values_list("pk", flat=True)[:1000]))
