"""The customer's port: state, speed and errors as the access device shows them (IF-MIB, RFC 2863)."""

from netdiag.diagnosis import onu, words
from netdiag.diagnosis.evidence import Evidence, NotChecked, PortEvidence
from netdiag.diagnosis.outcome import (
    Cause,
    Confidence,
    Fact,
    Finding,
    Stage,
    StageKey,
    State,
    Who,
    stage,
    unchecked,
)
from netdiag.diagnosis.signs import Signs

ERRORS_PER_S = 1.0
DISCARDS_PER_S = 1.0
FLAPS_AN_HOUR = 3
JUST_CAME_UP_S = 300.0
_DOWN = frozenset({"down", "lowerLayerDown", "notPresent", "dormant"})
_CABLE = (
    "Your equipment has no link to us. Please check that it is switched on and that the cable from the wall "
    "is in its WAN socket."
)
_AGAIN = "Your line has come up only just now. Please try again; call us if it goes once more."
_VISIT = "The cable to you does not work as it should. A technician will look at it."


def port(evidence: Evidence, signs: Signs) -> Stage:
    """Judge the switch port, the ONU, or both."""
    found, light = evidence.port, evidence.onu
    if isinstance(found, NotChecked) and isinstance(light, NotChecked):
        return unchecked(StageKey.PORT, found.why)
    findings: list[Finding] = []
    shown: list[Fact] = []
    good = ""
    ages = []
    if not isinstance(light, NotChecked):
        findings += onu.judge(evidence, light, signs)
        shown += onu.facts(light)
        good = f"ONU {light.name} is online"
        ages.append(light.age_s)
    if not isinstance(found, NotChecked):
        findings += _port(evidence, found, signs)
        shown += _facts(found)
        good = good or f"Port {_name(found)} is up"
        ages.append(found.age_s)
        if not findings and found.oper not in {"up", *_DOWN} and isinstance(light, NotChecked):
            return unchecked(StageKey.PORT, f"{_name(found)} does not say whether it is up")
    known = [age for age in ages if age is not None]
    return stage(StageKey.PORT, findings, good=good, age_s=max(known, default=None), facts=shown)


def _name(found: PortEvidence) -> str:
    return f"{found.device} {found.name}".strip() or "the port"


def _facts(found: PortEvidence) -> list[Fact]:
    return words.facts(
        ("Port", _name(found)),
        ("Administrative state", found.admin),
        ("Operational state", found.oper),
        (
            "Last change",
            f"{words.span(found.last_change_s)} ago" if words.span(found.last_change_s) else None,
        ),
        ("Speed", words.speed(found.speed_bps)),
        ("Expected", words.speed(found.expected_speed_bps)),
        ("Duplex", found.duplex),
        ("In now", words.speed(found.in_bps)),
        ("Out now", words.speed(found.out_bps)),
        ("Errors in", words.number(found.in_errors_per_s, "a second", 2)),
        ("Errors out", words.number(found.out_errors_per_s, "a second", 2)),
        ("Discards in", words.number(found.in_discards_per_s, "a second", 2)),
        ("Discards out", words.number(found.out_discards_per_s, "a second", 2)),
    )


def _port(evidence: Evidence, found: PortEvidence, signs: Signs) -> list[Finding]:
    if found.admin in ("down", "testing"):
        return [_not_up(evidence, found, signs, is_shut=True)]
    if found.oper in _DOWN:
        return [_not_up(evidence, found, signs, is_shut=False)]
    return [*_flaps(found), *_errors(found), *_speed(evidence, found)]


def _not_up(evidence: Evidence, found: PortEvidence, signs: Signs, *, is_shut: bool) -> Finding:
    if signs.answers or signs.elsewhere:
        where = f"{signs.elsewhere[0].device} {signs.elsewhere[0].port}" if signs.elsewhere else ""
        why = f"his MAC is on {where}" if where else "the customer answers"
        return Finding(
            Cause.PORT_WRONG,
            State.WARNING,
            f"Port {_name(found)} on file is {'shut' if is_shut else 'down'}, yet {why}: "
            "the port on file is likely wrong",
            Who.NOC,
            "We check on which port your line is and call you back.",
            Confidence.MEDIUM,
        )
    since = words.since(evidence.taken_at, found.last_change_s)
    if is_shut:
        state = "switched off by our side" if found.admin == "down" else "in a test state"
        return Finding(
            Cause.PORT_SHUT,
            State.BAD,
            f"Port {_name(found)} is {state}{since}",
            Who.NOC,
            "Your port is switched off on our side. We find out why and switch it on.",
        )
    doubts = ["The customer's MAC answered just now"] if signs.is_heard else []
    if found.age_s is None or found.age_s > 600:
        doubts.append("The port's state is old")
    return Finding(
        Cause.PORT_DOWN,
        State.BAD,
        f"Port {_name(found)} has no link{since}",
        Who.CUSTOMER,
        _CABLE,
        doubts=tuple(doubts),
    )


def _flaps(found: PortEvidence) -> list[Finding]:
    if found.changes_an_hour is not None and found.changes_an_hour >= FLAPS_AN_HOUR:
        text = f"Port {_name(found)} went up and down {found.changes_an_hour} times within the hour"
        return [Finding(Cause.PORT_FLAPS, State.BAD, text, Who.FIELD, _VISIT, Confidence.MEDIUM)]
    changed = words.known(found.last_change_s)
    if found.oper == "up" and changed is not None and 0 <= changed < JUST_CAME_UP_S:
        text = f"Port {_name(found)} came up only {words.span(changed)} ago"
        return [Finding(Cause.PORT_CAME_UP, State.WARNING, text, Who.CUSTOMER, _AGAIN, Confidence.LOW)]
    return []


def _errors(found: PortEvidence) -> list[Finding]:
    findings = []
    for side, rate in (("in", found.in_errors_per_s), ("out", found.out_errors_per_s)):
        if words.above(rate, ERRORS_PER_S):
            text = f"Port {_name(found)} counts {words.number(rate, 'errors a second')} {side}bound"
            findings.append(Finding(Cause.PORT_ERRORS, State.BAD, text, Who.FIELD, _VISIT, Confidence.MEDIUM))
    for side, rate in (("in", found.in_discards_per_s), ("out", found.out_discards_per_s)):
        if words.above(rate, DISCARDS_PER_S):
            many = words.number(rate, "packets a second")
            text = f"Port {_name(found)} discards {many} {side}bound: it is full"
            findings.append(
                Finding(
                    Cause.PORT_DISCARDS,
                    State.WARNING,
                    text,
                    Who.NOC,
                    "Your line is full at the moment. Is a large download or upload running?",
                    Confidence.MEDIUM,
                )
            )
    return findings


def _speed(evidence: Evidence, found: PortEvidence) -> list[Finding]:
    usual = None if isinstance(evidence.baseline, NotChecked) else evidence.baseline.speed_bps
    expected = max((one for one in (found.expected_speed_bps, usual) if one), default=None)
    findings = []
    if found.speed_bps and expected and 0 < found.speed_bps < expected:
        text = (
            f"Port {_name(found)} runs at {words.speed(found.speed_bps)} instead of {words.speed(expected)}"
        )
        findings.append(Finding(Cause.PORT_SLOW, State.WARNING, text, Who.FIELD, _VISIT, Confidence.MEDIUM))
    if found.duplex == "half":
        text = f"Port {_name(found)} runs at half duplex"
        findings.append(Finding(Cause.PORT_HALF, State.WARNING, text, Who.FIELD, _VISIT, Confidence.MEDIUM))
    return findings
