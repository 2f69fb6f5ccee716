"""Keep child processes running: ordered start and stop, restart with growing pauses, one log file each.

One thread does it all, because a child's life is bound to the thread that started it (prctl(2)).
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

from linecard import children, keeper
from linecard.children import Program
from linecard.errors import StartError

LOG_LIMIT = 5_000_000
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0
STEADY_S = 30.0
_KEEPER = Path(__file__).with_name("keeper.py")


class Stopped(BaseException):
    """The person or the system asked us to end."""


class LogFile:
    """A log file of bounded size, its former part kept as `.1`; a full disk loses lines, no more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self.tail: deque[str] = deque(maxlen=12)

    def write(self, line: bytes) -> None:
        """Append one line."""
        self.tail.append(line.decode(errors="replace").rstrip())
        try:
            if self._file is None:
                self._file = self._path.open("ab", buffering=0)
            if self._file.tell() > LOG_LIMIT:
                self._file.close()
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                self._file = self._path.open("ab", buffering=0)
            self._file.write(line)
        except OSError:
            self._file = None


@dataclass
class Child:
    """A program under supervision and what became of it."""

    program: Program
    log: LogFile
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float | None = None
    failures: int = 0
    is_ready: bool = False
    rest: bytes = field(default=b"", repr=False)

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Starts, watches and stops children; use as a context manager so that nothing is left behind."""

    def __init__(
        self, log_folder: Path, screen: TextIO = sys.stdout, *, keep_fds: Sequence[int] = ()
    ) -> None:
        self._log_folder = log_folder
        self._screen = screen
        self._children: dict[str, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._stop_signals = 0
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._waker, False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        # The keeper holds our lock too (keep_fds): nobody starts in this folder before all is gone.
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_KEEPER)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            pass_fds=keep_fds,
        )

    def __enter__(self) -> "Supervisor":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop([[name] for name in reversed(self._children)])
        signal.set_wakeup_fd(-1)
        if self._keeper.stdin:
            self._keeper.stdin.close()
        self._keeper.wait()
        self._selector.close()
        os.close(self._wake)
        os.close(self._waker)

    def _on_stop(self, number: int, _frame: object) -> None:
        self._stop_signals += 1
        if self._stop_signals == 1:
            self.say(f"{signal.Signals(number).name}: stopping; again to hurry")

    def say(self, words: str) -> None:
        """Print a line for the person; a closed terminal does not matter."""
        try:
            print(words, file=self._screen, flush=True)
        except (OSError, ValueError):
            self._screen = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for the rest of our life

    def start(self, *programs: Program) -> None:
        """Start programs at once, without waiting for them."""
        for program in programs:
            child = Child(program, LogFile(self._log_folder / f"{program.name}.log"))
            self._children[program.name] = child
            self._spawn(child)

    def wait_ready(self, *names: str) -> None:
        """Wait until these are ready; raises StartError when one ends or takes too long."""
        waiting = [self._children[name] for name in names]
        while waiting:
            self.tick(0.02)
            for child in list(waiting):
                if child.is_ready:
                    waiting.remove(child)
                elif not child.is_running:
                    raise StartError(f"{child.program.name} did not start{self._last_words(child)}")
                elif time.monotonic() > child.started_at + child.program.ready_s:
                    raise StartError(
                        f"{child.program.name} did not become ready in {child.program.ready_s:.0f} s"
                        f"{self._last_words(child)}"
                    )

    def run(self, program: Program) -> None:
        """Run a program to its end; raises StartError when it fails."""
        child = Child(program, LogFile(self._log_folder / f"{program.name}.log"))
        self._children[program.name] = child
        self._spawn(child)
        while child.is_running:
            self.tick(0.1)
        self._drain(child)
        code = child.process.returncode if child.process else 1
        self._ended(child)
        del self._children[program.name]
        if code:
            raise StartError(f"{program.name} failed{self._last_words(child)}")

    def wait_until(self, is_so: Callable[[], bool], limit_s: float) -> bool:
        """Look after the children until something is so; False when `limit_s` seconds went by."""
        end = time.monotonic() + limit_s
        while not is_so():
            if time.monotonic() > end:
                return False
            self.tick(0.1)
            self._restart()
        return True

    def watch(self, look: Callable[[], None] = lambda: None) -> None:
        """Keep everything running until a signal asks to stop (raises Stopped); `look` about every second."""
        while True:
            look()
            due = [child.restart_at for child in self._children.values() if child.restart_at is not None]
            self.tick(min(1.0, max(0.0, min(due, default=1e9) - time.monotonic())))
            self._restart()

    def tick(self, wait_s: float) -> None:
        """Read what the children say, wait at most `wait_s` seconds for it; raises Stopped when asked to."""
        self._listen(wait_s)
        for child in self._children.values():
            if child.is_running and not child.is_ready and child.process:
                child.is_ready = child.program.is_ready(child.process.pid)
        if self._stop_signals:
            raise Stopped

    def stop(self, order: Sequence[Sequence[str]]) -> None:
        """End the children, group after group; within a group at once. Another signal kills what is left."""
        for group in order:
            leaving = [self._children.pop(name) for name in group if name in self._children]
            for child in leaving:
                if child.process and child.is_running:
                    child.process.send_signal(child.program.stop_signal)
            asked_at = time.monotonic()
            while any(child.is_running for child in leaving):
                self._listen(0.05)
                for child in leaving:
                    is_late = time.monotonic() > asked_at + child.program.stop_s
                    if child.process and child.is_running and (is_late or self._stop_signals > 1):
                        self.say(f"{child.program.name} did not end in time and is killed")
                        keeper.kill({child.process.pid})
            for child in leaving:
                self._drain(child)
                self._ended(child)

    def _spawn(self, child: Child) -> None:
        child.restart_at, child.is_ready, child.started_at = None, False, time.monotonic()
        child.process = children.spawn(child.program, subprocess.PIPE)
        self._tell_keeper(f"+{child.process.pid} {child.program.orphan_s}")
        if child.process.stdout:
            os.set_blocking(child.process.stdout.fileno(), False)
            self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _restart(self) -> None:
        for child in self._children.values():
            if child.restart_at is None and not child.is_running and child.process:
                self._note_death(child)
            elif child.restart_at is not None and time.monotonic() >= child.restart_at:
                self._spawn(child)

    def _note_death(self, child: Child) -> None:
        """Say why it ended and when it comes again: at once at first, then after longer and longer pauses."""
        self._drain(child)
        self._ended(child)
        code = child.process.returncode if child.process else None
        if time.monotonic() - child.started_at > STEADY_S:
            child.failures = 0
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 3**child.failures)
        child.failures += 1
        child.restart_at = time.monotonic() + pause_s
        # What a talkative one said last is on the screen already.
        why = self._last_words(child, is_brief=not child.program.is_quiet)
        self.say(f"{child.program.name} {_how(code)}; again in {pause_s:.1f} s{why}")

    def _ended(self, child: Child) -> None:
        """Kill what an ended child may have left in its session, and forget its pipe."""
        if not child.process:
            return
        keeper.kill({child.process.pid})
        self._tell_keeper(f"-{child.process.pid}")
        if child.process.stdout and not child.process.stdout.closed:
            self._selector.unregister(child.process.stdout)
            child.process.stdout.close()

    def _tell_keeper(self, line: str) -> None:
        try:
            if self._keeper.stdin:
                self._keeper.stdin.write(f"{line}\n".encode())
                self._keeper.stdin.flush()
        except BrokenPipeError:
            self.say("The process that cleans up behind us was killed; the parent-death signal is left")

    def _listen(self, wait_s: float) -> None:
        for key, _ in self._selector.select(wait_s):
            if key.fileobj == self._wake:
                os.read(self._wake, 4096)
            else:
                self._read(key.data)

    def _drain(self, child: Child) -> None:
        while self._read(child):
            pass

    def _read(self, child: Child) -> bool:
        pipe = child.process.stdout if child.process else None
        try:
            said = os.read(pipe.fileno(), 65536) if pipe and not pipe.closed else b""
        except BlockingIOError:
            return False
        if not said and pipe and not pipe.closed:
            self._selector.unregister(pipe)
            pipe.close()
        *lines, child.rest = (child.rest + said).split(b"\n")
        for line in lines:
            child.log.write(line + b"\n")
            if not child.program.is_quiet:
                self.say(f"{child.program.name:<10} | {line.decode(errors='replace')}")
        return bool(said)

    def _last_words(self, child: Child, *, is_brief: bool = False) -> str:
        """Return why, in words where we know them, else the end of its log."""
        text = "\n".join(f"  {line}" for line in child.log.tail)
        if "No space left on device" in text:
            return f": the disk is full ({self._log_folder.parent}). Free some space."
        return f". Its last lines:\n{text}" if text and not is_brief else ""


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with code {code}"
    return f"was ended by {signal.Signals(-code).name}"
