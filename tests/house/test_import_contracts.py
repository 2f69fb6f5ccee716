"""Every import contract of pyproject.toml holds, and every one is proved to fail by a planted violation."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

# contract id -> (file to plant, the line it must not contain)
PLANTED = {
    "down-only": ("netdiag/planted_down.py", "import tasks.enqueue"),
    "domain-down-only": ("billing/planted_down.py", "import registry.models"),
    "ground": ("core/planted_ground.py", "import flask"),
    "wire": ("netdiag/planted_wire.py", "import redis"),
    "lock": ("gates/planted_lock.py", "import sqlalchemy"),
    "money": ("billing/planted_money.py", "import socket"),
    "money-without-queue": ("billing/planted_queue.py", "import core.live"),
    "records": ("registry/planted_records.py", "import celery"),
    "work": ("desk/planted_work.py", "import flask"),
    "hands": ("tasks/planted_hands.py", "import flask"),
    "face": ("webapp/planted_face.py", "import subprocess"),
    "one-door-to-the-queue": ("webapp/planted_queue.py", "import tasks.worker"),
    "scapy-alone": ("netdiag/snmp/planted_scapy.py", "import scapy.layers.l2"),
    "icmplib-alone": ("netdiag/arp.py", "import icmplib"),
    "page-areas": ("webapp/cashier/planted_area.py", "import webapp.customers"),
}


def _lint(folder: Path) -> str:
    environ = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(LINTER), "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        env={**environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        check=False,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a copy of the tree with one violation planted for each contract."""
    folder = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in ("core", "netdiag", "gates", "billing", "registry", "desk", "tasks", "webapp", "linecard"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "static", "*.po")
        )
    for name, line in PLANTED.values():
        path = folder / name
        path.write_text((path.read_text() if path.exists() else "") + f"\n{line}\n")
    return _lint(folder)


def test_every_contract_has_its_planted_violation() -> None:
    assert {contract["id"] for contract in CONTRACTS} == set(PLANTED)


def test_the_tree_keeps_every_contract() -> None:
    answer = _lint(ROOT)
    print(answer)  # shown by pytest -s
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken" in answer, answer


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract["id"])
def test_a_planted_violation_breaks_the_contract(contract: dict[str, str], broken: str) -> None:
    sections = re.split(r"\n(?=[^\n]+\n-{3,}\n)", broken.split("Broken contracts", 1)[-1])
    mine = [section for section in sections if section.startswith(contract["name"])]
    module = PLANTED[contract["id"]][0].removesuffix(".py").replace("/", ".")
    assert mine, f"{contract['name']} was not broken:\n{broken}"
    assert module in mine[0], mine[0]
