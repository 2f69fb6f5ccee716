"""Child processes: what is to run, and starting it so that it never outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from linecard import keeper

_LEASH = Path(__file__).with_name("leash.py")


@dataclass(frozen=True)
class Program:
    """One program: how to start it, how to know that it is ready, how to end it.

    `stop_signal` asks it to end in order within `stop_s` seconds. `orphan_signal` is what it gets when its
    parent dies, and `orphan_s` how long it then has. A quiet one's lines go to its log file only.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    user: tuple[int, int] | None = None
    is_ready: Callable[[int], bool] = lambda pid: True
    ready_s: float = 30.0
    stop_signal: int = signal.SIGTERM
    stop_s: float = 10.0
    orphan_signal: int = signal.SIGKILL
    orphan_s: float = 0.0
    is_quiet: bool = False


def spawn(program: Program, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start the program in a session of its own, bound to the life of the calling thread.

    Its working folder is `/` when it runs as another user, who may not be able to enter ours.
    """
    uid, gid = program.user or ("-", "-")
    leash = [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), str(int(program.orphan_signal))]
    return subprocess.Popen(
        [*leash, str(uid), str(gid), *program.argv],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**os.environ, **program.env},
        cwd="/" if program.user else None,
        start_new_session=True,
        umask=0o077,
    )


def stop(child: subprocess.Popen[bytes], program: Program) -> bool:
    """End a child in order; True if it went by itself within `stop_s` seconds."""
    if child.poll() is None:
        child.send_signal(program.stop_signal)
    try:
        child.wait(program.stop_s)
    except subprocess.TimeoutExpired:
        keeper.kill({child.pid})
        child.wait()
        return False
    keeper.kill({child.pid})
    return True


def wait_ready(child: subprocess.Popen[bytes], program: Program) -> bool:
    """Wait until the program answers; False when it ended or `ready_s` seconds went by."""
    deadline = time.monotonic() + program.ready_s
    while time.monotonic() < deadline and child.poll() is None:
        if program.is_ready(child.pid):
            return True
        time.sleep(0.02)
    return False
