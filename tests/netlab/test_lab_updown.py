"""The laboratory comes up whole, comes down without a trace, and cleans behind an interruption."""

import argparse
import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from linecard import lab
from linecard.lab import agents, command, network, plan, shell, state

ROOT = Path(__file__).resolve().parents[2]


def _links() -> set[str]:
    # One line a link; the flags and counters beside a name may change meanwhile.
    lines = shell.run(["ip", "-o", "link", "show"]).splitlines()
    return {line.split(":")[1].strip() for line in lines}


def _prefix() -> str:
    return f"u{os.urandom(3).hex()}-"


def _ours(prefix: str) -> set[str]:
    return {name for name in shell.namespaces() if name.startswith(prefix)}


def _processes_of(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if any(word.startswith(f"{folder}/lab/") for word in words):
                found.append(" ".join(words))
    return found


def test_up_and_down_leave_no_namespace_no_process_and_no_interface(lab_folder: Path) -> None:
    links, prefix = _links(), _prefix()
    found = lab.up(lab_folder, prefix)
    assert found.is_whole
    assert _ours(prefix) == set(found.plan.namespaces)
    assert len(_processes_of(lab_folder)) == len(found.daemons) == 3
    assert _links() == links, "nothing of the lab may show in the host's own network"
    assert lab.down(lab_folder) is True
    assert _ours(prefix) == set()
    assert _processes_of(lab_folder) == []
    assert _links() == links
    assert lab.status(lab_folder) is None
    assert lab.down(lab_folder) is False


def test_up_twice_changes_nothing(lab_folder: Path) -> None:
    prefix = _prefix()
    first = lab.up(lab_folder, prefix)
    assert lab.up(lab_folder, prefix) == first


def test_a_dead_agent_shows_in_the_status_and_up_mends_it(lab_folder: Path) -> None:
    prefix = _prefix()
    first = lab.up(lab_folder, prefix)
    os.kill(first.daemons[0].pid, signal.SIGKILL)
    os.waitpid(first.daemons[0].pid, 0)
    damaged = lab.status(lab_folder)
    assert damaged is not None
    assert damaged.faults == ("snmpd gw is not running",)
    assert lab.up(lab_folder, prefix).is_whole


def test_an_error_halfway_leaves_nothing_behind(lab_folder: Path) -> None:
    prefix = _prefix()
    # Somebody sits on the folder of the agents: the network is built by then, the agents are not.
    lab_folder.mkdir()
    (lab_folder / "lab").write_text("in the way")
    with pytest.raises(OSError, match="File exists"):
        lab.up(lab_folder, prefix)
    assert _ours(prefix) == set()
    assert not (lab_folder / state.FILE).exists()


def test_a_killed_up_is_cleaned_by_the_next_one(lab_folder: Path) -> None:
    prefix = _prefix()
    program = (
        "import sys, os, pathlib\n"
        "from linecard import lab\n"
        "from linecard.lab import agents\n"
        "def die(*_): os.kill(os.getpid(), 9)\n"
        "agents.wait_ready = die\n"
        "lab.up(pathlib.Path(sys.argv[1]), sys.argv[2])\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, str(lab_folder), prefix], cwd=ROOT, check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    orphans = _processes_of(lab_folder)
    assert len(orphans) == 3
    half = lab.status(lab_folder)
    assert half is not None
    assert "its building was interrupted" in half.faults
    # Even one that was started and not yet written down is found again.
    record = state.load(lab_folder)
    assert record is not None
    state.save(lab_folder, dataclasses.replace(record, daemons=record.daemons[:1]))
    assert lab.up(lab_folder, prefix).is_whole
    assert len(_processes_of(lab_folder)) == 3
    lab.down(lab_folder)
    assert _processes_of(lab_folder) == []


def test_sigterm_during_up_removes_what_was_made(lab_folder: Path) -> None:
    prefix = _prefix()
    program = (
        "import sys, argparse, pathlib, time\n"
        "from linecard import lab\n"
        "from linecard.lab import agents, command, plan\n"
        "def slow(*_): print('building', flush=True); time.sleep(60)\n"
        "agents.wait_ready = slow\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        f"sys.exit(command.up(argparse.Namespace(data_dir=folder, prefix={prefix!r})))\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(lab_folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "building\n"
    assert _ours(prefix)
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=30)
    assert child.returncode == 128 + signal.SIGTERM
    assert _ours(prefix) == set()
    assert _processes_of(lab_folder) == []


def test_namespaces_of_somebody_else_are_not_touched(lab_folder: Path, tmp_path: Path) -> None:
    prefix = _prefix()
    lab.up(lab_folder, prefix)
    with pytest.raises(lab.LabError, match="exist and are not of"):
        lab.up(tmp_path / "other", prefix)
    found = lab.status(lab_folder)
    assert found is not None
    assert found.is_whole


def test_after_another_boot_the_old_lab_is_forgotten(lab_folder: Path) -> None:
    prefix = _prefix()
    lab.up(lab_folder, prefix)
    record = state.load(lab_folder)
    assert record is not None
    state.save(lab_folder, dataclasses.replace(record, boot_id="an earlier one"))
    assert lab.status(lab_folder) is None
    state.save(lab_folder, record)


def test_two_commands_at_once_are_refused(lab_folder: Path) -> None:
    lab_folder.mkdir()
    holder = subprocess.Popen(
        ["flock", str(lab_folder / ".lab.lock"), "sh", "-c", "echo held; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(lab.LabError, match="another `linecard lab` command"):
        lab.up(lab_folder, _prefix())
    holder.communicate("\n", timeout=10)


def test_a_pid_that_was_given_to_somebody_else_is_not_killed(lab_folder: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        recorded = state.Daemon("snmpd gw", bystander.pid, agents.started_at(bystander.pid) - 1, "")
        agents.stop((recorded,))
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_the_command_builds_tells_and_removes(lab_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser.add_subparsers())

    def run(name: str) -> int:
        args = parser.parse_args(["lab", name, "--data-dir", str(lab_folder)])
        code: int = args.run(args)
        return code

    assert run("status") == 3
    prefix = _prefix()
    lab.up(lab_folder, prefix)
    assert run("status") == 0
    told = capsys.readouterr().out
    assert f"The lab {prefix}* is whole." in told
    assert "10.77.1.14   1c:7e:e5:10:00:04  port4   lossy" in told
    network.remove([f"{prefix}c1"])
    assert run("status") == 1
    assert f"namespace {prefix}c1 is gone" in capsys.readouterr().out
    assert run("down") == 0
    assert run("down") == 0
    assert "There is no lab." in capsys.readouterr().out


def test_a_lab_json_that_makes_no_sense_is_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / state.FILE).write_text('{"prefix": 1}')
    assert command.status(argparse.Namespace(data_dir=tmp_path)) == 1
    assert "makes no sense" in capsys.readouterr().err


def test_lab_json_names_everything_that_was_made(lab_folder: Path) -> None:
    prefix = _prefix()
    lab.up(lab_folder, prefix)
    stored = json.loads((lab_folder / state.FILE).read_text())
    assert stored["namespaces"] == list(plan.describe(prefix).namespaces)
    assert [daemon["name"] for daemon in stored["daemons"]] == ["snmpd gw", "snmpd sw", "snmpd cpe-c11"]
