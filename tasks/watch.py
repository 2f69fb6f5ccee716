"""Watching: call the POPs to their rounds, sweep one, read counters, fold the days that are over."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Protocol

import structlog

from core import clock, db, errors
from netdiag import errors as wire
from netdiag import results
from netdiag import sweep as wire_sweep
from registry import diagnostics, history, pop_boxes, radius, watch_rounds, watching
from registry.models import RoundKind
from registry.watch_rounds import Claim
from registry.watching import Echo
from tasks import counters, hands, sites
from tasks.runtime import Runtime
from tasks.sites import Site

log = structlog.get_logger()

_FOLD_LOCK = "watch.fold"
# Rounds of a day may still be under way when it ends.
_FOLD_GRACE = timedelta(minutes=15)

Send = Callable[[str, str, str, float], None]


class Sweep(Protocol):
    """netdiag.sweep.sweep, or what stands in for the wire in a test."""

    def __call__(
        self,
        addresses: Iterable[str],
        *,
        probes: int,
        timeout_s: float,
        pace_s: float,
        should_stop: Callable[[], bool],
    ) -> list[results.PingSummary]:
        """Ping every address and return a summary for each."""


def call(runtime: Runtime, send: Send) -> int:
    """Have the rounds done whose turn it is; return how many were put out.

    `send` gets the POP, the kind, the POP whose worker is to do it (its own while it lives, else the default
    one's) and after how many seconds nobody shall. That it fails is harmless: the next call repeats.
    """
    settings, now = runtime.settings, clock.now()
    if not settings.watch.is_on:
        return 0
    with runtime.database.transaction() as session:
        watch_rounds.ensure(session, settings, now)
        due = watch_rounds.put_out(session, settings, now)
        alive = {worker["pop"] for worker in diagnostics.workers(session) if worker["is_alive"]}
        # A box leads no round: the default worker does, and has the box put the packets on the wire.
        alive -= pop_boxes.working(session)
    for pop, kind, interval_s in due:
        doer = watch_rounds.worker_of(pop, alive, settings.diagnostics.default_pop)
        try:
            send(pop, kind.value, doer, interval_s)
        except errors.Unavailable as error:
            log.warning("round_not_put_out", pop=pop, kind=kind.value, error=str(error))
    return len(due)


def do_round(runtime: Runtime, pop: str, kind: str, *, sweep: Sweep = wire_sweep.sweep) -> bool:
    """Do a round of a POP; False when it is not due, or another worker does it.

    What could not be measured changes nobody's state: it is written down as the round's error.
    """
    with runtime.database.transaction() as session:
        claim = watch_rounds.claim(session, runtime.settings, pop, RoundKind(kind), clock.now())
        if claim is not None and claim.kind is not RoundKind.COUNTERS:
            watching.sync(session, claim.at)
    if claim is None:
        return False
    try:
        if claim.kind is RoundKind.COUNTERS:
            targets, answered = counters.poll(runtime, claim)
        else:
            targets, answered = _sweep(runtime, claim, _sweep_at(sites.at(runtime, claim.pop), sweep))
        error = ""
    except (wire.WireError, errors.LinecardError) as fault:
        targets, answered, error = 0, 0, str(fault)
        log.warning("round_failed", pop=pop, kind=kind, error=error)
    with runtime.database.transaction() as session:
        watch_rounds.release(session, claim, clock.now(), targets=targets, answered=answered, error=error)
    return True


def _sweep_at(site: Site, here: Sweep) -> Sweep:
    """Return the sweep that the box of a POP does, or the one done here."""
    if not site.pop:
        return here

    def sweep(
        addresses: Iterable[str],
        *,
        probes: int,
        timeout_s: float,
        pace_s: float,
        should_stop: Callable[[], bool],
    ) -> list[results.PingSummary]:
        return site.ask(
            hands.sweep,
            list(addresses),
            probes=probes,
            timeout_s=timeout_s,
            pace_s=pace_s,
            should_stop=should_stop,
        )

    return sweep


def _sweep(runtime: Runtime, claim: Claim, sweep: Sweep) -> tuple[int, int]:
    watch = runtime.settings.watch
    with runtime.database.reading() as session:
        found = watching.field_of(session, claim, runtime.settings.diagnostics.default_pop)
    began = time.monotonic()
    echoes: Mapping[str, Echo] = {
        summary.address: summary
        for summary in sweep(
            [target.address for target in found.targets],
            probes=watch.probes,
            timeout_s=watch.timeout_s,
            pace_s=1 / watch.packets_per_second,
            should_stop=runtime.is_stopping.is_set,
        )
    }
    swept_s = time.monotonic() - began
    if runtime.is_stopping.is_set():
        raise errors.Unavailable("The worker was stopped during the round")
    verdicts = watching.judge(found, echoes, claim.at, watch.silent_rounds)
    rows = 0
    for batch in watching.batches(found.targets):
        with runtime.database.transaction() as session:
            if not watch_rounds.holds(session, claim):
                raise errors.Conflict("The round took too long; another worker has begun it anew")
            rows += watching.settle(session, batch, verdicts, echoes, claim.at)
    answered = sum(
        echoes[target.address].received > 0 for target in found.targets if target.address in echoes
    )
    _tell(verdicts)
    log.info(
        "round_done",
        pop=claim.pop,
        kind=claim.kind.value,
        targets=len(found.targets),
        answered=answered,
        changed=len(verdicts.changed),
        swept_s=round(swept_s, 3),
        wrote_s=round(time.monotonic() - began - swept_s, 3),
        rows=rows,
    )
    return len(found.targets), answered


def _tell(verdicts: watching.Verdicts) -> None:
    for target, standing in verdicts.changed[:50]:
        was, now = target.standing.state.value, standing.state.value
        log.info("watch_state", address=target.address, was=was, state=now)


def fold(runtime: Runtime) -> int:
    """Fold the days that are over and forget what is too old, one worker at a time; return series folded."""
    watch = runtime.settings.watch
    before = (clock.now() - _FOLD_GRACE).date()
    with runtime.database.reading() as session:
        open_days = history.unfolded(session, before)
    folded = 0
    for day, block in open_days:
        if runtime.is_stopping.is_set():
            return folded
        with runtime.database.transaction() as session:
            if not db.try_advisory_lock(session, _FOLD_LOCK):
                return folded
            folded += history.fold(session, day, block)
    with runtime.database.transaction() as session:
        history.forget(session, before, minute_days=watch.minute_days, hour_days=watch.hour_days)
        radius.forget(session, clock.now())
    return folded


def fold_radius(runtime: Runtime) -> int:
    """Fold what RADIUS accounting left since the last time; return how many rows were taken."""
    taken = 0
    while not runtime.is_stopping.is_set():
        with runtime.database.transaction() as session:
            if not db.try_advisory_lock(session, radius.LOCK):
                return taken
            rows = radius.fold(session, clock.now())
        taken += rows
        if rows < radius.BATCH:
            break
    return taken
