"""Leave nothing behind: when the supervisor is gone, end every process it started and what those forked.

Run by path with the supervisor's pipe as standard input: `+SESSION SECONDS` when a child begins, `-SESSION`
when it has ended. The pipe's end means the supervisor is gone, however it went. Children that know how to
stop (the servers) get their seconds; then the whole session is killed. The parent-death signal of leash.py
reaches only the children themselves; this reaches the workers they forked.
"""

import os
import signal
import sys
import time
from pathlib import Path


def members(sessions: set[int]) -> dict[int, int]:
    """Return the living processes of the sessions, zombies left out: process to session."""
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - once per process of the machine: keep it quick
        if not name.isdigit():
            continue
        try:
            # The command's name may hold spaces and brackets: count from its closing bracket (proc(5)).
            state, _, _, session = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(session) in sessions and state not in "ZX":
            found[int(name)] = int(session)
    return found


def kill(sessions: set[int]) -> None:
    """Kill every process of the sessions, and those forked meanwhile."""
    for _ in range(100):
        left = members(sessions)
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        time.sleep(0.02)


def main() -> None:
    """Listen until the pipe ends, then clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sessions: dict[int, float] = {}
    for line in sys.stdin:
        if line.startswith("+"):
            session, seconds = line[1:].split()
            sessions[int(session)] = float(seconds)
        else:
            sessions.pop(int(line[1:]), None)
    kill({session for session, seconds in sessions.items() if not seconds})
    end = time.monotonic() + max(sessions.values(), default=0)
    while members(set(sessions)) and time.monotonic() < end:
        time.sleep(0.05)
    kill(set(sessions))


if __name__ == "__main__":
    main()
