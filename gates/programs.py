"""Runs a program of this machine to its end, within bounds, and says in words why it could not be."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gates.contract import GateMisconfigured, GateUnreachable

# /usr/sbin is not on everybody's PATH, and nft lives there.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


@dataclass(frozen=True)
class Finished:
    """How a program ended and what it said."""

    code: int
    stdout: str
    stderr: str


def run(command: Sequence[str], text: str, timeout_s: float) -> Finished:
    """Run it with this text on its standard input.

    Raises GateMisconfigured where it cannot be started, GateUnreachable where it does not end in time.
    """
    try:
        finished = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env={"PATH": SEARCH_PATH, "LC_ALL": "C"},
            check=False,
        )
    except FileNotFoundError as error:
        raise GateMisconfigured(f"{command[0]} is not installed on this machine") from error
    except OSError as error:
        raise GateMisconfigured(f"{command[0]} cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise GateUnreachable(f"{Path(command[0]).name} did not finish in {timeout_s:g} s") from error
    return Finished(finished.returncode, finished.stdout, finished.stderr)
