"""Fixtures of the network tests: a whole laboratory of this run's own, beside any other on the machine."""

import ctypes
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

from linecard import lab
from linecard.lab import shell
from netdiag import arp_client, packet

Answer = TypeVar("Answer")
_CLONE_NEWNET = 0x4000_0000


def _enter(namespace: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(f"{shell.NETNS_FOLDER}/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(descriptor, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    finally:
        os.close(descriptor)


@pytest.fixture(scope="session")
def inside() -> Callable[[str, Callable[[], Answer]], Answer]:
    """Return a function that runs a call inside a namespace: `inside("lc-probe", lambda: ...)`.

    A namespace belongs to a thread, so the call has one of its own; threads it starts are inside too.
    """

    def run(namespace: str, call: Callable[[], Answer]) -> Answer:
        with ThreadPoolExecutor(1, initializer=_enter, initargs=(namespace,)) as pool:
            return pool.submit(call).result()

    return run


@pytest.fixture(scope="session")
def lab_prefix() -> str:
    """Return a prefix for namespaces that no other lab or test run on this machine has."""
    return f"t{os.urandom(3).hex()}-"


@pytest.fixture(scope="module")
def lab_up(
    need: Callable[..., None], lab_prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[lab.LabStatus]:
    """Build the laboratory once for a module; leave it as you found it."""
    need("root", "ip", "nft", "snmpd")
    folder = tmp_path_factory.mktemp("lab")
    yield lab.up(folder, lab_prefix)
    lab.down(folder)


@pytest.fixture
def lab_folder(need: Callable[..., None], tmp_path: Path) -> Iterator[Path]:
    """Return a data folder whose lab, if a test builds one there, is gone afterwards."""
    need("root", "ip", "nft", "snmpd")
    yield tmp_path / "var"
    lab.down(tmp_path / "var")


def _sh(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=30)


def _plug(near: str, port: str, name: str, mac: str) -> None:
    _sh("ip", "link", "add", port, "netns", near, "type", "veth", "peer", "name", "v0", "netns", name)
    _sh("ip", "-n", near, "link", "set", port, "master", "br0", "up")
    _sh("ip", "-n", name, "link", "set", "v0", "address", mac, "up")


@pytest.fixture(scope="module")
def segment(need: Callable[..., None], inside: Any) -> Iterator[Any]:
    """A probe on a bridge with two hosts: they share 10.1.0.3, the second speaks for 10.1.1.0/28.

    Gives a function that runs a call in the probe (or elsewhere) and the names of the three namespaces.
    """
    need("root", "ip")
    tag = f"s{os.urandom(3).hex()}"
    near, one, two = names = [f"{tag}{letter}" for letter in "pab"]
    try:
        for name in names:
            _sh("ip", "netns", "add", name)
            _sh("ip", "-n", name, "link", "set", "lo", "up")
        _sh("ip", "-n", near, "link", "add", "br0", "type", "bridge")
        _sh("ip", "-n", near, "link", "set", "br0", "address", "00:1b:21:00:00:01", "up")
        _plug(near, "p1", one, "00:1b:21:00:00:02")
        _plug(near, "p2", two, "00:1b:21:00:00:03")
        for name, address, device in (
            (near, "10.1.0.1/22", "br0"),
            (one, "10.1.0.2/22", "v0"),
            (one, "10.1.0.3/22", "v0"),
            (two, "10.1.0.3/22", "v0"),
            (two, "10.1.0.6/22", "v0"),
        ):
            _sh("ip", "-n", name, "addr", "add", address, "dev", device)
        for name, address, device in (
            (near, "fd00:1::1/64", "br0"),
            (one, "fd00:1::2/64", "v0"),
            (one, "fd00:1::3/64", "v0"),
            (two, "fd00:1::3/64", "v0"),
        ):
            _sh("ip", "-n", name, "addr", "add", address, "dev", device, "nodad")
        _sh("ip", "-n", two, "route", "add", "local", "10.1.1.0/28", "dev", "lo", "table", "local")
        yield lambda call, where=near: inside(where, call), names
    finally:
        arp_client.stop()
        packet.close()
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
