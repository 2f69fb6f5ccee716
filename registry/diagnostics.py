"""Diagnostic runs: open one within its bounds, claim it, finish it, and read what was asked before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import clock, errors, settings
from core.words import N_
from registry import audit, diagnostic_targets, networks
from registry.models import DiagnosticKind, DiagnosticRun, DiagnosticStatus, Heartbeat, IpAddress

OPEN = (DiagnosticStatus.QUEUED, DiagnosticStatus.RUNNING)
PING_SIZES = (56, 1400)
SIZE_LIMIT = 9000
ONCE_LIMIT = 64
# A worker beats every 30 s; one that missed two of them is not counted on.
WORKER_ALIVE = timedelta(seconds=75)

_TITLES = {
    DiagnosticKind.PING: N_("a ping"),
    DiagnosticKind.MAC_LOOKUP: N_("a MAC lookup"),
    DiagnosticKind.SNMP_STATUS: N_("an SNMP status"),
    DiagnosticKind.LOCATE_MAC: N_("a search for the MAC"),
    DiagnosticKind.DIAGNOSE: N_("a diagnosis"),
}


def open_run(
    session: Session,
    actor: audit.Actor,
    *,
    kind: DiagnosticKind,
    target: str,
    customer_id: int | None,
    limits: settings.Diagnostics,
    options: Mapping[str, Any] | None = None,
    once: str = "",
) -> DiagnosticRun:
    """Write a queued run; the caller sends the job after the commit.

    With `once`, the mark of a form, the same form sent again by this person returns the run it opened.

    `target` is an IP address, `device:<id>` or `port:<id>` of this customer, or of a registered device when
    there is no customer; a diagnosis of a customer is of `customer:<id>`. Raises NotFound and Invalid for a
    target or options out of bounds, Busy when this person already runs the same or too much runs,
    Unavailable when no worker could take it.
    """
    if actor.staff_id is None:
        raise errors.Forbidden("Only a person opens a diagnostic run")
    once = once[:ONCE_LIMIT]
    earlier = _opened_once(session, actor.staff_id, once)
    if earlier is not None:
        return earlier
    found = diagnostic_targets.resolve(session, kind, customer_id, target)
    chosen = _options(kind, options or {}, limits)
    if found.mac is not None and kind is not DiagnosticKind.PING:
        chosen["mac_on_file"] = str(found.mac)
    if found.address is not None:
        chosen["address"] = found.address
    if kind is DiagnosticKind.DIAGNOSE and found.name:
        chosen["name"] = found.name
    if found.port_id is not None:
        chosen["port_id"] = found.port_id
    pop = choose_pop(session, found.pop, limits.default_pop)
    if found.pop is not None and pop != found.pop:
        chosen["pop_wanted"] = found.pop
    _count_open(session, actor.staff_id, limits)
    values = {
        "kind": kind,
        "target": found.text,
        "customer_id": customer_id,
        "device_id": found.device_id,
        "pop": pop,
        "options": chosen,
        "staff_id": actor.staff_id,
        "staff_name": actor.name,
        "once": once or None,
    }
    run, is_new = _insert(session, values)
    if is_new:
        _record(session, actor, f"diagnostics.{kind.value}", run)
    return run


def _record(session: Session, actor: audit.Actor, action: str, run: DiagnosticRun) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=run.customer_id,
        object_kind="diagnostic_run",
        object_id=run.id,
        note=run.target,
    )


def _opened_once(session: Session, staff_id: int, once: str) -> DiagnosticRun | None:
    if not once:
        return None
    return session.scalar(
        select(DiagnosticRun).where(DiagnosticRun.staff_id == staff_id, DiagnosticRun.once == once)
    )


def _insert(session: Session, values: dict[str, Any]) -> tuple[DiagnosticRun, bool]:
    """Return the run and whether it is new; the same form that came twice at once has opened one."""
    query = insert(DiagnosticRun).values(values).on_conflict_do_nothing().returning(DiagnosticRun.id)
    run_id = session.scalar(query)
    if run_id is not None:
        return get(session, run_id), True
    earlier = _opened_once(session, values["staff_id"], values["once"] or "")
    if earlier is not None:
        return earlier, False
    already = open_run_of(session, values["staff_id"], values["kind"], values["target"])
    what, target = _TITLES[values["kind"]], values["target"]
    if already is None:
        raise errors.Busy(N_("You already run %(what)s of %(target)s", what=what, target=target))
    words = N_(
        "You already run %(what)s of %(target)s (run %(run)s)", what=what, target=target, run=already.id
    )
    raise errors.Busy(words)


def open_run_of(session: Session, staff_id: int, kind: DiagnosticKind, target: str) -> DiagnosticRun | None:
    """Return the open run of this person, kind and target, if there is one."""
    return session.scalar(
        select(DiagnosticRun).where(
            DiagnosticRun.staff_id == staff_id,
            DiagnosticRun.kind == kind,
            DiagnosticRun.target == target,
            DiagnosticRun.status.in_(OPEN),
        )
    )


def _count_open(session: Session, staff_id: int, limits: settings.Diagnostics) -> None:
    # Counting and inserting are one step for everybody, or two people would both take the last place.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("diagnostics.open", 0))))
    query = select(
        func.count(),
        func.count().filter(DiagnosticRun.staff_id == staff_id),
    ).where(DiagnosticRun.status.in_(OPEN))
    everybody, own = session.execute(query).one()
    if own >= limits.open_runs_per_person:
        raise errors.Busy(
            N_("You already have %(count)s runs going; stop one or wait for its end", count=own)
        )
    if everybody >= limits.open_runs_limit:
        raise errors.Busy(
            N_("%(count)s runs are going, as many as may at once; try again in a moment", count=everybody)
        )


def _options(kind: DiagnosticKind, given: Mapping[str, Any], limits: settings.Diagnostics) -> dict[str, Any]:
    if kind is not DiagnosticKind.PING:
        return {}
    bounds = {
        "count": _Bounds(limits.ping_count, 1, limits.ping_count_limit, is_whole=True),
        "interval_s": _Bounds(limits.ping_interval_s, 0.2, 60, is_whole=False),
        "size": _Bounds(PING_SIZES[0], 0, SIZE_LIMIT, is_whole=True),
    }
    chosen = {name: bound.read(given.get(name)) for name, bound in bounds.items()}
    faults = {name: bounds[name].words for name, value in chosen.items() if value is None}
    if faults:
        raise errors.Invalid("The ping cannot be started like this", faults)
    return dict(chosen)


@dataclass(frozen=True, slots=True)
class _Bounds:
    usual: float
    least: float
    most: float
    is_whole: bool

    @property
    def words(self) -> str:
        least, most = f"{self.least:g}", f"{self.most:g}"
        if self.is_whole:
            return N_("Write a whole number from %(least)s to %(most)s", least=least, most=most)
        return N_("Write a number from %(least)s to %(most)s", least=least, most=most)

    def read(self, value: object) -> float | None:
        """Return the value, the usual one when nothing is given, None when it is out of bounds."""
        if value is None or value == "":
            value = self.usual
        try:
            number = float(str(value))
        except ValueError:
            return None
        if not self.least <= number <= self.most or (self.is_whole and not number.is_integer()):
            return None
        return int(number) if self.is_whole else number


def choose_pop(session: Session, near: str | None, default: str) -> str:
    """Return the POP whose worker is to do it: the nearest alive, else the default; raises Unavailable."""
    alive = {worker["pop"] for worker in workers(session) if worker["is_alive"]}
    for pop in (near, default):
        if pop is not None and pop in alive:
            return pop
    where = f"{near}, {default}" if near and near != default else default
    raise errors.Unavailable(
        N_(
            "No probe worker is alive at %(pops)s: start one (`linecard up` does), or see `linecard doctor`",
            pops=where,
        )
    )


def workers(session: Session) -> list[dict[str, Any]]:
    """Return the probe workers that ever gave a sign of life: pop, at, is_alive, facts."""
    now = clock.now()
    rows = session.scalars(select(Heartbeat).where(Heartbeat.name.like("probe.%")).order_by(Heartbeat.name))
    return [
        {
            "pop": row.name.removeprefix("probe."),
            "at": row.at,
            "is_alive": now - row.at <= WORKER_ALIVE,
            "facts": row.facts,
        }
        for row in rows
    ]


def get(session: Session, run_id: int) -> DiagnosticRun:
    """Return the run; raises NotFound."""
    run = session.get(DiagnosticRun, run_id, populate_existing=True)
    if run is None:
        raise errors.NotFound("There is no such run")
    return run


def watchable(session: Session, run_ids: Iterable[int]) -> dict[int, DiagnosticRun]:
    """Return those of the runs that exist, by id: what a stream may follow."""
    rows = session.scalars(select(DiagnosticRun).where(DiagnosticRun.id.in_(list(run_ids))))
    return {run.id: run for run in rows}


def start(session: Session, run_id: int) -> DiagnosticRun | None:
    """Claim a queued run for the worker; None when somebody has it, or it is over."""
    claimed = session.scalar(
        update(DiagnosticRun)
        .where(DiagnosticRun.id == run_id, DiagnosticRun.status == DiagnosticStatus.QUEUED)
        .values(status=DiagnosticStatus.RUNNING, started_at=clock.now())
        .returning(DiagnosticRun.id)
    )
    return None if claimed is None else get(session, claimed)


def finish(
    session: Session,
    run_id: int,
    status: DiagnosticStatus,
    *,
    result: Mapping[str, Any] | None = None,
    error: str = "",
) -> bool:
    """End an open run with what came out; False when it was over. An answer is a sighting of the address."""
    now = clock.now()
    ended = session.execute(
        update(DiagnosticRun)
        .where(DiagnosticRun.id == run_id, DiagnosticRun.status.in_(OPEN))
        .values(
            status=status,
            finished_at=now,
            result=dict(result) if result is not None else None,
            error=error,
        )
        .returning(DiagnosticRun.options)
    ).one_or_none()
    if ended is not None and result:
        if _is_answer(result) and ended.options.get("address"):
            networks.note_seen(session, ended.options["address"], now)
        for address in result.get("answered", ()):
            networks.note_seen(session, address, now)
    return ended is not None


def _is_answer(result: Mapping[str, Any]) -> bool:
    """Whether the address itself answered: an echo, or ARP or ND on the wire; a router's table may be old."""
    return bool(result.get("received")) or (
        result.get("method") in {"arp", "nd"} and bool(result.get("macs"))
    )


