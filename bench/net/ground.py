"""What the benches of the wire stand on: programs of others, networks of their own, an ordered end."""

import ctypes
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

# The program, and the Debian package that brings it.
PACKAGES = {
    "arp-scan": "arp-scan",
    "chromium": "chromium",
    "fping": "fping",
    "ip": "iproute2",
    "nft": "nftables",
    "prometheus-snmp-exporter": "prometheus-snmp-exporter",
    "snmpbulkwalk": "snmp",
    "snmpd": "snmpd",
    "snmpget": "snmp",
    "tshark": "tshark",
}
_CLONE_NEWNET = 0x4000_0000
# In front of a program that must not outlive us, however we end (setpriv(1), prctl(2)).
DIES_WITH_US = ("setpriv", "--pdeathsig", "TERM")
_libc = ctypes.CDLL(None, use_errno=True)


def run(main: Callable[..., int], *arguments: Any, needs: Iterable[str]) -> None:
    """Check what is needed, run a bench and end the process; Ctrl-C and SIGTERM let it clean up first."""
    if os.geteuid() != 0:
        _refuse("network namespaces need root: sudo make bench-net")
    missing = [program for program in needs if shutil.which(program) is None]
    if missing:
        packages = " ".join(sorted({PACKAGES[program] for program in missing}))
        _refuse(f"{', '.join(missing)}: not on this machine. As root: apt-get install {packages}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = main(*arguments)
    except KeyboardInterrupt:
        print("stopped; nothing is left behind", file=sys.stderr)
        code = 130
    sys.exit(code)


def _refuse(words: str) -> None:
    print(words, file=sys.stderr)
    sys.exit(2)


def ip(*words: str, batch: str | None = None) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=60, text=True, input=batch)


@contextmanager
def namespaces(letters: str) -> Iterator[list[str]]:
    """Make one namespace a letter, loopback up; gone at the end, with all that is in them."""
    tag = f"b{os.urandom(3).hex()}"
    names = [f"{tag}{letter}" for letter in letters]
    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        # Whoever is impatient and presses Ctrl-C again does not leave half of it behind.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        signal.signal(signal.SIGINT, before)


def enter(namespace: str) -> None:
    """Bring this process, and those it starts, into a namespace."""
    with Path(f"/run/netns/{namespace}").open("rb") as name:
        if _libc.setns(name.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def enter_own() -> None:
    """Bring this process into a nameless network of its own, loopback up; it ends with its last process."""
    if _libc.unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    ip("link", "set", "lo", "up")


@contextmanager
def capture(file: Path, interface: str, wanted: str, length: int = 64) -> Iterator[None]:
    """Let tshark write down what passes the interface."""
    words = [
        *DIES_WITH_US,
        "tshark",
        "-q",
        "-i",
        interface,
        "-B",
        "64",
        "-s",
        str(length),
        "-f",
        wanted,
        "-w",
        str(file),
    ]
    program = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert program.stderr
        for line in program.stderr:
            if "Capturing on" in line:
                break
        time.sleep(0.5)
        yield
        time.sleep(0.5)
    finally:
        program.terminate()
        program.communicate(timeout=20)


def read_capture(file: Path, *fields: str) -> list[list[str]]:
    """Return the fields of each captured frame."""
    asked = [word for one in fields for word in ("-e", one)]
    words = ["tshark", "-r", str(file), "-T", "fields", *asked]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    return [line.split("\t") for line in done.stdout.splitlines()]


def describe(*programs: str) -> str:
    """Name the cores, the kernel, Python, and the versions of the Debian packages of these programs."""
    packages = sorted({PACKAGES[program] for program in programs})
    words = ["dpkg-query", "-W", "-f", "${Package} ${Version}, ", *packages]
    found = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    machine = f"{os.cpu_count()} cores, Linux {platform.release().partition('-')[0]}"
    return f"{machine}, Python {platform.python_version()}, {found.strip(', ')}"
