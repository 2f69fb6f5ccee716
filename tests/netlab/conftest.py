"""Fixtures of the network tests: a whole laboratory of this run's own, beside any other on the machine."""

import ctypes
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from linecard import lab
from linecard.lab import shell

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
