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
from netdiag.text import N_, NN_, Private, Text, Value

ERRORS_PER_S = 1.0
DISCARDS_PER_S = 1.0
FLAPS_AN_HOUR = 3
JUST_CAME_UP_S = 300.0
_DOWN = frozenset({"down", "lowerLayerDown", "notPresent", "dormant"})
_CABLE = N_(
    "Your equipment has no link to us. Please check that it is switched on and that the cable from the wall "
    "is in its WAN socket."
)
_AGAIN = N_("Your line has come up only just now. Please try again; call us if it goes once more.")
_VISIT = N_("The cable to you does not work as it should. A technician will look at it.")


_FULL = N_("Your line is full at the moment. Is a large download or upload running?")


def port(evidence: Evidence, signs: Signs) -> Stage:
    """Judge the switch port, the ONU, or both."""
    found, light = evidence.port, evidence.onu
    if isinstance(found, NotChecked) and isinstance(light, NotChecked):
        return unchecked(StageKey.PORT, found.why)
    findings: list[Finding] = []
    shown: list[Fact] = []
    good: Text | None = None
    ages = []
    if not isinstance(light, NotChecked):
        findings += onu.judge(evidence, light, signs)
        shown += onu.facts(light)
        good = N_("ONU %(onu)s is online", onu=Private(light.name))
        ages.append(light.age_s)
    if not isinstance(found, NotChecked):
        findings += _port(evidence, found, signs)
        shown += _facts(found)
        good = good or N_("Port %(port)s is up", port=_name(found))
        ages.append(found.age_s)
        if not findings and found.oper not in {"up", *_DOWN} and isinstance(light, NotChecked):
            return unchecked(StageKey.PORT, N_("%(port)s does not say whether it is up", port=_name(found)))
    known = [age for age in ages if age is not None]
    return stage(
        StageKey.PORT, findings, good=good or words.DASH, age_s=max(known, default=None), facts=shown
    )


def _name(found: PortEvidence) -> Text:
    name = f"{found.device} {found.name}".strip()
    return words.plain(name) if name else N_("the port")


def _facts(found: PortEvidence) -> list[Fact]:
    changed = words.span(found.last_change_s)
    return words.facts(
        (N_("Port"), _name(found)),
        (N_("Administrative state"), found.admin),
        (N_("Operational state"), found.oper),
        (N_("Last change"), N_("%(span)s ago", span=changed) if changed else None),
        (N_("Changes within the hour"), _changes(found)),
        (N_("Speed"), words.speed(found.speed_bps)),
        (N_("Expected"), words.speed(found.expected_speed_bps)),
        (N_("Duplex"), found.duplex),
        (N_("In now"), words.speed(found.in_bps)),
        (N_("Out now"), words.speed(found.out_bps)),
        (N_("Errors in"), words.a_second(found.in_errors_per_s)),
        (N_("Errors out"), words.a_second(found.out_errors_per_s)),
        (N_("Discards in"), words.a_second(found.in_discards_per_s)),
        (N_("Discards out"), words.a_second(found.out_discards_per_s)),
    )


def _changes(found: PortEvidence) -> Text:
    """Return how often the port changed; each look shows the last change only, so it may have been more."""
    if found.changes_an_hour is None:
        return N_("not checked: %(why)s", why=N_("the device does not say when the port changed"))
    return N_("at least %(count)s", count=found.changes_an_hour)


def _port(evidence: Evidence, found: PortEvidence, signs: Signs) -> list[Finding]:
    if found.admin in ("down", "testing"):
        return [_not_up(evidence, found, signs, is_shut=True)]
    if found.oper in _DOWN:
        return [_not_up(evidence, found, signs, is_shut=False)]
    return [*_flaps(found), *_errors(found), *_speed(evidence, found)]


def _not_up(evidence: Evidence, found: PortEvidence, signs: Signs, *, is_shut: bool) -> Finding:
    if signs.answers or signs.elsewhere:
        return _wrong(found, signs, is_shut=is_shut)
    if is_shut:
        if found.admin == "down":
            text = N_("Port %(port)s is switched off by our side", port=_name(found))
        else:
            text = N_("Port %(port)s is in a test state", port=_name(found))
        return Finding(
            Cause.PORT_SHUT,
            State.BAD,
            words.since(text, evidence.taken_at, found.last_change_s),
            Who.NOC,
            N_("Your port is switched off on our side. We find out why and switch it on."),
        )
    doubts = [N_("The customer's MAC answered just now")] if signs.is_heard else []
    if found.age_s is None or found.age_s > 600:
        doubts.append(N_("The port's state is old"))
    text = N_("Port %(port)s has no link", port=_name(found))
    return Finding(
        Cause.PORT_DOWN,
        State.BAD,
        words.since(text, evidence.taken_at, found.last_change_s),
        Who.CUSTOMER,
        _CABLE,
        doubts=tuple(doubts),
    )


