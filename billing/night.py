"""The closing of a business day: charge, settle, plan, brake, apply, report; run twice, same result."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing import (
    access,
    charge_runs,
    charges,
    cutoff,
    cutoff_runs,
    daybreak,
    debtors,
    instalments,
    interest,
    late_fees,
    ledger,
    promises,
    second_look,
    verdicts,
)
from billing.acts import Act
from billing.brake import Witness, jump_words
from billing.models import Approval, ChargeRun, CutoffDecision, CutoffRun, NightRun, RunStatus
from billing.promises import Settled
from billing.rules import Rules
from core import clock, db, errors
from core.db import Database
from core.words import N_

log = structlog.get_logger()

_ALONE = Witness()
# Charges stand before them, what comes after does not rest on them.
_CUT = frozenset({"plan", "applied"})

Report = dict[str, Any]
Step = Callable[[Session, NightRun], Report]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What closing the day would do; nothing of it was written."""

    charges: charges.ChargeReport
    promises: Settled
    instalments: Settled
    run: CutoffRun
    decisions: tuple[CutoffDecision, ...]


def close_day(
    database: Database,
    act: Act,
    *,
    rules: Rules,
    more: Mapping[str, Step] | None = None,
    witness: Witness = _ALONE,
) -> NightRun:
    """Close that business day. Each step is one transaction that also notes the step as done.

    What writes to many accounts is done in batches before, of charging, planning and applying with rows that
    show how far they are. So a night that was killed goes on where it stopped, and one that is done is
    returned as it is. `more` are steps of those who stand on billing, taken last; `witness` tells the brake
    what billing cannot see. Raises Busy while another closes a day, Conflict when a later day is closed
    already, Unavailable when the clock jumped: of a wrong day nothing is charged, no promise broken and no
    reminder written. What goes wrong with the plan or its applying leaves those steps open and is raised when
    all others are done.
    """
    if witness.clock is not None and (jump := jump_words(witness.clock.jumped_s)):
        raise errors.Unavailable(jump)
    on = act.today
    _open(database, on)
    day = _Day(database, act, rules, witness)
    _take_all(database, on, {**day.steps(), **(more or {})}, day.batches())
    return _finish(database, on)


@dataclass(slots=True)
class _Day:
    """The steps of closing a day; `begun` and `failed` are what the batches before them did and left out."""

    database: Database
    act: Act
    rules: Rules
    witness: Witness
    begun: daybreak.Begun = field(default_factory=daybreak.Begun)
    failed: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def steps(self) -> dict[str, Step]:
        """Return the steps by name, in their order."""
        act, on, rules = self.act, self.act.today, self.rules
        return {
            "lines": self._lines,
            "charges": self._charge,
            "promises": lambda session, _: asdict(promises.settle(session, on, rules=rules)),
            "instalments": lambda session, _: asdict(instalments.settle(session, on, rules=rules)),
            "late_fees": lambda session, _: self._told("late_fees", entries=late_fees.booked(session, act)),
            "interest": lambda session, _: self._told(
                "interest", **interest.booked(session, act, rules=rules)
            ),
            "plan": lambda session, night: _plan_report(_plan_of(session, night)),
            "applied": lambda session, night: _outcome_of(session, night, rules),
            "mismatches": lambda session, _: _verify(session),
        }

    def batches(self) -> dict[str, Callable[[], object]]:
        """Return what is done in batches before its step is noted."""
        database, act, on, rules = self.database, self.act, self.act.today, self.rules
        return {
            "lines": self._begin,
            "charges": lambda: self._leave_out("charges", charge_runs.run(database, act).failed),
            "late_fees": lambda: self._leave_out(
                "late_fees", late_fees.run_batches(database, act, rules=rules)
            ),
            "interest": lambda: self._leave_out("interest", interest.run_batches(database, act, rules=rules)),
            "plan": lambda: _plan(database, on, rules, act.author, self.witness),
            "applied": lambda: _apply(database, on, rules, act.author, self.witness),
        }

    def _begin(self) -> None:
        self.begun = daybreak.begin_each(self.database, self.act, clock.now())

    def _lines(self, session: Session, _: NightRun) -> Report:
        if self.begun.failed:
            # Who went wrong by himself would go wrong with all others too, and end their night.
            changed = access.refresh_dates(session, self.act.today)
            return asdict(self.begun + daybreak.Begun(lines_changed=len(changed)))
        return asdict(self.begun + daybreak.begin(session, self.act, clock.now()))

    def _charge(self, session: Session, _: NightRun) -> Report:
        # The batches before this step may have been those of a night that was killed.
        made = session.scalars(select(ChargeRun).where(ChargeRun.run_on == self.act.today)).all()
        failed = self.failed.get("charges", ())
        before = sum((_report_of(batch) for batch in made), charges.ChargeReport(failed=failed))
        due = set(charges.due_accounts(session, self.act.until)).difference(failed)
        return asdict(before + charges.run_accounts(session, self.act, sorted(due)))

    def _leave_out(self, name: str, account_ids: tuple[int, ...]) -> None:
        self.failed[name] = account_ids

    def _told(self, name: str, **report: int | str) -> Report:
        return {**report, "failed": self.failed[name]} if self.failed.get(name) else report


