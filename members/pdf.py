"""A page as PDF, where the machine can: WeasyPrint needs Pango and a Chinese font. Elsewhere the print page stands in
and says why."""

import functools
import shutil
import subprocess
from pathlib import Path

from django.contrib.staticfiles import finders

FONTS = ("Noto Sans CJK", "Noto Serif CJK", "Source Han", "WenQuanYi", "Microsoft YaHei", "PingFang", "SimSun")


class PdfUnavailable(RuntimeError):
    """Why there is no PDF on this machine; the message is for the officer."""


@functools.cache
def _missing() -> str:
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError):
        return "这台服务器没有安装排版程序库（Pango），暂时不能生成 PDF；请用浏览器的“打印”功能打印本页。"
    if shutil.which("fc-list") is None:
        return "这台服务器查不到字体，暂时不能生成 PDF；请用浏览器的“打印”功能打印本页。"
    fonts = subprocess.run(["fc-list", ":lang=zh", "family"], capture_output=True, text=True, timeout=10).stdout
    if not any(font in fonts for font in FONTS):
        return "这台服务器没有中文字体，暂时不能生成 PDF；请用浏览器的“打印”功能打印本页。"
    return ""


def why_no_pdf() -> str:
    """A sentence, or empty where PDFs can be made."""
    return _missing()


def _fetch(url: str, *args, **kwargs):
    """Style sheets and images from the product's own static files and data: addresses; nothing from any network."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    if url.startswith("data:"):
        return URLFetcher(allowed_protocols=["data"]).fetch(url)
    path = finders.find(url.split("/static/", 1)[-1].split("?", 1)[0]) if "/static/" in url else None
    if path is None:
        raise ValueError(f"not fetched: {url}")
    kind = "text/css" if str(path).endswith(".css") else "image/svg+xml"
    return URLFetcherResponse(url, Path(path).read_bytes(), {"Content-Type": kind})


def pdf(html: str) -> bytes:
    """The page as PDF. Raises PdfUnavailable."""
    if reason := why_no_pdf():
        raise PdfUnavailable(reason)
    import weasyprint

    return weasyprint.HTML(string=html, base_url="http://local/", url_fetcher=_fetch).write_pdf()
