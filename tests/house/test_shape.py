"""The shape of the tree: sizes, names, one door for commits, no work at import, nothing of this machine."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "netdiag", "gates", "billing", "registry", "desk", "tasks", "webapp", "linecard")
LINES_LIMIT = 400
FUNCTION_LIMIT = 40
NAMES_REFUSED = {"utils", "util", "helpers", "helper", "common", "managers", "manager", "misc"}


def _modules(*packages: str) -> Iterator[Path]:
    for package in packages or PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "node_modules" not in path.parts:
                yield path


def _tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        return [str(path.relative_to(ROOT)) for path in _modules()]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\n") if name and (ROOT / name).is_file()]


def test_no_file_is_longer_than_400_lines() -> None:
    files = [*_modules(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: lines for name, lines in long.items() if lines > LINES_LIMIT} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    long = {}
    for path in _modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
                if lines > FUNCTION_LIMIT:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = lines
    assert long == {}


def test_no_drawer_is_called_utils() -> None:
    names = [path for path in _modules() if path.stem in NAMES_REFUSED or path.parent.name in NAMES_REFUSED]
    assert names == []


def test_only_the_sign_in_of_a_request_is_glanced_at() -> None:
    callers = {
        str(path.relative_to(ROOT))
        for path in _modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "glance"
    }
    assert callers == {"webapp/identity.py"}  # PostgreSQL would not refuse a write there


def test_only_the_one_door_commits() -> None:
    stray = []
    for path in _modules():
        if path == ROOT / "core" / "db.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"commit", "rollback", "begin_nested"}
            ):
                stray.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert stray == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in _modules()
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_jobs_are_sent_by_name_in_one_module_only() -> None:
    senders = [
        str(path.relative_to(ROOT))
        for path in _modules()
        if re.search(r"\.(send_task|apply_async|delay)\(", path.read_text())
    ]
    assert senders == ["tasks/enqueue.py"]


IMPORT_ALL = """
import importlib, pkgutil, socket, sys
def refuse(*_, **__):
    raise AssertionError("work at import: a socket was opened")
socket.socket.connect = refuse
socket.socket.bind = refuse
skipped = {"webapp.wsgi", "tasks.worker", "linecard.gunicorn_conf"}
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if module.name not in skipped and not module.name.endswith("__main__") and module.name != "netdiag.arp":
            importlib.import_module(module.name)
print("imported", len([name for name in sys.modules if name.split(".")[0] in sys.argv[1:]]))
"""


def test_every_package_imports_with_sockets_closed(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *PACKAGES],
        cwd=tmp_path,  # no config.toml here: importing may not need one
        capture_output=True,
        text=True,
        timeout=100,
        env=environ,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("name", ["run.lock", "dev.lock"])
def test_no_lock_names_an_address(name: str) -> None:
    lines = (ROOT / "requirements" / name).read_text()
    assert "://" not in lines
    assert lines.count("--hash=sha256:") > 100


def test_the_npm_lock_names_no_download_address() -> None:
    lock = (ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"integrity"' in lock


def test_no_tracked_file_knows_this_machine() -> None:
    pattern = re.compile(r"(?<![\w./:-])/(work|farm)/(main|shared|\.library)|\.\./shared")
    guilty = []
    for name in _tracked():
        path = ROOT / name
        if path.suffix in {".png", ".ico", ".woff2"} or path == Path(__file__):
            continue
        if pattern.search(path.read_text(errors="ignore")):
            guilty.append(name)
    assert guilty == []