def stop(session: Session, actor: audit.Actor, run_id: int) -> DiagnosticRun:
    """Note who stops the run; one still queued ends here, a running one is asked to through its stream."""
    run = get(session, run_id)
    if run.status not in OPEN:
        return run
    _record(session, actor, "diagnostics.stopped", run)
    if run.status is DiagnosticStatus.QUEUED:
        session.execute(
            update(DiagnosticRun)
            .where(DiagnosticRun.id == run_id, DiagnosticRun.status == DiagnosticStatus.QUEUED)
            .values(status=DiagnosticStatus.STOPPED, finished_at=clock.now())
        )
    return get(session, run_id)


def expire_stale(
    session: Session, limits: settings.Diagnostics, *, lost: Sequence[int] = ()
) -> list[DiagnosticRun]:
    """End what nobody will end any more and return those runs.

    Queued runs no worker took in time expire; running ones fail when past the limit of minutes, or named in
    `lost` because their worker fell silent.
    """
    now = clock.now()
    queued_before = now - timedelta(seconds=limits.job_expires_s + 2)
    running_before = now - timedelta(minutes=limits.run_minutes_limit, seconds=30)
    query = select(DiagnosticRun).where(
        ((DiagnosticRun.status == DiagnosticStatus.QUEUED) & (DiagnosticRun.created_at < queued_before))
        | (
            (DiagnosticRun.status == DiagnosticStatus.RUNNING)
            & ((DiagnosticRun.started_at < running_before) | DiagnosticRun.id.in_(list(lost)))
        )
    )
    stale = list(session.scalars(query.with_for_update(skip_locked=True)))
    for run in stale:
        is_queued = run.status is DiagnosticStatus.QUEUED
        run.status = DiagnosticStatus.EXPIRED if is_queued else DiagnosticStatus.FAILED
        run.error = (
            N_("No probe worker took the job in time") if is_queued else N_("The probe worker fell silent")
        )
        run.finished_at = now
    session.flush()
    return stale


