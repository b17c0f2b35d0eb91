"""Pinyin initials of names: 前海智能 → qhzn. Millions in seconds: every character is looked up in one table at once."""

import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location

import numpy as np
import polars as pl

LONGEST = 60  # letters kept, as wide as Business.name_pinyin
_END, _NOTHING = 10, 255  # what a name's end and a character without a sound become

# The sound that is usual in names of businesses, where the dictionary puts another one first.
_USUAL = dict(zip("行长曾翟茄覃缪仇", "hczzqqmc", strict=True))
# Words in which a character sounds otherwise: its initial stands in its place.
_WORDS = {
    "旅行": "旅x", "出行": "出x", "步行": "步x", "飞行": "飞x", "骑行": "骑x", "航行": "航x", "运行": "运x",
    "执行": "执x", "发行": "发x", "行政": "x政", "行动": "x动", "行走": "x走", "行者": "x者", "自行车": "自x车",
    "知行": "知x", "行李": "x李", "行车记录": "x车记录",
    "成长": "成z", "生长": "生z", "家长": "家z", "校长": "校z", "院长": "院z", "会长": "会z", "长者": "z者",
    "长老": "z老", "重庆": "c庆", "重新": "c新", "重组": "c组", "重生": "c生", "厦门": "x门", "会计": "k计",
    "音乐": "音y", "乐器": "y器", "乐队": "y队", "乐团": "y团", "声乐": "声y", "民乐": "民y", "管乐": "管y",
    "弦乐": "弦y", "乐府": "y府", "空调": "空t", "调味": "t味", "调料": "t料", "烹调": "烹t", "西藏": "西z", "藏药": "z药",
    "宝藏": "宝z", "藏族": "z族", "咖喱": "g喱", "葵涌": "葵c", "沙涌": "沙c", "东涌": "东c", "西涌": "西c",
    "大埔": "大b", "便宜": "p宜", "单县": "s县", "单氏": "s氏", "区氏": "o氏", "尉迟": "y迟", "万俟": "m俟",
    "朝夕": "z夕", "朝晖": "z晖", "朝气": "z气", "传记": "z记", "弹簧": "t簧", "弹性": "t性",
}  # fmt: skip


def _sound(character: str, sounds: str) -> int:
    """The first letter of the first sound; only a letter of the alphabet, whatever accent it carries."""
    letter = _USUAL.get(character) or unicodedata.normalize("NFD", sounds)[0].lower()
    return ord(letter) if "a" <= letter <= "z" else _NOTHING


def _dictionary() -> dict[int, str]:
    """The sounds of each character. By its file alone: the package loads a dictionary of phrases, ten times as large."""
    package = find_spec("pypinyin")
    assert package is not None and package.submodule_search_locations
    spec = spec_from_file_location("_pinyin_of_characters", f"{package.submodule_search_locations[0]}/pinyin_dict.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pinyin_dict


@cache
def _table() -> np.ndarray:
    """The initial of every code point: Chinese characters by their sound, letters and digits by themselves."""
    table = np.full(0x110000, _NOTHING, dtype=np.uint8)
    table[0] = _END
    for code, sounds in _dictionary().items():
        table[code] = _sound(chr(code), sounds)
    for code in (*range(0x30, 0x7B), *range(0xFF10, 0xFF5B)):  # plain and full-width
        character = unicodedata.normalize("NFKC", chr(code)).lower()
        if character.isalnum():
            table[code] = ord(character)
    return table


def initials(names: pl.Series) -> pl.Series:
    """The initials of each name; what has no sound (brackets, blanks, signs) is left out."""
    if names.is_empty():
        return pl.Series(names.name, [], dtype=pl.String)
    plain = names.fill_null("").str.replace_many(list(_WORDS), list(_WORDS.values())).to_list()
    codes = np.frombuffer("\0".join(plain).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    letters = _table()[codes].tobytes().translate(None, delete=bytes([_NOTHING])).decode("ascii")
    return pl.Series(names.name, letters.split("\n"), dtype=pl.String).str.slice(0, LONGEST)


def initials_of(name: str) -> str:
    return initials(pl.Series([name]))[0]


def initials_of_all(names: Iterable[str]) -> list[str]:
    return initials(pl.Series(list(names), dtype=pl.String)).to_list()
