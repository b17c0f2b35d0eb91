"""What the filters of lists have in common."""

import django_filters

LONGEST = (
    200  # characters: three bytes each, three signs a byte in an address, which must fit into one line of a request
)


class TextFilter(django_filters.CharFilter):
    """Typed text. The field on the page takes no more than may be asked; an address that has more gets a sentence."""

    def __init__(self, *args, max_length: int = LONGEST, **more):
        messages = {
            "max_length": "最多 %(limit_value)d 个字，现在有 %(show_value)d 个。请只输入名称的一部分或一个代码。"
        }
        super().__init__(*args, max_length=max_length, error_messages=messages, **more)
