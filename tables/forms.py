from typing import Any

from django import forms
from django.utils import timezone

from accounts.own_words import KeptWordsField, names_a_person
from tables.mapping import headers_of, said_of
from tables.models import Batch, SavedView
from tables.readers.base import HEADER_WITHIN
from tables.register import Target, sources_of, target, tells_absent
from tables.uploads import day_in

LARGEST_UPLOAD = 2 * 1024**3  # bytes
MOST_FILES = 50
EXTENTS = (
    ("no", "增量：只有新增和变化的记录。文件里没有的，不作任何判断"),
    ("yes", "全量：范围内全部记录。以前有、这次没有的，会列出来，不会自动注销"),
)


class SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One file or several."""

    widget = SeveralFiles

    def clean(self, data, initial=None) -> list:
        files = data if isinstance(data, list | tuple) else [data]
        return [super(FilesField, self).clean(each, initial) for each in files or [None]]


class UploadForm(forms.Form):
    """Which kind of record, whose file of which day, and the files. Only kinds that the person may import are offered."""

    target = forms.ChoiceField(label="导入到")
    file = FilesField(
        label="文件",
        help_text="Excel（.xlsx、.xls）、CSV，或装有这些文件的 zip；可以一次选几个（zip 单独上传）。"
        "编码、列的先后不限，列名可用常见叫法。",
        error_messages={"empty": "文件是空的，一个字都没有。请检查后重新上传。", "required": "请选择要导入的文件。"},
    )
    source = forms.ChoiceField(
        label="数据来源", required=False, help_text="各系统说法不一时，按来源的先后决定以谁为准。请照实选择。"
    )
    file_date = forms.DateField(
        label="数据日期",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="来源系统导出这份数据的日期。旧数据不会覆盖新数据。"
        "不填则取文件名里的日期（如 20261101），没有就按今天。",
        error_messages={"invalid": "请填写日期，例如 2026-11-01。"},
    )
    is_full = forms.ChoiceField(
        label="全量还是增量", choices=EXTENTS, widget=forms.RadioSelect, required=False, initial="no"
    )

    def __init__(self, *args, targets: list[Target], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields
        choices["target"].choices = [(each.table.name, each.table.title) for each in targets]
        self.fields["file"].widget.attrs["accept"] = ".xlsx,.xls,.csv,.tsv,.txt,.ods,.zip"
        known = dict(source for each in targets for source in sources_of(each))
        self.fields["target"].initial = next((each.table.name for each in targets if sources_of(each)), None)
        choices["source"].choices = list(known.items())
        if not known:  # no table of theirs is fed by several systems: nothing to ask
            for name in ("source", "file_date", "is_full"):
                del self.fields[name]

    def clean_file(self) -> list:
        files = self.cleaned_data["file"]
        if len(files) > MOST_FILES:
            raise forms.ValidationError(f"一次最多选 {MOST_FILES} 个文件。请分几次导入。")
        if len(files) > 1 and any(file.name.lower().endswith(".zip") for file in files):
            raise forms.ValidationError("zip 请单独上传。要和别的文件一起导入，请先解压，把里面的表格一起选上。")
        if sum(file.size for file in files) > LARGEST_UPLOAD:
            raise forms.ValidationError("文件超过 2 GB。请拆成几份分别导入。")
        if any(names_a_person(file.name) for file in files):
            raise forms.ValidationError("文件名里像有身份号码或手机号：文件名会长期留在导入记录里。请改了名再上传。")
        return files

    def clean_file_date(self):
        day = self.cleaned_data["file_date"]
        if day and day > timezone.localdate():
            raise forms.ValidationError("数据日期不能晚于今天。请填来源系统导出这份数据的日期。")
        return day

    def said(self) -> dict[str, Any]:
        """What a batch begins with. A kind with one source of its own has no say in whose file it is."""
        data = self.cleaned_data
        said: dict[str, Any] = {"target_name": data["target"], "uploads": data["file"]}
        sources = dict(sources_of(target(data["target"])))
        if sources:
            today = timezone.localdate()
            days = [day for each in data["file"] if (day := day_in(each.name)) and day <= today]
            said["source"] = data["source"] if data["source"] in sources else next(iter(sources))
            said["file_date"] = data["file_date"] or max(days, default=today)
            said["is_full"] = data["is_full"] == "yes" and tells_absent(target(data["target"]))
        return said


class FixForm(forms.Form):
    """What a wrong cell should say; no column: the row is left out."""

    row = forms.IntegerField(min_value=1)
    column = forms.CharField(max_length=60, required=False)
    value = forms.CharField(max_length=500, required=False)
    adopt = forms.BooleanField(required=False)  # the suggestion that is kept with the error, whatever `value` says


class GroupForm(forms.Form):
    """All rows with one reason: take what is suggested, or leave them out."""

    act = forms.ChoiceField(choices=[("adopt", "采用建议"), ("leave", "不导入")])
    kind = forms.CharField(max_length=12)
    column = forms.CharField(max_length=60, required=False)
    reason = forms.CharField(max_length=200, required=False, strip=False)


class ColumnsForm(forms.Form):
    """Which column of the file is which of ours: one choice for each of the file's, with what was found chosen."""

    def __init__(self, *args, batch: Batch, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.batch, self.table, self.headers = batch, target(batch.target).table, headers_of(batch)
        choices = [("", "（不用）"), *((column.key, column.label) for column in self.table.imported())]
        for number, header in enumerate(self.headers):
            keys = {at: key for key, at in header["columns"].items()}
            for at, name in enumerate(header["names"]):
                self.fields[f"column-{number}-{at}"] = forms.ChoiceField(
                    label=name, choices=choices, required=False, initial=keys.get(at, "")
                )

    def field_of(self, number: int, at: int) -> forms.BoundField:
        return self[f"column-{number}-{at}"]

    def clean(self) -> dict[str, Any]:
        chosen: dict[str, dict[str, int]] = {}
        is_read = any(not header["reason"] for header in self.headers)
        lacking: list[str] = []
        for number, header in enumerate(self.headers):
            mapping = self._said(number, header)
            as_found = mapping == header["columns"]
            if as_found and (is_read or not header["reason"]):
                continue  # only what somebody changed is theirs
            lacking = self.table.missing(mapping)
            if lacking and not as_found:
                raise forms.ValidationError(f"还缺少{'、'.join(lacking)}，请指出是文件里的哪一列。")
            if not lacking:
                chosen[header["digest"]] = mapping
        if not (chosen or is_read or self.errors):
            raise forms.ValidationError(f"还缺少{'、'.join(lacking)}，请指出是文件里的哪一列。")
        self.mapping = said_of(self.batch, columns=chosen)
        return self.cleaned_data

    def _said(self, number: int, header: dict[str, Any]) -> dict[str, int]:
        mapping: dict[str, int] = {}
        for at in range(len(header["names"])):
            key = self.cleaned_data.get(f"column-{number}-{at}")
            if key in mapping:
                first = header["names"][mapping[key]]
                ours = self.table.by_key[key].label
                self.add_error(f"column-{number}-{at}", f"「{first}」已经选作{ours}。一项只能取一列，请改选。")
            elif key:
                mapping[key] = at
        return mapping


class HeaderRowForm(forms.Form):
    """In which row the header of some parts of the file stands."""

    header = forms.CharField(max_length=64)
    row = forms.IntegerField(min_value=0, max_value=HEADER_WITHIN)

    def said(self, batch: Batch) -> dict[str, Any]:
        digest, row = self.cleaned_data["header"], self.cleaned_data["row"]
        parts = [name for header in headers_of(batch) if header["digest"] == digest for name in header["parts"]]
        return said_of(batch, rows=dict.fromkeys(parts, row))


class ExportForm(forms.Form):
    """What a list is taken out for; the purpose goes into the audit."""

    purpose = KeptWordsField(
        label="用途", max_length=200, help_text="例如：报送区委组织部年度统计。会记入审计。", min_length=2
    )
    format = forms.ChoiceField(label="格式", choices=[("xlsx", "Excel（.xlsx）"), ("csv", "CSV")])


class TakeForm(ExportForm):
    """Which columns of a list, too."""

    columns = forms.ChoiceField(
        label="列",
        choices=[("all", "全部列"), ("shown", "与列表上显示的一致")],
        widget=forms.RadioSelect,
        initial="all",
        required=False,
    )

    def __init__(self, *args, comes_back: bool, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if comes_back:
            self.fields["columns"].help_text = "全部列的文件可以改好后再导入。"

    def clean_columns(self) -> str:
        return self.cleaned_data["columns"] or "all"


class SavedViewForm(forms.Form):
    """Name, with whom shared, whether the list opens with it."""

    name = forms.CharField(
        label="名称",
        max_length=60,
        error_messages={"required": "请给视图起个名称。", "max_length": "视图的名称最多 60 个字，请缩短。"},
    )
    unit = forms.TypedChoiceField(
        label="谁能用",
        coerce=int,
        empty_value=None,
        required=False,
        error_messages={"invalid_choice": "只能共享给您任职的单位。"},
    )
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
