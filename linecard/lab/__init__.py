"""The laboratory: a small ISP of network namespaces where ARP, SNMP, loss and cutoff are real.

`up` builds it, `down` removes everything it made, `status` says what stands; all of it as root on Linux.
Several labs with different prefixes and data folders stand side by side.
"""

import contextlib
import dataclasses
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from linecard.lab import agents, network, shell, state
from linecard.lab import plan as plans
from linecard.lab.shell import LabError

__all__ = ["LabError", "LabStatus", "down", "missing", "probe_prefix", "status", "up"]

PREFIX = re.compile(r"[a-z0-9][a-z0-9-]{0,15}")
missing = shell.missing


@dataclass(frozen=True)
class LabStatus:
    """A lab as it stands: its plan, its daemons, and the faults found when looking (none: it is whole)."""

    plan: plans.Plan
    daemons: tuple[state.Daemon, ...]
    faults: tuple[str, ...]

    @property
    def prefix(self) -> str:
        """What the names of its namespaces begin with."""
        return self.plan.prefix

    @property
    def is_whole(self) -> bool:
        """Whether every namespace and daemon is there."""
        return not self.faults


def up(data_dir: Path, prefix: str = plans.DEFAULT_PREFIX) -> LabStatus:
    """Build the lab of this data folder, or return it if it stands; a damaged one is built anew.

    Raises LabError naming what this machine lacks, or what failed; then nothing is left behind.
    """
    faults = shell.missing()
    if not PREFIX.fullmatch(prefix):
        faults.append(
            f"{prefix!r} cannot begin a namespace's name: lower-case letters, digits and -, at most 16"
        )
    if faults:
        raise LabError("\n".join(faults))
    data_dir.mkdir(parents=True, exist_ok=True)
    with _only_one(data_dir):
        found = status(data_dir)
        if found and found.is_whole and found.prefix == prefix:
            return found
        _remove(data_dir)
        plan = plans.describe(prefix)
        foreign = sorted(set(plan.namespaces) & shell.namespaces())
        if foreign:
            raise LabError(
                f"network namespaces of these names exist and are not of {data_dir}: {', '.join(foreign)}. "
                "Run `linecard lab down` where they were made, or remove each with `ip netns delete`."
            )
        try:
            _build(data_dir, plan)
        except BaseException:
            _remove(data_dir)
            raise
    built = status(data_dir)
    if built is None or not built.is_whole:
        raise LabError(
            f"the lab broke while it was built: {'; '.join(built.faults) if built else 'it is gone'}"
        )
    return built


def down(data_dir: Path) -> bool:
    """Remove everything the lab of this data folder made; return whether there was anything.

    Raises LabError when a namespace or a process will not go.
    """
    if not data_dir.is_dir() or not (data_dir / state.FILE).exists():
        return False
    if state.load(data_dir) and os.geteuid() != 0:
        raise LabError("The lab was made by root and can only be removed by root: run the command with sudo.")
    with _only_one(data_dir):
        return _remove(data_dir)


def status(data_dir: Path) -> LabStatus | None:
    """Look at the lab of this data folder; None where there is none (or the machine was restarted)."""
    record = state.load(data_dir)
    if record is None:
        return None
    there = shell.namespaces()
    faults = [] if record.is_finished else ["its building was interrupted"]
    faults += [f"namespace {name} is gone" for name in record.namespaces if name not in there]
    faults += [f"{daemon.name} is not running" for daemon in record.daemons if not agents.is_alive(daemon)]
    return LabStatus(plans.describe(record.prefix), record.daemons, tuple(faults))


def probe_prefix(found: LabStatus) -> list[str]:
    """Return what to put before a command line so that it runs where the probe worker must: inside the lab.

    Broker and database are unix sockets, which cross network namespaces.
    """
    return shell.inside(found.plan.probe_namespace)


def _build(data_dir: Path, plan: plans.Plan) -> None:
    record = state.Record(plan.prefix, is_finished=False, boot_id=state.boot_id(), namespaces=plan.namespaces)
    state.save(data_dir, record)
    network.build(plan)
    folder = (data_dir / "lab").absolute()
    folder.mkdir(mode=0o700, exist_ok=True)
    for device in plan.devices:
        record = dataclasses.replace(record, daemons=(*record.daemons, agents.start(device, folder)))
        state.save(data_dir, record)
    for device, daemon in zip(plan.devices, record.daemons, strict=True):
        agents.wait_ready(device, daemon, folder)
    state.save(data_dir, dataclasses.replace(record, is_finished=True))


def _remove(data_dir: Path) -> bool:
    record = state.load(data_dir)
    if record:
        recorded = () if record.is_finished else agents.unrecorded((data_dir / "lab").absolute())
        agents.stop((*record.daemons, *recorded))
        network.remove(record.namespaces)
        left = sorted(set(record.namespaces) & shell.namespaces())
        if left:
            raise LabError(f"these network namespaces will not go: {', '.join(left)}")
    shutil.rmtree(data_dir / "lab", ignore_errors=True)
    state.forget(data_dir)
    return record is not None


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data folder's lab lock; raises LabError where another command holds it."""
    try:
        lock = (data_dir / ".lab.lock").open("w")
    except OSError as error:
        raise LabError(f"{data_dir} cannot be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LabError("another `linecard lab` command is at work on this data folder") from error
        yield
