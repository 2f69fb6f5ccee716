"""The supervisor with real processes: what it starts, keeps running and never leaves behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

DRIVER = """
import os, sys
from pathlib import Path
from linecard import supervisor
from linecard.children import Program
folder = Path(sys.argv[1])
def script(name, text, **more):
    return Program(name, (sys.executable, "-u", "-c", text), **more)
try:
    with supervisor.Supervisor(folder) as watcher:
        try:
            exec(sys.argv[2])
            watcher.watch()
        except supervisor.Stopped:
            watcher.stop(ORDER)
            watcher.say("stopped in order")
except supervisor.StartError as error:
    print(error)
"""

STUBBORN = """
import os, signal, time, pathlib
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
os.write(1, b"pid %d\\n" % os.getpid())  # in one piece
time.sleep(60)
"""

Start = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running = []

    def begin(body: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-u", "-c", DRIVER, str(tmp_path), body],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        running.append(child)
        return child

    yield begin
    for child in running:
        child.kill()
        child.communicate()


def _lines(child: subprocess.Popen[str], beginning: str, number: int = 1) -> list[str]:
    """Read until `number` lines hold the words."""
    found: list[str] = []
    assert child.stdout
    for line in child.stdout:
        if beginning in line:
            found.append(line.strip())
            if len(found) == number:
                return found
    pytest.fail(f"{number} lines with {beginning!r} never came, only {found}")


def _pids(lines: list[str]) -> list[int]:
    return [int(line.rpartition(" ")[2]) for line in lines]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _wait(is_so: Callable[[], bool], limit_s: float) -> float:
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() < began + limit_s, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_killed_supervisor_leaves_no_process_even_of_grandchildren_that_refuse(start: Start) -> None:
    child = start(f"ORDER=(); watcher.start(script('a', {STUBBORN!r}), script('b', {STUBBORN!r}))")
    pids = _pids(_lines(child, "| pid", 4))
    assert all(map(_alive, pids))
    child.kill()
    assert _wait(lambda: not any(map(_alive, pids)), 3) < 2


def test_the_supervisor_and_its_keeper_killed_at_once_leave_no_child(start: Start) -> None:
    child = start(
        "ORDER=(); watcher.start(script('a', \"import time; print('pid', __import__('os').getpid()); time.sleep(60)\"))"
    )
    (pid,) = _pids(_lines(child, "| pid"))
    keepers = subprocess.run(
        ["pgrep", "-P", str(child.pid), "-f", "keeper.py"], capture_output=True, text=True, check=True
    )
    for number in keepers.stdout.split():
        os.kill(int(number), signal.SIGKILL)
    child.kill()
    _wait(lambda: not _alive(pid), 3)


def test_a_child_that_dies_is_started_again_after_growing_pauses(start: Start) -> None:
    child = start(
        "ORDER=(('a',),); watcher.start(script('a', 'import time; time.sleep(.1); raise SystemExit(3)'))"
    )
    said = _lines(child, "again in", 3)
    assert [line.partition("again in ")[2] for line in said] == ["0.2 s", "0.6 s", "1.8 s"]
    assert all("a ended with code 3" in line for line in said)


def test_a_killed_child_is_running_again_at_once(start: Start) -> None:
    child = start(
        "ORDER=(('a',),); watcher.start(script('a', \"import os, time; print('pid', os.getpid()); time.sleep(60)\"))"
    )
    (first,) = _pids(_lines(child, "| pid"))
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    assert "was ended by SIGKILL" in _lines(child, "again in")[0]
    (second,) = _pids(_lines(child, "| pid"))
    assert second != first
    assert time.monotonic() - began < 10


JOB = """
import os, signal, sys, time
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
print("working")
while not stop: time.sleep(.01)
time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else 1)
print("job done", NAME)
"""


def test_children_end_in_order_and_a_job_in_hand_is_finished(start: Start) -> None:
    parts = ", ".join(f"script({name!r}, {JOB.replace('NAME', repr(name))!r})" for name in ("a", "b"))
    child = start(f"ORDER=(('b',), ('a',)); watcher.start({parts})")
    _lines(child, "working", 2)
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=20)
    done = [line.partition("| ")[2] for line in out.splitlines() if "job done" in line]
    assert done == ["job done b", "job done a"]
    assert "stopped in order" in out
    assert child.returncode == 0


def test_a_child_that_will_not_end_is_killed_after_its_time(start: Start) -> None:
    child = start(f"ORDER=(('a',),); watcher.start(script('a', {STUBBORN!r}, stop_s=0.5))")
    pids = _pids(_lines(child, "| pid", 2))
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=10)
    assert "a did not end in time and is killed" in out
    assert not any(map(_alive, pids))


def test_a_second_signal_hurries_the_stop(start: Start) -> None:
    child = start(f"ORDER=(('a',),); watcher.start(script('a', {STUBBORN!r}, stop_s=60))")
    _lines(child, "| pid", 2)
    child.send_signal(signal.SIGINT)
    _lines(child, "stopping")
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=5)
    assert child.returncode == 0


def test_a_program_that_never_starts_is_told_with_its_last_lines(start: Start) -> None:
    child = start(
        "ORDER=(); watcher.start(script('a', 'raise SystemExit(\"no such thing\")',"
        " is_ready=lambda pid: False)); watcher.wait_ready('a')"
    )
    out, _ = child.communicate(timeout=20)
    assert "a did not start. Its last lines:" in out
    assert "no such thing" in out


def test_a_full_disk_is_said_in_words(start: Start) -> None:
    child = start(
        "ORDER=(); watcher.run(script('a', 'import errno, os; raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))'))"
    )
    out, _ = child.communicate(timeout=20)
    assert "a failed: the disk is full" in out


def test_a_log_keeps_its_size_and_its_former_part(start: Start, tmp_path: Path) -> None:
    child = start(
        "supervisor.LOG_LIMIT = 50_000; ORDER=();"
        " watcher.run(script('a', 'for n in range(3000): print(\"line\", n, \"x\" * 20)', is_quiet=True));"
        " print('written')"
    )
    _lines(child, "written")
    log, former = tmp_path / "a.log", tmp_path / "a.log.1"
    assert log.read_text().splitlines()[-1].startswith("line 2999")
    assert log.stat().st_size < 51_000
    assert former.stat().st_size < 51_000
