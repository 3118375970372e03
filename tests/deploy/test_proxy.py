"""The sample for nginx fits what the hub expects of a proxy."""

import re
import subprocess
from pathlib import Path

import pytest

from hub.settings import Settings
from tests.conftest import require_programs

FILE = Path(__file__).resolve().parents[2] / "deploy/nginx/sutong.conf"
TEXT = "\n".join(
    line
    for line in FILE.read_text(encoding="utf-8").splitlines()
    if not line.lstrip().startswith("#")
)
FIRST_PORT, LAST_PORT = 8080, 8080 + 31


def location(path: str) -> str:
    found = re.search(rf"location (?:= )?{re.escape(path)} \{{(.*?)\}}", TEXT, re.DOTALL)
    assert found, path
    return found[1]


def test_the_largest_attachment_passes() -> None:
    found = re.search(r"client_max_body_size (\d+)m;", TEXT)
    assert found
    assert int(found[1]) << 20 > Settings.model_fields["limits"].default.upload_bytes


def test_events_are_not_held_back() -> None:
    assert "proxy_buffering off;" in location("/live")


def test_the_callers_address_is_the_proxys_word_alone() -> None:
    assert re.findall(r"X-Forwarded-For (\S+);", TEXT) == ["$remote_addr"]


@pytest.mark.parametrize("path", ["/metrics", "/health/"])
def test_what_is_for_the_inner_network_is_refused(path: str) -> None:
    assert "return 404;" in location(path)


def test_web_processes_are_asked_where_their_units_listen() -> None:
    ports = [int(port) for port in re.findall(r"server 127\.0\.0\.1:(\d+)", TEXT)]
    assert len(ports) > 1
    assert all(FIRST_PORT <= port <= LAST_PORT for port in ports)


def test_nginx_finds_no_fault(tmp_path: Path) -> None:
    require_programs("nginx", "openssl")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",  # noqa: S607  where the PATH says
         "/CN=sutong.example", "-keyout", "key.pem", "-out", "fullchain.pem"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    text = FILE.read_text(encoding="utf-8").replace("/etc/ssl/sutong", str(tmp_path))
    (tmp_path / "sutong.conf").write_text(text, encoding="utf-8")
    whole = tmp_path / "nginx.conf"
    folders = "".join(  # Debian's own are root's
        f" {kind}_temp_path {tmp_path}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole.write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\n access_log off;\n{folders} include {tmp_path}/sutong.conf;\n}}\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        ["nginx", "-t", "-c", str(whole)],  # noqa: S607  where the PATH says
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
