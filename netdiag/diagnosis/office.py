"""The first two stages, which no wire is asked for: the account's state, and a known incident."""

from netdiag.diagnosis import words
from netdiag.diagnosis.evidence import AccountEvidence, Evidence, Lock, NotChecked
from netdiag.diagnosis.outcome import (
    Cause,
    Confidence,
    Finding,
    Stage,
    StageKey,
    State,
    Who,
    stage,
    unchecked,
)
from netdiag.diagnosis.signs import Signs

_LOCK_WORDS = {
    "debt": "for debt",
    "manual": "by hand",
    "freeze": "at the customer's wish",
    "abuse": "for abuse",
    "technical": "for technical reasons",
    "contract": "because the contract ended",
    "status": "because of the customer's status",
}
_LOCK_ACTS = {"technical": Who.NOC, "abuse": Who.NOC}
_STILL_OPEN = "A lock stands, but the gate is not known to have closed the line yet"


def account(evidence: Evidence, signs: Signs) -> Stage:
    """Judge whether the service may run at all, and whether the gate does what is wanted."""
    found = evidence.account
    if isinstance(found, NotChecked):
        return unchecked(StageKey.ACCOUNT, found.why)
    findings = [*_locks(found), *_service(found)]
    if not findings:
        findings = _gate(found, signs)
    return stage(
        StageKey.ACCOUNT,
        findings,
        good="The service is paid for and open",
        age_s=found.age_s,
        facts=words.facts(
            ("Service", "runs" if found.has_service else "none runs"),
            ("Locks", ", ".join(_lock(lock) for lock in found.locks) or "none"),
            ("Access wanted", found.wanted),
            ("Told to the gate", found.applied),
            ("Seen at the gate", found.observed),
            ("Gate's error", found.gate_error),
        ),
    )


def _lock(lock: Lock) -> str:
    text = _LOCK_WORDS.get(
        lock.reason, f"for the reason {lock.reason}" if lock.reason else "without a reason"
    )
    return f"{text} since {lock.since}" if lock.since else text


def _locks(found: AccountEvidence) -> list[Finding]:
    """Every lock is a reason of its own; debt comes first, because it is what a payment ends."""
    doubts = []
    if found.wanted == "open":
        doubts.append("A lock stands although open access is wanted: the records disagree")
    if "closed" not in (found.applied, found.observed):
        doubts.append(_STILL_OPEN)
    if found.open_beside > 0:
        doubts.append(f"{words.count(found.open_beside, 'other service', 'other services')} without a lock")
    ordered = sorted(found.locks, key=lambda lock: lock.reason != "debt")
    return [
        Finding(
            Cause.DEBT_LOCK if lock.reason == "debt" else Cause.OTHER_LOCK,
            State.BAD,
            f"The service is locked {_lock(lock)}",
            Who.BILLING if lock.reason == "debt" else _LOCK_ACTS.get(lock.reason, Who.BILLING),
            _lock_say(lock),
            doubts=tuple(doubts),
        )
        for lock in ordered
    ]


def _lock_say(lock: Lock) -> str:
    if lock.reason == "debt":
        return "The service is paused because a bill is open. It comes back within minutes of the payment."
    if lock.reason == "freeze":
        return "The service is paused at your wish. Tell us when it is to run again."
    return "The service is paused. A colleague will explain why and what is to be done."


def _service(found: AccountEvidence) -> list[Finding]:
    if found.has_service:
        return []
    return [
        Finding(
            Cause.NO_SERVICE,
            State.BAD,
            "No service runs for this customer",
            Who.BILLING,
            "There is no running service in your contract at the moment. Shall we start one?",
        )
    ]


_NOT_OPENED = "Your account is in order; our network has not opened your line. We open it now."


def _gate(found: AccountEvidence, signs: Signs) -> list[Finding]:
    """No lock stands: the line should be open."""
    error = f": {found.gate_error}" if found.gate_error else ""
    if found.observed == "closed" or (found.applied == "closed" and found.observed is None):
        seen = "was seen closed" if found.observed == "closed" else "was told closed"
        text = f"No lock stands, but the gate {seen} for this line{error}"
        is_torn = found.observed == "closed" and found.applied == "open"
        doubts = ("The gate confirmed that it opened the line, but was seen closed",) if is_torn else ()
        return [Finding(Cause.GATE_CLOSED, State.BAD, text, Who.NOC, _NOT_OPENED, doubts=doubts)]
    if found.wanted == "closed":
        text = "Closed access is wanted although no lock stands: the records disagree"
        return [Finding(Cause.GATE_CLOSED, State.WARNING, text, Who.NOC, _NOT_OPENED, Confidence.MEDIUM)]
    if found.wanted is not None and found.applied is None and found.observed is None:
        return [
            Finding(
                Cause.GATE_BEHIND,
                State.WARNING,
                f"The gate has not confirmed that the line is open{error}",
                Who.NOC,
                _NOT_OPENED,
                Confidence.MEDIUM,
                # A line that answers and a gate that reports no fault: it was only not told yet.
                is_suspect=bool(found.gate_error) or not signs.answers,
            )
        ]
    return []


def incident(evidence: Evidence, signs: Signs) -> Stage:
    """Judge whether an open incident covers the customer."""
    found = evidence.incident
    if isinstance(found, NotChecked):
        return unchecked(StageKey.INCIDENT, found.why)
    doubts = ("The line answers now: it may be well again, or not part of it",) if signs.answers else ()
    findings = [
        Finding(
            Cause.KNOWN_INCIDENT,
            State.BAD,
            f"A known incident covers this customer: {one.title or 'without a title'}"
            + (f", open since {one.since}" if one.since else ""),
            Who.NOC,
            "We know of a fault that affects you and others and are working on it. You need do nothing.",
            doubts=doubts,
        )
        for one in found.incidents
    ]
    return stage(
        StageKey.INCIDENT,
        findings,
        good="No known incident covers this customer",
        age_s=found.age_s,
        facts=words.facts(
            *(
                (one.title or "Incident", f"{one.scope} {one.since}".strip() or "open")
                for one in found.incidents
            )
        ),
    )
