"""Read many devices at once in one thread; results come as they complete, the silent hold up nobody."""

import dataclasses
import time
from collections.abc import Iterable, Iterator
from typing import Any

from netdiag import errors
from netdiag.snmp import habits, reading
from netdiag.snmp.asking import Peer
from netdiag.snmp.conversation import Conversation
from netdiag.snmp.loop import Loop, resolve
from netdiag.snmp.reading import Reading, Wanted
from netdiag.snmp.target import SnmpTarget

__all__ = ["Job", "Reading", "Result", "Wanted", "many"]


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """One device and what to read of it; `key` is the caller's, to know the result by.

    The target's host is an address: a name that is slow to resolve would hold up the others.
    """

    target: SnmpTarget
    wanted: Wanted
    key: Any = None
    deadline_s: float = 20.0


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What came of a job. `error` says why there is nothing, or nothing more; `reading` has what there is."""

    job: Job
    reading: Reading
    error: errors.WireError | None
    took_s: float
    requests: int


def many(jobs: Iterable[Job], *, at_once: int = 200, deadline_s: float | None = None) -> Iterator[Result]:
    """Do the jobs, `at_once` at a time, and yield each result when it is there; one for every job.

    Jobs are drawn as there is room, so they may come from a generator. With `deadline_s` the whole round
    ends in time: what was not begun until then is reported with the error of a job without time.
    """
    started = time.monotonic()
    until = None if deadline_s is None else started + deadline_s
    waiting, is_drawn = iter(jobs), False
    running: dict[Conversation[None], tuple[Job, Reading, float]] = {}
    with Loop(at_once) as loop:
        while True:
            while not is_drawn and len(running) < at_once:
                job = next(waiting, None)
                if job is None:
                    is_drawn = True
                    break
                refused = _begin(loop, running, job, until)
                if refused is not None:
                    yield refused
            if not running:
                return
            for conversation in loop.step():
                job, found, begun = running.pop(conversation)
                took_s = time.monotonic() - begun
                yield Result(job, found, conversation.error, took_s, conversation.sent)


def _begin(
    loop: Loop,
    running: dict[Conversation[None], tuple[Job, Reading, float]],
    job: Job,
    until: float | None,
) -> Result | None:
    """Let a job begin; returns its result if it cannot."""
    now, found = time.monotonic(), Reading()
    deadline = now + job.deadline_s
    if until is not None:
        deadline = min(deadline, until)
        if now >= until:
            error = errors.SnmpFailed(f"{job.target.host} was not asked: the time for the round is over")
            return Result(job, found, error, 0.0, 0)
    try:
        family, address = resolve(job.target, is_name_allowed=False)
    except errors.BadAddress as fault:
        return Result(job, found, fault, 0.0, 0)
    peer = Peer(job.target, habits.of(job.target.host, job.target.port))
    conversation = Conversation(job.target, reading.read(peer, job.wanted, found), deadline)
    running[conversation] = (job, found, now)
    loop.add(conversation, family, address)
    return None