def rehearse(database: Database, act: Act, *, rules: Rules) -> Rehearsal:
    """Do all that close_day() would up to the plan in one transaction, keep what it found, and undo it."""
    with database.rehearsal() as session:
        daybreak.begin(session, act, clock.now())
        charged = charges.run(session, act)
        settled = promises.settle(session, act.today, rules=rules)
        in_parts = instalments.settle(session, act.today, rules=rules)
        late_fees.run(session, act, rules=rules)
        interest.run(session, act, rules=rules)
        run = cutoff.plan(session, act.today, rules=rules, planned_by=act.author.name)
        decisions = session.scalars(
            select(CutoffDecision).where(CutoffDecision.run_id == run.id).order_by(CutoffDecision.id)
        ).all()
        session.refresh(run)
    return Rehearsal(charged, settled, in_parts, run, tuple(decisions))


def pass_by(
    session: Session, account_id: int, act: Act, *, rules: Rules, now: datetime
) -> list[verdicts.Verdict]:
    """Do to one account what close_day() does to all, up to the plan; return what the plan would say of it.

    For looking ahead in a session of Database.rehearsal().
    """
    daybreak.begin(session, act, now, account_id=account_id)
    charges.run(session, act, account_id=account_id)
    promises.settle(session, act.today, rules=rules, account_id=account_id)
    instalments.settle(session, act.today, rules=rules, account_id=account_id)
    late_fees.run(session, act, rules=rules, account_id=account_id)
    interest.run(session, act, rules=rules, account_id=account_id)
    found = debtors.gather(session, act.today, rules=rules, account_ids=[account_id])
    return [verdict for one in found for verdict in verdicts.judge(one, act.today, rules)]


def last_closed(session: Session) -> NightRun | None:
    """Return the latest day that was closed wholly."""
    return session.scalar(
        select(NightRun).where(NightRun.finished_at.is_not(None)).order_by(NightRun.run_on.desc()).limit(1)
    )


def _open(database: Database, on: date) -> None:
    with database.transaction() as session:
        later = session.scalar(
            select(NightRun.run_on).where(NightRun.run_on > on).order_by(NightRun.run_on.desc()).limit(1)
        )
        known = session.get(NightRun, on)
        if later is not None and (known is None or known.finished_at is None):
            raise errors.Conflict(N_("A later day, %(day)s, is closed already", day=later))
        session.execute(
            insert(NightRun)
            .values(run_on=on, started_at=clock.now(), report={})
            .on_conflict_do_nothing(index_elements=["run_on"])
        )


def is_cut_open(session: Session, on: date) -> bool:
    """Whether the night did all but cut: its plan, or the applying of it, went wrong."""
    found = session.get(NightRun, on)
    return found is not None and "mismatches" in found.report and not found.report.keys() >= _CUT


def _take_all(
    database: Database,
    on: date,
    steps: Mapping[str, Step],
    batches: Mapping[str, Callable[[], object]],
) -> None:
    """Take every step; for one of the cut that goes wrong nobody has to miss his reminder."""
    fault: Exception | None = None
    for name, step in steps.items():
        if fault is not None and name in _CUT:
            continue
        try:
            if name in batches and not _is_done(database, on, name):
                batches[name]()
            _take(database, on, name, step)
        except errors.Unavailable:
            raise
        except Exception as error:
            if name not in _CUT or db.is_lost(error):
                raise
            log.exception("night_leaves_the_cut_open", step=name, run_on=on.isoformat())
            fault = error
    if fault is not None:
        raise fault


