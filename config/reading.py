"""Reading the environment: what is missing or makes no sense stops the start, in a sentence that names the variable."""

import base64
import json
import re
from decimal import Decimal
from ipaddress import ip_network

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()


def required(name: str) -> str:
    value = env(name, default="")
    if not value:
        raise ImproperlyConfigured(f"缺少环境变量 {name}：请按 .env.example 设置后再启动。")
    return value


def whole(name: str, default: int, least: int) -> int:
    """A number among the city's rules; left empty it is the default. One that is no rule is named: it would count or hide
    otherwise than everybody believes, and nobody would see it."""
    text = env(name, default="").strip() or str(default)
    if not text.isdecimal() or int(text) < least:
        raise ImproperlyConfigured(f"环境变量 {name} 应为不小于 {least} 的整数，现在是「{text}」。")
    return int(text)


def lights(green: str, amber: str) -> tuple[Decimal, Decimal]:
    """How far behind its line a goal may be, in percent of its way, to be green, and to be amber: never green beyond amber."""
    found = []
    for name, default in ((green, "3"), (amber, "10")):
        text = env(name, default="").strip() or default
        if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,2})?", text):
            raise ImproperlyConfigured(
                f"环境变量 {name} 应为 0 以上的百分数，如 3 或 2.5，不带百分号，现在是「{text}」。"
            )
        found.append(Decimal(text))
    if found[0] > found[1]:
        raise ImproperlyConfigured(
            f"环境变量 {green}（{found[0]}）不得大于 {amber}（{found[1]}）：绿的界限在黄的以内。"
        )
    return found[0], found[1]


def key(name: str, text: str) -> bytes:
    """32 bytes. A shorter one would start, and fail at the first person who registers. The message hides the key."""
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise ImproperlyConfigured(f"环境变量 {name} 不是 32 字节的 base64 密钥：请用 openssl rand -base64 32 生成。")
    return found


def key_ring(name: str) -> dict[str, bytes]:
    """A JSON list of id:key."""
    try:
        items = json.loads(required(name))
        pairs = [(pk, text) for pk, text in (item.split(":", 1) for item in items) if pk]
    except (ValueError, AttributeError, TypeError):
        items, pairs = [], []
    if not pairs or len(dict(pairs)) != len(items) or any(len(pk.encode()) > 60 for pk, _ in pairs):
        raise ImproperlyConfigured(
            f'环境变量 {name} 应是密钥的列表，形如 ["k1:base64…"]，编号不重复、不超过 60 字节，第一把用于加密。'
        )
    return {pk: key(name, text) for pk, text in pairs}


def networks(name: str) -> list:
    """CIDRs with commas, of both kinds of addresses. One with bits behind its mask is more likely mistyped than meant."""
    found = []
    for text in filter(None, map(str.strip, env(name, default="").split(","))):
        try:
            found.append(ip_network(text))
        except ValueError:
            raise ImproperlyConfigured(
                f"环境变量 {name} 里的“{text}”不是网段：请写成 10.12.0.0/24 或 2001:db8::/64 的样子（掩码以外的位为 0），"
                "单个地址直接写，多个用英文逗号分开；不限制请留空。"
            ) from None
    return found
