"""What a browser calls itself, in words that people recognise."""

SYSTEMS = (
    ("HarmonyOS", "鸿蒙"), ("OpenHarmony", "鸿蒙"), ("iPhone", "苹果手机"), ("iPad", "苹果平板"), ("Android", "安卓"),
    ("Windows", "Windows 电脑"), ("Mac OS", "苹果电脑"), ("Linux", "Linux 电脑"),
)  # fmt: skip
BROWSERS = (
    ("MicroMessenger", "微信"), ("DingTalk", "钉钉"), ("HuaweiBrowser", "华为浏览器"), ("MiuiBrowser", "小米浏览器"),
    ("QQBrowser", "QQ 浏览器"), ("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip


def device_name(agent: str) -> str:
    found = [next((said for mark, said in marks if mark in agent), "") for marks in (SYSTEMS, BROWSERS)]
    return " · ".join(filter(None, found)) or "不认识的浏览器"
