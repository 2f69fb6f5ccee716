"""One at a time on a data folder: the lock of `linecard up`, and what it says of itself to other commands."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from linecard.errors import StartError

_NAME = "up.lock"


@dataclass(frozen=True)
class Holder:
    """Who holds the lock, and where its servers answer."""

    pid: int
    what: str
    address: str = ""
    database: str = ""
    queue: str = ""


def holder(data: Path) -> Holder | None:
    """Return who holds the lock of a data folder; None when nobody does."""
    try:
        with (data / _NAME).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read(file)
    except OSError:
        return None
    return None


@contextmanager
def held(data: Path, what: str, *, wait_s: float = 20.0) -> Iterator[IO[str]]:
    """Hold the lock for a block; raises StartError naming the holder.

    It waits a little, because a killed supervisor's keeper holds on until the last process is gone.
    """
    with (data / _NAME).open("a+") as file:
        (data / _NAME).chmod(0o600)
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                found = _read(file)
                if time.monotonic() > deadline or (found and _lives(found.pid)):
                    raise StartError(_in_words(data, found)) from None
                time.sleep(0.1)
        tell(file, Holder(os.getpid(), what))
        try:
            yield file
        finally:
            file.truncate(0)


def tell(file: IO[str], holder: Holder) -> None:
    """Write down who we are."""
    file.seek(0)
    file.truncate()
    json.dump(asdict(holder), file)
    file.flush()


def _read(file: IO[str]) -> Holder | None:
    file.seek(0)
    try:
        return Holder(**json.loads(file.read()))
    except (ValueError, TypeError):
        return None


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _in_words(data: Path, found: Holder | None) -> str:
    who = f"{found.what} (process {found.pid})" if found else "another process"
    where = f" at {found.address}" if found and found.address else ""
    return (
        f"{who[0].upper()}{who[1:]} already runs on {data}{where}. Stop it first, or set another data.folder."
    )
