"""`sutong run`, `worker` and `web` as processes: start, readiness, signals, two at once."""

import json
import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hub.serve import AddressTaken, require_free
from schemas.ids import ticket_id_of
from tests.hub.commands import sutong_process
from tests.hub.running import started, wait_for

STOPS_WITHIN = 30.0


def test_run_makes_its_store_answers_and_ends_on_sigterm(tmp_path: Path) -> None:
    home = tmp_path / "a home"
    with started("run", home) as hub:
        hub.wait_until_ready()
        assert (home / "tickets.db").is_file()
        assert hub.get("/health/live") == (200, '{"live": true}')
        assert json.loads(hub.get("/health/ready")[1]) == {"ready": True, "missing": []}
        status, metrics = hub.get("/metrics")
        assert status == 200
        assert 'sutong_backlog{part="relay-events"} 0.0' in metrics
        assert hub.end() < STOPS_WITHIN
        assert hub.process.returncode == 0
        assert [line["event"] for line in hub.log_lines()] == [
            "worker started",
            "web started",
            "stopping",
            "worker stopped",
        ]


def test_a_second_run_on_the_same_home_says_who_holds_it(tmp_path: Path) -> None:
    with started("run", tmp_path / "h") as first:
        first.wait_until_ready()
        ran = sutong_process("run", "--port", "0", home=tmp_path / "h")
        assert (ran.code, ran.out) == (1, "")
        assert f"process {first.process.pid}" in ran.err
        assert "Traceback" not in ran.err
        assert first.get("/health/ready")[0] == 200


def test_killed_it_starts_again_and_the_records_are_whole(tmp_path: Path) -> None:
    home = tmp_path / "h"
    for _ in range(2):
        with started("run", home) as hub:
            hub.wait_until_ready()
            hub.end(signal.SIGKILL)
    audit = sutong_process("audit", "verify", "--json", home=home)
    assert (audit.code, audit.json["ok"], audit.json["first_bad"]) == (0, True, None)


def test_a_taken_port_is_a_line_with_a_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = sutong_process("run", "--port", port, home=tmp_path / "h")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"sutong: another program listens on 127.0.0.1:{port}: stop it, or choose another port "
        "with --port or SUTONG_PORT\n"
    )
    assert not (tmp_path / "h").exists()  # said before anything was started or made


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::", ""])
async def test_a_port_that_is_free_is_found_free_and_a_taken_one_taken(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressTaken, match=str(port)):
            await require_free(host, port)
    await require_free(host, port)
    await require_free(host, 0)


@pytest.mark.parametrize("host", ["198.51.100.1", "no such host"])
def test_an_address_that_is_not_ours_is_a_line_with_a_remedy(tmp_path: Path, host: str) -> None:
    ran = sutong_process("run", "--port", "0", "--host", host, home=tmp_path / "h")
    assert ran.code == 1
    assert "SUTONG_HOST" in ran.err
    assert "Traceback" not in ran.err


class _Slow(BaseHTTPRequestHandler):
    """A platform that takes the call and never answers."""

    called = threading.Event()
    done = threading.Event()

    def do_GET(self) -> None:
        self.called.set()
        self.done.wait(120)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Says nothing."""


@pytest.fixture
def slow_url() -> Iterator[str]:
    _Slow.called.clear()
    _Slow.done.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    _Slow.done.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_sigterm_does_not_wait_for_a_peer_that_hangs(tmp_path: Path, slow_url: str) -> None:
    peers = {
        "city": {
            "dialect": "hotline12345",
            "url": slow_url,
            "app_key": "k",
            "app_secret": "s",
            "timeout_seconds": 100,
        }
    }
    with started("run", tmp_path / "h", SUTONG_PEERS=json.dumps(peers)) as hub:
        hub.wait_until_ready()
        assert _Slow.called.wait(60)
        assert hub.end() < STOPS_WITHIN
        assert hub.process.returncode == 0


PORTAL = json.dumps({"portal": {"dialect": "web_portal"}})
MATTER = {
    "title": "路灯不亮",
    "text": "小区门口的路灯三天不亮。",
    "citizen": {"name": "王某某", "phone": "13800001234"},
}


def test_a_split_hub_asks_for_migrate(tmp_path: Path) -> None:
    for part in ("worker", "web"):
        ran = sutong_process(part, home=tmp_path / "h", SUTONG_PORT="0")
        assert ran.code == 1
        assert "sutong migrate" in ran.err
        assert not (tmp_path / "h").exists()


def test_what_web_takes_in_the_worker_registers(tmp_path: Path) -> None:
    home = tmp_path / "h"
    made = sutong_process("migrate", home=home)
    assert made.code == 0, made.err
    with (
        started("worker", home, SUTONG_NODE="1", SUTONG_PEERS=PORTAL) as worker,
        started("web", home, SUTONG_PEERS=PORTAL) as web,
    ):
        web.wait_until_ready()
        assert "sutong_backlog" not in web.get("/metrics")[1]  # that is the worker's to say
        status, given = web.post("/api/portal/v1/matters", MATTER, Idempotency_Key="first")
        assert status == 201
        wait_for(lambda: 'sutong_inbound{outcome="waiting"} 0.0' in web.get("/metrics")[1])
        assert 'sutong_inbound{outcome="dead"} 0.0' in web.get("/metrics")[1]
        address = f"/api/portal/v1/matters/{given['ticket_no']}?query_code={given['query_code']}"
        assert web.get(address)[0] == 200
        assert web.end() < STOPS_WITHIN
        assert worker.end() < STOPS_WITHIN
        assert (web.process.returncode, worker.process.returncode) == (0, 0)
    connection = sqlite3.connect(home / "tickets.db")
    kept = connection.execute("SELECT outcome, ticket_id FROM inbound").fetchall()
    connection.close()
    assert kept == [("registered", ticket_id_of(given["ticket_no"]))]
