"""Forms of the admin: codes are checked, and a code that stands elsewhere says no more than that."""

from django import forms
from django.utils import timezone

from markets import codes, conversion
from markets.imports import texts
from markets.models import Business, BusinessCoverage, Declaration, Market
from markets.rules import TAKEN
from markets.services import keeps_head_counts


def _clean_uscc(text: str | None) -> str | None:
    code = codes.clean_code(text or "")
    if not code:
        return None
    if not codes.is_uscc(code):
        raise forms.ValidationError(codes.code_problem(code) or "应为 18 位统一社会信用代码。")
    return code


class BusinessForm(forms.ModelForm):
    class Meta:
        model = Business
        fields = [
            "name", "uscc", "legacy_registration_no", "entity_type", "scale", "industry", "registered_on", "status",
            "not_operating", "employees", "is_key", "fixed_premises", "above_size", "guidance_station", "street",
            "district", "market", "industry_area", "predecessor", "address", "latitude", "longitude",
        ]  # fmt: skip
        help_texts = {
            "uscc": "18 位；没有的老个体户填旧注册号。",
            "guidance_station": "管辖的指导站；区级党委由它得出。还不清楚的留空，只填所在区，列为待分派。",
            "not_operating": "登记在册但没有实体运营的，填原因。",
            "predecessor": "个转企的，填转型前的个体户；它的覆盖关系、指导员和群团组织从成立日期起转来，改填或清空时转回。",
        }

    def clean_uscc(self):
        code = _clean_uscc(self.cleaned_data["uscc"])
        self._refuse_taken("uscc", code)
        return code

    def clean_legacy_registration_no(self):
        code = codes.clean_code(self.cleaned_data["legacy_registration_no"] or "") or None
        if code and not codes.is_legacy(code):
            raise forms.ValidationError("旧注册号应为 15 位数字，不会都是同一个数字。")
        self._refuse_taken("legacy_registration_no", code)
        return code

    def clean_industry(self):
        """As the import reads it."""
        try:
            return texts.industry(self.cleaned_data["industry"]) if self.cleaned_data["industry"] else ""
        except texts.Wrong as wrong:
            raise forms.ValidationError(f"{wrong}。") from wrong

    def clean_registered_on(self):
        day = self.cleaned_data["registered_on"]
        if day and not texts.EARLIEST <= day <= timezone.localdate():
            raise forms.ValidationError("成立日期应在 1900 年以后，且不能晚于今天。")
        return day

    def _refuse_other_life(self, data: dict) -> None:
        """A predecessor gives its links away: whoever names it must be responsible for it too."""
        before = data.get("predecessor")
        if before is None or "predecessor" not in self.changed_data:
            return
        reason = conversion.problem(entity_type=data.get("entity_type", ""), pk=self.instance.pk, predecessor=before)
        user = getattr(self, "user", None)
        if user is not None and not user.has_perm("markets.change_business", before):
            reason = conversion.UNKNOWN
        if reason:
            self.add_error("predecessor", f"{reason}。")

    def _refuse_taken(self, column: str, code: str | None) -> None:
        """A credit code is a public fact: it may be said that somebody has it, never who or where."""
        if code and Business.objects.filter(**{column: code}).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(f"{TAKEN}。")

    def clean(self):
        data = super().clean() or self.cleaned_data
        if not self.errors and not data.get("uscc") and not data.get("legacy_registration_no"):
            self.add_error("uscc", "统一社会信用代码和旧注册号至少要填一个。")
        self._refuse_other_life(data)
        return data

    def type_warning(self) -> str:
        """Where the code's first characters usually stand for another type."""
        usual = codes.usual_types(self.cleaned_data.get("uscc") or "")
        if not usual or self.cleaned_data["entity_type"] in usual:
            return ""
        return (
            f"信用代码以 {self.cleaned_data['uscc'][:2]} 开头，一般是{Business.EntityType(usual[0]).label}"
            "（变更登记转型的企业沿用原代码），请核对主体类型。"
        )


class MarketForm(forms.ModelForm):
    class Meta:
        model = Market
        fields = [
            "code", "name", "trade", "organiser", "organiser_uscc", "guidance_station", "street", "district", "address",
            "stalls", "employees", "latitude", "longitude", "closed_on",
        ]  # fmt: skip

    def clean_organiser_uscc(self):
        return _clean_uscc(self.cleaned_data["organiser_uscc"]) or ""


class BusinessCoverageForm(forms.ModelForm):
    class Meta:
        model = BusinessCoverage
        fields = ["organization", "business", "mode", "local_mode_name", "starts_on", "ends_on"]


class DeclarationForm(forms.ModelForm):
    class Meta:
        model = Declaration
        fields = [
            "business", "source", "as_of", "full_members", "members_incl_probationary", "union_members",
            "league_members", "women",
        ]  # fmt: skip

    def clean(self):
        data = super().clean() or self.cleaned_data
        full, together = data.get("full_members"), data.get("members_incl_probationary")
        if full is not None and together is not None and full > together:
            self.add_error("full_members", "正式党员数多于党员数（含预备），请核对。")
        if data.get("business") and not keeps_head_counts(data["business"]):
            self.add_error("business", "个体工商户和从业人数不足 10 人（或未填）的主体不保存党员人数。")
        return data
