"""What a cell is bound to, in words short enough for the cell itself."""

from reports import judging, words
from reports.models import FormBinding


def bound_to(binding: FormBinding) -> str:
    """组织覆盖率（D4 有党员） · 百分数 · 南山区"""
    parts = [judging.label(binding.metric)] if binding.metric else [binding.text or binding.get_what_display()]
    if binding.metric and binding.what != FormBinding.What.VALUE:
        parts.append(binding.get_what_display())
    if whose := binding.organization or binding.division:
        parts.append(words.short(whose))
    return " · ".join(parts)
