"""The policy of the cutoff as data: versions that are only added, the newest in force.

While none is stored, [cutoff] of the settings file is the policy, as version 0. The first version saved takes
over all that is policy (FIELDS), and the file's words on that count no more. Of a field that a version does
not name, because it was saved before the field was policy, the file speaks until the next version is saved.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from billing import debtors, rules, verdicts
from billing.ledger import Author
from billing.models import AccessState, CutoffPolicy, DecisionAction, strictness
from billing.rules import Rules
from core import db, errors, money
from core.settings import Settings
from core.words import N_

FIELDS = (
    "minimum_debt_minor",
    "grace_days",
    "steps",
    "reconnects_at_zero",
    "debt_billed_percent",
    "skip_weekdays",
    "holidays",
    "yearly_holidays",
    "excluded_groups",
    "notice_days",
    "is_automatic",
    "brake_share_percent",
    "brake_minimum",
    "brake_last_runs",
    "brake_growth",
    "brake_import_hours",
    "brake_whole_percent",
    "brake_whole_minimum",
    "promise_days_limit",
    "promise_broken_limit",
    "promise_sum_limit_minor",
    "promise_needs_payment",
    "instalments_limit",
    "late_fee_minor",
    "late_fee_percent",
    "late_fee_days",
    "late_fee_minimum_minor",
    "interest_rates",
    "interest_minimum_minor",
)
RATES_LIMIT = 100
_SUMS = tuple(name for name in FIELDS if name.endswith("_minor"))
_LIMITS: dict[str, tuple[float, float]] = {
    "grace_days": (0, 365),
    "notice_days": (0, 365),
    "debt_billed_percent": (0, 100),
    "brake_share_percent": (0.01, 100),
    "brake_minimum": (0, 10**6),
    "brake_last_runs": (0, 100),
    "brake_growth": (0, 1000),
    "brake_import_hours": (0, 8760),
    "brake_whole_percent": (0, 100),
    "brake_whole_minimum": (1, 10**6),
    "promise_days_limit": (1, 365),
    "promise_broken_limit": (1, 100),
    "instalments_limit": (2, 60),
    "late_fee_percent": (0, 100),
    "late_fee_days": (1, 365),
}


@dataclass(frozen=True, slots=True)
class Fate:
    """What the policy makes of an account today: the most that happens to one of its services, and why."""

    action: DecisionAction
    effect: AccessState
    reason: verdicts.Reason
    explanation: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two policies make of a day's debtors: how many accounts of each action, who fares otherwise."""

    before: dict[DecisionAction, int]
    after: dict[DecisionAction, int]
    differing: dict[int, tuple[Fate | None, Fate | None]]


def in_force(session: Session, settings: Settings) -> Rules:
    """Return the rules by which debt cuts now: the newest version, else the settings'."""
    return rules_of(newest(session), settings)


def rules_of(policy: CutoffPolicy | None, settings: Settings) -> Rules:
    """Return the rules of a version; none: the settings' own."""
    usual = rules.rules_of(settings)
    if policy is None:
        return usual
    return replace(usual, version=policy.version, **_said(policy))


def left_to_file(policy: CutoffPolicy) -> tuple[str, ...]:
    """Return the fields that a version does not name: it was saved before they were policy."""
    return tuple(name for name in FIELDS if name not in policy.content)


def _said(policy: CutoffPolicy) -> dict[str, Any]:
    stored = rules.rules_of_json({name: policy.content[name] for name in FIELDS if name in policy.content})
    return {name: getattr(stored, name) for name in FIELDS if name in policy.content}


def at_version(session: Session, version: int, settings: Settings) -> Rules:
    """Return the rules as they were at a version, 0 for the settings' own. Raises NotFound."""
    return rules_of(get(session, version) if version else None, settings)


def newest(session: Session) -> CutoffPolicy | None:
    """Return the version in force; none while none is stored."""
    return session.scalar(select(CutoffPolicy).order_by(CutoffPolicy.version.desc()).limit(1))


def get(session: Session, version: int) -> CutoffPolicy:
    """Return a version; raises NotFound."""
    found = session.get(CutoffPolicy, version)
    if found is None:
        raise errors.NotFound("There is no such version")
    return found


def versions(session: Session, *, before: int | None = None, limit: int = 50) -> Sequence[CutoffPolicy]:
    """Return the versions, newest first."""
    query = select(CutoffPolicy).order_by(CutoffPolicy.version.desc()).limit(limit)
    return session.scalars(query if before is None else query.where(CutoffPolicy.version < before)).all()


def save(
    session: Session,
    author: Author,
    wanted: Rules,
    *,
    over: Rules,
    why: str,
    restores: int | None = None,
) -> CutoffPolicy:
    """Put a new version in force; `over` are the rules it was made from, as the person saw them.

    Raises Invalid at the faulty field or when nothing differs, Conflict when `over` is in force no more.
    """
    faults = faults_of(wanted)
    if not 0 < len(why.strip()) <= 500:
        faults["why"] = N_("Say why, in at most 500 characters")
    if faults:
        raise errors.Invalid("The policy is not complete", faults)
    latest = newest(session)
    if (latest.version if latest else 0) != over.version:
        raise errors.Overtaken("Somebody saved another version meanwhile; look at it first")
    if latest is not None and not difference(over, wanted):
        raise errors.Invalid("Nothing differs from the version in force")
    policy = CutoffPolicy(
        version=over.version + 1,
        author_id=author.staff_id,
        author=author.name,
        why=why.strip(),
        restores=restores,
        content={name: value for name, value in wanted.as_json().items() if name in FIELDS},
    )
    try:
        with db.part(session):
            session.add(policy)
    except IntegrityError as error:
        raise errors.Overtaken("Somebody saved another version meanwhile; look at it first") from error
    return policy


