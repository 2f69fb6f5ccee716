"""Fixtures of the network tests: a whole laboratory of this run's own, beside any other on the machine."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from linecard import lab


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
