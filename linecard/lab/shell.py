"""The programs the lab needs, run with their words kept: ip, nft, snmpd."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from linecard import errors

SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
NETNS_FOLDER = "/run/netns"
PACKAGES = {"ip": "iproute2", "bridge": "iproute2", "nft": "nftables", "snmpd": "snmpd"}


class LabError(errors.StartError):
    """The laboratory cannot be built or removed; the message says what to do."""


def environment() -> dict[str, str]:
    """Return the environment of every program: found in sbin too, and speaking plain C."""
    return {**os.environ, "PATH": SEARCH_PATH, "LC_ALL": "C"}


def find(program: str) -> str | None:
    """Return the path of a program, None where it is not installed."""
    return shutil.which(program, path=SEARCH_PATH)


def run(command: Sequence[str], text: str = "", *, timeout_s: float = 30) -> str:
    """Run a program to its end and return what it printed; raises LabError with its own words."""
    try:
        finished = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=environment(),
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(
            f"{command[0]} is not installed (apt install {PACKAGES.get(command[0], command[0])})"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(command)} did not finish in {timeout_s:g} s") from error
    if finished.returncode:
        words = finished.stderr.strip() or finished.stdout.strip() or f"exit {finished.returncode}"
        raise LabError(f"{' '.join(command)}: {words}")
    return finished.stdout


def batch(lines: Iterable[str], namespace: str | None = None) -> None:
    """Give `ip` a batch of commands, within a namespace where one is named."""
    inside = ["-n", namespace] if namespace else []
    run(["ip", *inside, "-batch", "-"], "".join(f"{line}\n" for line in lines))


def inside(namespace: str, *command: str) -> list[str]:
    """Return the command line that runs a command inside a namespace."""
    return ["ip", "netns", "exec", namespace, *command]


def namespaces() -> set[str]:
    """Return the names of the network namespaces of this machine."""
    try:
        return {entry.name for entry in Path(NETNS_FOLDER).iterdir()}
    except FileNotFoundError:
        return set()


def missing() -> list[str]:
    """Say, one sentence each, what this machine lacks for a lab; an empty list means it can be built."""
    faults = []
    if os.uname().sysname != "Linux":
        return ["The lab is made of Linux network namespaces: this is not Linux."]
    if os.geteuid() != 0:
        faults.append("The lab needs root: run the command with sudo.")
    for program, package in PACKAGES.items():
        if find(program) is None:
            faults.append(f"{program} is not installed: apt install {package}")
    return faults