def as_of(session: Session, version: int, now: Rules) -> Rules:
    """Return the rules in force with what an older version says as policy. Raises NotFound."""
    return replace(now, **_said(get(session, version)))


def difference(before: Rules, after: Rules) -> dict[str, tuple[Any, Any]]:
    """Return the fields of the policy that differ, each with what it was and is."""
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in FIELDS}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def faults_of(wanted: Rules) -> dict[str, str]:
    """Return what is wrong with a policy, by field."""
    plain = asdict(wanted)
    faults = {
        name: N_("From %(least)s to %(most)s", least=f"{least:g}", most=f"{most:g}")
        for name, (least, most) in _LIMITS.items()
        if not least <= plain[name] <= most
    }
    for name in _SUMS:
        if not 0 <= plain[name] <= money.LIMIT_MINOR:
            faults[name] = N_("The sum must be zero or more")
    if words := _fault_of_rates(wanted):
        faults["interest_rates"] = words
    if not wanted.steps:
        faults["steps"] = N_("Say at least one step")
    elif any(not 0 <= step.days <= 365 or step.effect is AccessState.OPEN for step in wanted.steps):
        faults["steps"] = N_("A step comes 0 to 365 days after grace")
    elif not _rises(wanted):
        faults["steps"] = N_("Each stricter step comes later than the milder one before it")
    if not all(1 <= day <= 7 for day in wanted.skip_weekdays) or len(set(wanted.skip_weekdays)) > 6:
        faults["skip_weekdays"] = N_("Leave one day at least on which debt cuts")
    return faults


def _fault_of_rates(wanted: Rules) -> str | None:
    rates = wanted.interest_rates
    if len({from_on for from_on, _ in rates}) < len(rates):
        return N_("One rate for a day")
    if any(not 0 <= percent <= 100 for _, percent in rates):
        return N_("From %(least)s to %(most)s", least="0", most="100")
    if len(rates) > RATES_LIMIT:
        return N_("At most %(count)s rates", count=RATES_LIMIT)
    return None


def _rises(wanted: Rules) -> bool:
    pairs = zip(wanted.steps, wanted.steps[1:], strict=False)
    return all(a.days < b.days and strictness(a.effect) < strictness(b.effect) for a, b in pairs)


def compare(session: Session, on: date, before: Rules, after: Rules) -> Comparison:
    """Say what each of two policies makes of the debtors of that day; nothing is written."""
    one, other = fates(session, on, before), fates(session, on, after)
    differing = {
        key: (one.get(key), other.get(key))
        for key in sorted(one.keys() | other.keys())
        if _felt(one.get(key)) != _felt(other.get(key))
    }
    return Comparison(_counted(one), _counted(other), differing)


def fates(session: Session, on: date, limits: Rules) -> dict[int, Fate]:
    """Return by account what a plan of that day would do to it."""
    found = {}
    for debtor in debtors.gather(session, on, rules=limits):
        worst = max(verdicts.judge(debtor, on, limits), key=_weight)
        found[debtor.account_id] = Fate(worst.action, worst.effect, worst.reason, worst.explanation)
    return found


_WEIGHT = {
    DecisionAction.SPARE: 0,
    DecisionAction.KEEP: 1,
    DecisionAction.LIFT: 2,
    DecisionAction.CUT: 3,
}


def _weight(one: verdicts.Verdict) -> tuple[int, int]:
    return _WEIGHT[one.action], strictness(one.effect)


def _felt(fate: Fate | None) -> tuple[Any, ...]:
    """Return what of a fate the customer feels: the reason for being spared is not that."""
    return (fate.action, fate.effect) if fate else (DecisionAction.SPARE, AccessState.OPEN)


def _counted(found: dict[int, Fate]) -> dict[DecisionAction, int]:
    return {action: sum(fate.action is action for fate in found.values()) for action in DecisionAction}


class Kept:
    """The rules in force as a process knows them: read anew when older than a few seconds.

    A payment needs no read of its own for them. Whoever saves a version forgets here, so that only another
    process may go by the version before, for so long.
    """

    SECONDS = 5.0

    def __init__(self, database: db.Database, settings: Settings) -> None:
        """Nothing is read before it is asked for."""
        self._database, self._settings = database, settings
        self._found: tuple[float, Rules] | None = None

    def rules(self, session: Session | None = None) -> Rules:
        """Return the rules in force, as of a few seconds ago at most; read through `session` if open."""
        found = self._found
        if found is not None and time.monotonic() - found[0] <= self.SECONDS:
            return found[1]
        at = time.monotonic()
        if session is None:
            with self._database.reading() as own:
                now = in_force(own, self._settings)
        else:
            now = in_force(session, self._settings)
        self._found = (at, now)
        return now

    def forget(self) -> None:
        """Read anew the next time."""
        self._found = None