def _wrong(found: PortEvidence, signs: Signs, *, is_shut: bool) -> Finding:
    """The customer is alive though the port on file is not."""
    if signs.elsewhere:
        place = signs.elsewhere[0]
        why = N_("his MAC is on %(port)s", port=f"{place.device} {place.port}")
    else:
        why = N_("the customer answers")
    if is_shut:
        text = N_(
            "Port %(port)s on file is shut, yet %(why)s: the port on file is likely wrong",
            port=_name(found),
            why=why,
        )
    else:
        text = N_(
            "Port %(port)s on file is down, yet %(why)s: the port on file is likely wrong",
            port=_name(found),
            why=why,
        )
    say = N_("We check on which port your line is and call you back.")
    return Finding(Cause.PORT_WRONG, State.WARNING, text, Who.NOC, say, Confidence.MEDIUM)


def _flaps(found: PortEvidence) -> list[Finding]:
    if found.changes_an_hour is not None and found.changes_an_hour >= FLAPS_AN_HOUR:
        text = NN_(
            "Port %(port)s went up and down %(count)s time within the hour",
            "Port %(port)s went up and down %(count)s times within the hour",
            found.changes_an_hour,
            port=_name(found),
        )
        return [Finding(Cause.PORT_FLAPS, State.BAD, text, Who.FIELD, _VISIT, Confidence.MEDIUM)]
    changed, length = words.known(found.last_change_s), words.span(found.last_change_s)
    if found.oper == "up" and changed is not None and length is not None and changed < JUST_CAME_UP_S:
        text = N_("Port %(port)s came up only %(span)s ago", port=_name(found), span=length)
        return [Finding(Cause.PORT_CAME_UP, State.WARNING, text, Who.CUSTOMER, _AGAIN, Confidence.LOW)]
    return []


def _errors(found: PortEvidence) -> list[Finding]:
    findings = []
    for text, rate in (
        (
            N_(
                "Port %(port)s counts %(number)s errors a second inbound",
                **_rate(found, found.in_errors_per_s),
            ),
            found.in_errors_per_s,
        ),
        (
            N_(
                "Port %(port)s counts %(number)s errors a second outbound",
                **_rate(found, found.out_errors_per_s),
            ),
            found.out_errors_per_s,
        ),
    ):
        if words.above(rate, ERRORS_PER_S):
            findings.append(Finding(Cause.PORT_ERRORS, State.BAD, text, Who.FIELD, _VISIT, Confidence.MEDIUM))
    for text, rate in (
        (
            N_(
                "Port %(port)s discards %(number)s packets a second inbound: it is full",
                **_rate(found, found.in_discards_per_s),
            ),
            found.in_discards_per_s,
        ),
        (
            N_(
                "Port %(port)s discards %(number)s packets a second outbound: it is full",
                **_rate(found, found.out_discards_per_s),
            ),
            found.out_discards_per_s,
        ),
    ):
        if words.above(rate, DISCARDS_PER_S):
            findings.append(
                Finding(Cause.PORT_DISCARDS, State.WARNING, text, Who.NOC, _FULL, Confidence.MEDIUM)
            )
    return findings


def _rate(found: PortEvidence, rate: float | None) -> dict[str, Value]:
    return {"port": _name(found), "number": words.number(rate)}


def _speed(evidence: Evidence, found: PortEvidence) -> list[Finding]:
    usual = None if isinstance(evidence.baseline, NotChecked) else evidence.baseline.speed_bps
    expected = max((one for one in (found.expected_speed_bps, usual) if one), default=None)
    findings = []
    if found.speed_bps and expected and 0 < found.speed_bps < expected:
        text = N_(
            "Port %(port)s runs at %(now)s instead of %(expected)s",
            port=_name(found),
            now=words.speed(found.speed_bps),
            expected=words.speed(expected),
        )
        findings.append(Finding(Cause.PORT_SLOW, State.WARNING, text, Who.FIELD, _VISIT, Confidence.MEDIUM))
    if found.duplex == "half":
        text = N_("Port %(port)s runs at half duplex", port=_name(found))
        findings.append(Finding(Cause.PORT_HALF, State.WARNING, text, Who.FIELD, _VISIT, Confidence.MEDIUM))
    return findings
