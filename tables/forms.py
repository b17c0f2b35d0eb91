from django import forms

from tables.models import SavedView
from tables.register import Target

LARGEST_UPLOAD = 2 * 1024**3  # bytes


class UploadForm(forms.Form):
    """Which kind of record, and the file. Only kinds that the person may import are offered."""

    target = forms.ChoiceField(label="导入到")
    file = forms.FileField(
        label="文件",
        help_text="Excel（.xlsx、.xls）或 CSV；编码不限。列的先后不限，列名可用常见叫法。",
        error_messages={"empty": "文件是空的，一个字都没有。请检查后重新上传。", "required": "请选择要导入的文件。"},
    )

    def __init__(self, *args, targets: list[Target], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].choices = [(each.table.name, each.table.title) for each in targets]  # type: ignore[attr-defined]
        self.fields["file"].widget.attrs["accept"] = ".xlsx,.xls,.csv,.tsv,.txt,.ods"

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > LARGEST_UPLOAD:
            raise forms.ValidationError("文件超过 2 GB。请拆成几份分别导入。")
        return file


class ExportForm(forms.Form):
    """What a list is taken out for; the purpose goes into the audit."""

    purpose = forms.CharField(
        label="用途", max_length=200, help_text="例如：报送区委组织部年度统计。会记入审计。", min_length=2
    )
    format = forms.ChoiceField(label="格式", choices=[("xlsx", "Excel（.xlsx）"), ("csv", "CSV")])


class TakeForm(ExportForm):
    """Which columns of a list, too."""

    columns = forms.ChoiceField(
        label="列",
        choices=[("all", "全部列（可以改好后再导入）"), ("shown", "与列表上显示的一致")],
        widget=forms.RadioSelect,
        initial="all",
        required=False,
    )

    def clean_columns(self) -> str:
        return self.cleaned_data["columns"] or "all"


class SavedViewForm(forms.Form):
    """Name, with whom shared, whether the list opens with it."""

    name = forms.CharField(label="名称", max_length=60, error_messages={"required": "请给视图起个名称。"})
    unit = forms.TypedChoiceField(label="谁能用", coerce=int, empty_value=None, required=False)
    is_default = forms.BooleanField(label="打开列表时用这个视图", required=False)

    def __init__(self, *args, units: list[tuple[int, str]], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "只有我"), *((str(pk), f"{name}的人") for pk, name in units)]
        self.fields["unit"].choices = choices  # type: ignore[attr-defined]

    @classmethod
    def of(cls, view: SavedView, *, units: list[tuple[int, str]]) -> "SavedViewForm":
        values = {"name": view.name, "unit": view.unit, "is_default": view.is_default}
        return cls(initial=values, units=units, auto_id=f"view-{view.pk}-%s")

    def first_error(self) -> str:
        return next(str(error) for errors in self.errors.values() for error in errors)
