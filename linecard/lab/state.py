"""What a lab has made, written to lab.json before it is made, so that an interruption can be undone."""

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

from linecard.lab import shell

FILE = "lab.json"


@dataclass(frozen=True)
class Daemon:
    """A process of the lab; `started_at` (ticks since boot) tells it from a later one with its pid."""

    name: str
    pid: int
    started_at: int
    namespace: str


@dataclass(frozen=True)
class Record:
    """The lab of a data folder: its prefix, whether it was finished, and everything to remove."""

    prefix: str
    is_finished: bool
    boot_id: str
    namespaces: tuple[str, ...]
    daemons: tuple[Daemon, ...] = ()


def boot_id() -> str:
    """Return the identity of this boot: after another one nothing of a lab is left."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()


def load(data_dir: Path) -> Record | None:
    """Return what lab.json says, None where there is none or it is of an earlier boot.

    Raises LabError where the file makes no sense.
    """
    path = data_dir / FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        daemons = tuple(Daemon(**daemon) for daemon in stored.pop("daemons"))
        record = Record(**{**stored, "namespaces": tuple(stored["namespaces"]), "daemons": daemons})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise shell.LabError(
            f"{path} makes no sense ({error}): end the lab's snmpd processes and `ip netns delete` what "
            "`ip netns` shows of it, then remove the file."
        ) from error
    return record if record.boot_id == boot_id() else None


def save(data_dir: Path, record: Record) -> None:
    """Write lab.json so that a crash leaves the old or the new, never half of one."""
    data_dir.mkdir(parents=True, exist_ok=True)
    fresh = data_dir / f".{FILE}.{os.getpid()}"
    fresh.write_text(json.dumps(dataclasses.asdict(record), indent=1) + "\n", encoding="utf-8")
    fresh.replace(data_dir / FILE)


def forget(data_dir: Path) -> None:
    """Remove lab.json."""
    (data_dir / FILE).unlink(missing_ok=True)
