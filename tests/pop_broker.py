"""A broker as boxes of POPs meet it: a Valkey of its own with a password, and the door in front of it."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from linecard import valkey

ROOT = Path(__file__).parents[1]
PASSWORD = "broker-word"


@dataclass(frozen=True)
class Broker:
    """Where it is: `url` for the core, on a unix socket."""

    folder: Path
    url: str

    def client(self, **how: Any) -> "redis.Redis":
        """Return a client by the socket, past the door; as a box with `username` and `password`."""
        if "username" in how:
            return redis.Redis(unix_socket_path=str(self.folder / "b.sock"), decode_responses=True, **how)
        return redis.Redis.from_url(self.url, decode_responses=True)


@contextmanager
def running() -> Iterator[Broker]:
    """Run the Valkey."""
    with tempfile.TemporaryDirectory(prefix="lcb-") as name:
        folder = Path(name)
        binary = next(valkey.installed()).path
        socket = folder / "b.sock"
        argv = [binary, "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""]
        argv += ["--requirepass", PASSWORD, "--databases", "16"]
        child = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        try:
            wait(socket.exists)
            yield Broker(folder, f"unix://:{PASSWORD}@{socket}?db=3")
        finally:
            child.terminate()
            child.wait(10)


def wait(is_so: Any, for_s: float = 20.0) -> Any:
    """Return what a call returns once that is true."""
    until = time.monotonic() + for_s
    while not (found := is_so()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)
    return found


@contextmanager
def command(
    *words: str, folder: Path, prefix: tuple[str, ...] = (), **environ: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run one of our own commands beside the block; its output goes to `<its words>.log` in the folder."""
    log = folder / f"{'-'.join(word for word in words if word.isidentifier())}-{os.urandom(2).hex()}.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [*prefix, sys.executable, "-m", "linecard", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield child
    except BaseException:
        print(f"--- {log.name}\n{log.read_text()}")
        raise
    finally:
        child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(5)
