"""The broker and the database of a run, when they are processes of this machine: found by their
port, measured, killed with all their children, and started again just as they were."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hub.demo.hub_process import cpu_seconds

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_LISTENS = "0A"
_TICKS = os.sysconf("SC_CLK_TCK")
_GONE_SECONDS, _START_SECONDS = 20.0, 60.0
_LOOK_SECONDS = 0.02


class ServerLeftAlone(Exception):
    """It must not be killed; the message says why."""


@dataclass
class LocalServer:
    """kind: broker or database. pid: of its first process, now. The rest: how it was started."""

    kind: str
    port: int
    pid: int
    program: str
    command: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    user: int
    group: int
    output: str

    @classmethod
    def behind(cls, kind: str, url: str | None) -> "LocalServer":
        """Raises: ServerLeftAlone when it is not here, not ours, or nobody could start it again."""
        parts = urlsplit((url or "").split(";")[0])
        if parts.hostname not in _LOOPBACK or parts.port is None:
            raise ServerLeftAlone(f"{kind}: no server on a port of this machine's loopback")
        pid = listener(parts.port)
        if pid is None:
            raise ServerLeftAlone(f"{kind}: no process of ours listens on port {parts.port}")
        process = Path(f"/proc/{pid}")
        command = tuple(process.joinpath("cmdline").read_bytes().decode().split("\0")[:-1])
        if not _fits(kind, command):
            raise ServerLeftAlone(f"{kind}: process {pid} is none whose restart is known")
        if _under_a_manager(pid):
            raise ServerLeftAlone(f"{kind}: process {pid} belongs to a service manager")
        status = process.stat()
        if os.geteuid() not in {0, status.st_uid}:
            raise ServerLeftAlone(f"{kind}: process {pid} is another user's")
        pairs = process.joinpath("environ").read_bytes().decode(errors="replace").split("\0")
        output = Path(f"/proc/{pid}/fd/1").readlink()
        return cls(
            kind=kind,
            port=parts.port,
            pid=pid,
            program=str(Path(f"/proc/{pid}/exe").readlink()),
            command=command,
            folder=str(Path(f"/proc/{pid}/cwd").readlink()),
            environment=dict(pair.split("=", 1) for pair in pairs if "=" in pair),
            user=status.st_uid,
            group=status.st_gid,
            output=str(output) if output.is_file() else os.devnull,
        )

    def cpu_seconds(self) -> float:
        """Processor time of all its processes, and of those that have ended."""
        return server_cpu_seconds(self.pid)

    async def kill(self) -> None:
        """SIGKILL to the first process and to its children; returns when all are gone."""
        victims = [self.pid, *_children(self.pid)]
        for pid in victims:
            _kill(pid)
        ends = time.monotonic() + _GONE_SECONDS
        while any(map(_lives, victims)):
            if time.monotonic() > ends:
                raise ServerLeftAlone(f"{self.kind}: process {self.pid} does not die")
            await asyncio.sleep(_LOOK_SECONDS)

    async def start(self) -> None:
        """As it was started before, by the same user, on the same port and data, until it listens.

        It may refuse for a moment: a killed process is there for others until its parent has
        noticed. Raises: ServerLeftAlone when it does not come up.
        """
        ends = time.monotonic() + _START_SECONDS
        process = self._launch()
        while not _listens(self.port):
            if time.monotonic() > ends:
                raise ServerLeftAlone(f"{self.kind}: it does not start again; see {self.output}")
            if process.poll() is not None:
                process = self._launch()
            await asyncio.sleep(_LOOK_SECONDS * 10)

    def _launch(self) -> subprocess.Popen[bytes]:
        other = {} if self.user == os.geteuid() else {"user": self.user, "group": self.group}
        with Path(self.output).open("ab") as output:
            process = subprocess.Popen(
                self.command,
                executable=self.program,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # it outlives us, as it was here before us
                extra_groups=[] if other else None,
                **other,
            )
        self._note(process.pid)
        self.pid = process.pid
        return process

    def _note(self, pid: int) -> None:
        """Where deploy/kafka-local keeps the number, so that its `stop` finds the new process."""
        kept = Path(self.command[-1]).parent / "broker.pid"
        if self.kind == "broker" and kept.is_file() and kept.read_text().strip() == str(self.pid):
            kept.write_text(f"{pid}\n")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listener(port: int) -> int | None:
    """The process that listens there, as far as we may look."""
    sockets = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    found = [pid for pid in _pids() if sockets & _open_files(pid)]
    return min(found, default=None)


def server_cpu_seconds(pid: int) -> float:
    """Of a process, of its children, and of those of them that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / _TICKS
    total = cpu_seconds(pid) + ended
    for child in _children(pid):
        try:
            total += cpu_seconds(child)
        except OSError:
            continue  # it has ended just now
    return total


def cpu_behind(kind: str, url: str | None) -> float:
    """The same for the server behind a URL; 0 when there is none here."""
    try:
        return LocalServer.behind(kind, url).cpu_seconds()
    except ServerLeftAlone:
        return 0.0


def _fits(kind: str, command: tuple[str, ...]) -> bool:
    if kind == "broker":
        return "kafka.Kafka" in command and Path(command[0]).name == "java"
    return bool(command) and Path(command[0]).name == "postgres" and "-D" in command


def _under_a_manager(pid: int) -> bool:
    """Somebody who starts it again by himself would do so beside us."""

    def group(of: str) -> str:
        return Path(f"/proc/{of}/cgroup").read_text()

    return ".service" in group(str(pid)) and group(str(pid)) != group("self")


def _pids() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def _open_files(pid: int) -> set[str]:
    found = set()
    try:
        for file in Path(f"/proc/{pid}/fd").iterdir():
            found.add(str(file.readlink()))
    except OSError:  # not ours, or ended meanwhile
        return found
    return found


def _children(pid: int) -> list[int]:
    found = []
    for one in _pids():
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(one)
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _lives(pid: int) -> bool:
    """A dead one that its parent has not asked about does not live."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
