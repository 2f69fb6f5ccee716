"""A broker as boxes of POPs meet it: a Valkey of its own with a password, and the door in front of it."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from core import box as box_files
from core import clock, sealing
from linecard import valkey
from registry import audit, pop_boxes, pops
from tasks import box, calls
from tasks import pops as pop_tasks
from tasks.runtime import Runtime

ROOT = Path(__file__).parents[1]
PASSWORD = "broker-word"
SOMEBODY = audit.Actor(None, "Ada Root")


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


def enrolled(runtime: Runtime, socket: Path, number: int, pop: str) -> box.Box:
    """Have a box join without the door, by the broker's socket; it does not run yet."""
    with runtime.database.transaction() as session:
        row = pops.find(session, pop)
        made = pop_boxes.invite(session, SOMEBODY, row.id, runtime.ring, now=clock.now(), minutes=5)
    key = sealing.new_key()
    pop_tasks.tend(runtime)
    told = json.dumps({"secret": made.secret}).encode()
    letter = sealing.seal(told, to=made.core_public, by=key, about=box_files.about_join(pop))
    with runtime.database.transaction() as session:
        public = sealing.public_of(key)
        welcome = pop_boxes.let_in(session, runtime.ring, pop, public, letter, now=clock.now())
    about = box_files.about_welcome(pop)
    password = json.loads(sealing.unseal(welcome, of=made.core_public, by=key, about=about))["password"]
    pop_tasks.tend(runtime)
    known = box_files.BoxFile.model_validate(
        {
            "pop": pop,
            "address": "nowhere:1",
            "password": password,
            "private_key": key,
            "core_key": made.core_public,
            "authority": "none",
        }
    )
    client = redis.Redis(
        unix_socket_path=str(socket),
        username=f"pop.{pop}",
        password=password,
        db=number,
        decode_responses=True,
    )
    return box.Box(known, client)


@contextmanager
def at_work(runtime: Runtime, broker: Broker, pop: str) -> Iterator[box.Box]:
    """Have a box of the POP join and work beside the block, on a connection of its own rights."""
    made = enrolled(runtime, broker.folder / "b.sock", 3, pop)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    try:
        wait(lambda: runtime.redis.exists(calls.Names(pop).of("beat")))
        pop_tasks.tend(runtime)
        yield made
    finally:
        made.stop()
        thread.join(15)


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