def running(session: Session, *, since: datetime | None = None) -> list[int]:
    """Return the ids of the running runs, only those started before `since` on request."""
    query = select(DiagnosticRun.id).where(DiagnosticRun.status == DiagnosticStatus.RUNNING)
    if since is not None:
        query = query.where(DiagnosticRun.started_at < since)
    return list(session.scalars(query))


def open_runs(session: Session, customer_id: int) -> list[DiagnosticRun]:
    """Return the runs of the customer that go on now, oldest first, whoever started them."""
    query = select(DiagnosticRun).where(
        DiagnosticRun.customer_id == customer_id, DiagnosticRun.status.in_(OPEN)
    )
    return list(session.scalars(query.order_by(DiagnosticRun.id)))


def history(
    session: Session, customer_id: int, *, limit: int = 20, before_id: int | None = None
) -> list[DiagnosticRun]:
    """Return the finished runs of the customer, newest first."""
    query = select(DiagnosticRun).where(
        DiagnosticRun.customer_id == customer_id, DiagnosticRun.status.not_in(OPEN)
    )
    if before_id is not None:
        query = query.where(DiagnosticRun.id < before_id)
    return list(session.scalars(query.order_by(DiagnosticRun.id.desc()).limit(limit)))


def store_mac(session: Session, actor: audit.Actor, run_id: int, mac: str) -> IpAddress:
    """Put a MAC that the lookup found on file for its address; raises Invalid, NotFound."""
    run = get(session, run_id)
    seen = [one["mac"] for one in (run.result or {}).get("macs", [])]
    if run.kind is not DiagnosticKind.MAC_LOOKUP or mac not in seen:
        raise errors.Invalid("This MAC is not what the lookup found")
    row = session.scalar(
        select(IpAddress)
        .where(IpAddress.address == run.target, IpAddress.customer_id == run.customer_id)
        .with_for_update()
    )
    if row is None:
        raise errors.NotFound("The customer does not have this address any more")
    changes = audit.difference({"mac": row.mac}, {"mac": mac})
    row.mac = mac
    if changes:
        audit.record(
            session,
            actor,
            "address.mac_stored",
            customer_id=row.customer_id,
            object_kind="ip_address",
            object_id=row.id,
            changes=changes,
            note=N_("found by run %(run)s", run=run.id),
        )
    session.flush()
    return row