def _take(database: Database, on: date, name: str, step: Step) -> None:
    """Do one step and note it, unless it is noted."""
    with database.transaction() as session:
        night = _held(session, on)
        if name not in night.report:
            night.report = {**night.report, name: step(session, night)}
            log.info("night_step", step=name, run_on=on.isoformat(), report=night.report[name])


def _held(session: Session, on: date) -> NightRun:
    """Return the night, locked; raises Busy while another closes a day."""
    if not db.try_advisory_lock(session, "night"):
        raise errors.Busy("A day is being closed right now")
    return session.get_one(NightRun, on, populate_existing=True, with_for_update=True)


def _finish(database: Database, on: date) -> NightRun:
    with database.transaction() as session:
        night = session.get_one(NightRun, on, with_for_update=True)
        if night.finished_at is None:
            night.finished_at = clock.now()
        return night


def _report_of(run: ChargeRun) -> charges.ChargeReport:
    total = sum(run.totals.values())
    return charges.ChargeReport(
        run.entries,
        total,
        run.accounts_charged,
        run.documents,
        dict(run.totals),
        undocumented=dict(run.undocumented),
    )


def _is_done(database: Database, on: date, name: str) -> bool:
    with database.reading() as session:
        return name in session.get_one(NightRun, on).report


def _plan_report(run: CutoffRun) -> Report:
    return {
        "run_id": run.id,
        "cut": run.cut_count,
        "spare": run.spare_count,
        "keep": run.keep_count,
        "lift": run.lift_count,
        "brake_reasons": run.brake_reasons,
    }


def _plan(database: Database, on: date, rules: Rules, author: ledger.Author, witness: Witness) -> None:
    """Have the night's plan made; one that a night before this was killed over is gone on with."""
    with database.transaction() as session:
        night = _held(session, on)
        known = session.get(CutoffRun, night.cutoff_run_id) if night.cutoff_run_id else None
        if known is None or known.status in (RunStatus.FAILED, RunStatus.DISCARDED):
            known = cutoff.begin(session, on, rules=rules, planned_by=author.name)
            night.cutoff_run_id = known.id
        run_id = known.id
    cutoff_runs.go_on(database, run_id, witness=witness, today=lambda: on)


def _apply(database: Database, on: date, rules: Rules, author: ledger.Author, witness: Witness) -> None:
    """Have the night's plan carried out, unless it waits for a person; late, it may begin to wait."""
    with database.transaction() as session:
        run = _plan_of(session, _held(session, on))
        if _waits(session, run, rules):
            return
        run_id = cutoff.start(session, run.id, approved_by=author.name, today=on, witness=witness).id
    cutoff_runs.go_on(database, run_id, witness=_ALONE, today=lambda: on)


def _plan_of(session: Session, night: NightRun) -> CutoffRun:
    """Return the night's plan; raises Conflict when it could not be made."""
    run = session.get_one(CutoffRun, night.cutoff_run_id, populate_existing=True)
    if run.status is RunStatus.FAILED:
        raise errors.Conflict(N_("The plan could not be made: %(error)s", error=run.error))
    return run


def _waits(session: Session, run: CutoffRun, rules: Rules) -> str:
    """Return why the night does not carry the plan out, if it does not."""
    if run.status in (RunStatus.APPLYING, RunStatus.APPLIED):
        return ""
    if not rules.is_automatic or run.approval is not Approval.NONE:
        return "a person applies the plans here"
    if second_look.is_overruled(session, run):
        return "the policy was changed since the plan was made"
    if run.status is not RunStatus.PLANNED:
        return "; ".join(run.brake_reasons) or f"the plan is {run.status.value}"
    return ""


def _outcome_of(session: Session, night: NightRun, rules: Rules) -> Report:
    run = _plan_of(session, night)
    waits = _waits(session, run, rules)
    return {"waits": waits} if waits else {"outcomes": cutoff.outcomes(session, run.id)}


def _verify(session: Session) -> Report:
    wrong = ledger.verify(session)
    if wrong:
        log.error("balances_differ", accounts=[found.account_id for found in wrong[:20]])
    return {"count": len(wrong), "account_ids": [found.account_id for found in wrong[:20]]}
