"""The first two stages, which no wire is asked for: the account's state, and a known incident."""

from netdiag.diagnosis import words
from netdiag.diagnosis.evidence import AccountEvidence, Evidence, Incident, Lock, NotChecked
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
from netdiag.text import N_, NN_, Private, Text, Value, joined

_LOCK_WORDS = {
    "debt": N_("for debt"),
    "manual": N_("by hand"),
    "freeze": N_("at the customer's wish"),
    "abuse": N_("for abuse"),
    "technical": N_("for technical reasons"),
    "contract": N_("because the contract ended"),
    "status": N_("because of the customer's status"),
}
_LOCK_ACTS = {"technical": Who.NOC, "abuse": Who.NOC}
_STILL_OPEN = N_("A lock stands, but the gate is not known to have closed the line yet")


_KNOWN = N_("We know of a fault that affects you and others and are working on it. You need do nothing.")
_NEAR = N_(
    "There is a fault near you that we are working on, though your line answers. If something still does not "
    "work, please restart your router and call us again."
)


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
        good=N_("The service is paid for and open"),
        age_s=found.age_s,
        facts=words.facts(
            (N_("Service"), N_("runs") if found.has_service else N_("none runs")),
            (N_("Locks"), words.plain(_listed(found.locks))),
            (N_("Access wanted"), _access(found.wanted)),
            (N_("Told to the gate"), _access(found.applied)),
            (N_("Seen at the gate"), _access(found.observed)),
            (N_("Gate's error"), found.gate_error),
        ),
    )


def _access(word: str | None) -> Text | None:
    if word is None:
        return None
    return N_("open access") if word == "open" else N_("closed access")


def _listed(locks: tuple[Lock, ...]) -> Value:
    return joined(_lock(lock) for lock in locks) if locks else words.NONE


def _lock(lock: Lock) -> Text:
    text = _LOCK_WORDS.get(lock.reason)
    if text is None:
        text = N_("for the reason %(reason)s", reason=lock.reason) if lock.reason else N_("without a reason")
    return N_("%(what)s since %(day)s", what=text, day=words.moment(lock.since)) if lock.since else text


def _locks(found: AccountEvidence) -> list[Finding]:
    """Every lock is a reason of its own; debt comes first, because it is what a payment ends."""
    doubts = []
    if found.wanted == "open":
        doubts.append(N_("A lock stands although open access is wanted: the records disagree"))
    if "closed" not in (found.applied, found.observed):
        doubts.append(_STILL_OPEN)
    if found.open_beside > 0:
        doubts.append(
            NN_(
                "%(count)s other service without a lock",
                "%(count)s other services without a lock",
                found.open_beside,
            )
        )
    ordered = sorted(found.locks, key=lambda lock: lock.reason != "debt")
    return [
        Finding(
            Cause.DEBT_LOCK if lock.reason == "debt" else Cause.OTHER_LOCK,
            State.BAD,
            N_("The service is locked %(how)s", how=_lock(lock)),
            Who.BILLING if lock.reason == "debt" else _LOCK_ACTS.get(lock.reason, Who.BILLING),
            _lock_say(lock),
            doubts=tuple(doubts),
        )
        for lock in ordered
    ]


def _lock_say(lock: Lock) -> Text:
    if lock.reason == "debt":
        return N_(
            "The service is paused because a bill is open. It comes back within minutes of the payment."
        )
    if lock.reason == "freeze":
        return N_("The service is paused at your wish. Tell us when it is to run again.")
    return N_("The service is paused. A colleague will explain why and what is to be done.")


def _service(found: AccountEvidence) -> list[Finding]:
    if found.has_service:
        return []
    return [
        Finding(
            Cause.NO_SERVICE,
            State.BAD,
            N_("No service runs for this customer"),
            Who.BILLING,
            N_("There is no running service in your contract at the moment. Shall we start one?"),
        )
    ]


_NOT_OPENED = N_("Your account is in order; our network has not opened your line. We open it now.")


def _gate(found: AccountEvidence, signs: Signs) -> list[Finding]:
    """No lock stands: the line should be open."""
    if found.observed == "closed" or (found.applied == "closed" and found.observed is None):
        if found.observed == "closed":
            text = N_("No lock stands, but the gate was seen closed for this line")
        else:
            text = N_("No lock stands, but the gate was told closed for this line")
        is_torn = found.observed == "closed" and found.applied == "open"
        doubts = (N_("The gate confirmed that it opened the line, but was seen closed"),) if is_torn else ()
        said = _with_error(text, found)
        return [Finding(Cause.GATE_CLOSED, State.BAD, said, Who.NOC, _NOT_OPENED, doubts=doubts)]
    if found.wanted == "closed":
        text = N_("Closed access is wanted although no lock stands: the records disagree")
        return [Finding(Cause.GATE_CLOSED, State.WARNING, text, Who.NOC, _NOT_OPENED, Confidence.MEDIUM)]
    if found.wanted is not None and found.applied is None and found.observed is None:
        return [
            Finding(
                Cause.GATE_BEHIND,
                State.WARNING,
                _with_error(N_("The gate has not confirmed that the line is open"), found),
                Who.NOC,
                _NOT_OPENED,
                Confidence.MEDIUM,
                # A line that answers and a gate that reports no fault: it was only not told yet.
                is_suspect=bool(found.gate_error) or not signs.answers,
            )
        ]
    return []


def _with_error(text: Text, found: AccountEvidence) -> Text:
    """Return it with what the gate said, which may name anything."""
    if not found.gate_error:
        return text
    return N_("%(what)s: %(more)s", what=text, more=Private(found.gate_error))


def incident(evidence: Evidence, signs: Signs) -> Stage:
    """Judge whether an open incident covers the customer."""
    found = evidence.incident
    if isinstance(found, NotChecked):
        return unchecked(StageKey.INCIDENT, found.why)
    return stage(
        StageKey.INCIDENT,
        [_incident(one, signs) for one in found.incidents],
        good=N_("No known incident covers this customer"),
        age_s=found.age_s,
        facts=words.facts(*(_fact(one) for one in found.incidents)),
    )


def _incident(one: Incident, signs: Signs) -> Finding:
    """A line whose own signs are all good is not down by it: then it is told beside the verdict."""
    title = Private(one.title) if one.title else N_("without a title")
    if one.since:
        text = N_(
            "A known incident covers this customer: %(title)s, open since %(moment)s",
            title=title,
            moment=words.moment(one.since),
        )
    else:
        text = N_("A known incident covers this customer: %(title)s", title=title)
    if signs.is_well:
        return Finding(Cause.KNOWN_INCIDENT, State.WARNING, text, Who.NOC, _NEAR, Confidence.MEDIUM)
    doubts = (N_("The line answers now: it may be well again, or not part of it"),) if signs.answers else ()
    return Finding(Cause.KNOWN_INCIDENT, State.BAD, text, Who.NOC, _KNOWN, doubts=doubts)


def _fact(one: Incident) -> tuple[Text, Text]:
    name = words.plain(Private(one.title)) if one.title else N_("Incident")
    told = [Private(one.scope)] if one.scope else []
    moments = [words.moment(one.since)] if one.since else []
    return name, words.plain(joined([*told, *moments], " ")) if told or moments else N_("open")
