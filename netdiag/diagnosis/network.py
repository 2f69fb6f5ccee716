"""The stages of our own network: the POP with its gateway, and the access device with what it hangs on."""

from netdiag.diagnosis import words
from netdiag.diagnosis.evidence import DeviceEvidence, Evidence, NotChecked, PingEvidence, PopEvidence
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

RESTARTED_S = 600.0
_OURS = "There is a fault in our network, not at your place. We are working on it."
_WAIT = "There may be a fault in our network. We look into it and call you back."


def pop(evidence: Evidence, signs: Signs) -> Stage:
    """Judge the POP: whether anything could be measured, and whether its gateway lives."""
    found = evidence.pop
    if isinstance(found, NotChecked):
        return unchecked(StageKey.POP, found.why)
    gateway = found.gateway or "the gateway"
    findings = [*_worker(found), *_gateway(found, gateway, signs)]
    was_asked = not isinstance(found.gateway_ping, NotChecked) or not isinstance(
        found.gateway_snmp, NotChecked
    )
    if not findings and not was_asked:
        return unchecked(
            StageKey.POP, found.gateway_ping.why if isinstance(found.gateway_ping, NotChecked) else ""
        )
    return stage(
        StageKey.POP,
        findings,
        good=f"{gateway[:1].upper()}{gateway[1:]} answers",
        age_s=found.age_s,
        facts=words.facts(
            ("POP", found.name),
            ("Measured from", found.measured_from or "nowhere"),
            ("Probe worker of the POP", "alive" if found.is_worker_alive else "gives no sign of life"),
            ("Gateway", found.gateway),
            ("Ping of the gateway", words.echoes(found.gateway_ping)),
            ("SNMP of the gateway", words.snmp(found.gateway_snmp)),
        ),
    )


def _worker(found: PopEvidence) -> list[Finding]:
    name = found.name or "the customer"
    if found.measured_from is None:
        return [
            Finding(
                Cause.NOT_MEASURED,
                State.BAD,
                f"Nothing can be measured: no probe worker near {name} is alive",
                Who.NOC,
                "We cannot measure from here at the moment. We look at your line by hand and call you.",
                Confidence.LOW,
                ("Nothing was measured: this says nothing about the customer's line",),
            )
        ]
    if found.is_worker_alive:
        return []
    return [
        Finding(
            Cause.MEASURED_ELSEWHERE,
            State.WARNING,
            f"The probe worker of {name} is dead: measured from {found.measured_from}, "
            "which may reach the customer another way",
            Who.NOC,
            _WAIT,
            Confidence.LOW,
            is_suspect=False,
        )
    ]


def _gateway(found: PopEvidence, gateway: str, signs: Signs) -> list[Finding]:
    ping, snmp = found.gateway_ping, found.gateway_snmp
    if found.measured_from is None or isinstance(ping, NotChecked):
        return []
    if ping.is_silent:
        return [_silent_gateway(gateway, snmp, signs)]
    if ping.loss_percent > 0:
        return [
            Finding(
                Cause.GATEWAY_LOSS,
                State.WARNING,
                f"{words.number(ping.loss_percent, '%')} of the echoes to {gateway} are lost already",
                Who.NOC,
                _OURS,
                Confidence.MEDIUM if ping.sent >= 10 else Confidence.LOW,
            )
        ]
    return []


def _silent_gateway(gateway: str, snmp: object, signs: Signs) -> Finding:
    if snmp == "answered":
        return Finding(
            Cause.GATEWAY_SILENT,
            State.GOOD,
            f"{gateway} answers SNMP, though not ping",
            is_suspect=False,
        )
    if signs.answers_through_gateway:
        return Finding(
            Cause.GATEWAY_SILENT,
            State.WARNING,
            f"{gateway} does not answer, but carries the customer's packets",
            Who.NOC,
            is_suspect=False,
        )
    doubts = []
    if signs.answers:
        doubts.append("The customer answers on the probe's own segment, which does not pass the gateway")
    # A refusal is an answer: somebody is there.
    if snmp in ("refused", "denied"):
        doubts.append("It refuses SNMP, so it is there: it may only drop ping")
    elif snmp != "silent":
        doubts.append("Only ping was tried, which it may drop")
    return Finding(
        Cause.GATEWAY_SILENT,
        State.BAD,
        f"{gateway[:1].upper()}{gateway[1:]} does not answer"
        + (", neither ping nor SNMP" if snmp == "silent" else ""),
        Who.NOC,
        _OURS,
        doubts=tuple(doubts),
    )


def device(evidence: Evidence, signs: Signs) -> Stage:
    """Judge the access device and the devices between it and the POP."""
    found = evidence.device
    if isinstance(found, NotChecked):
        return unchecked(StageKey.DEVICE, found.why)
    ping, snmp = found.ping, found.snmp
    is_pinged = not isinstance(ping, NotChecked) and ping.sent > 0
    is_answered = not isinstance(ping, NotChecked) and ping.is_answered
    # A refusal is an answer too: somebody is there.
    speaks = snmp in ("answered", "refused", "denied") or signs.device_spoke
    if is_answered or speaks:
        findings = _oddities(found, ping)
    elif is_pinged or snmp == "silent":
        findings = [_silent(evidence, found, signs)]
    else:
        return unchecked(StageKey.DEVICE, ping.why if isinstance(ping, NotChecked) else "no echo was sent")
    good = f"{found.name} answers" if is_answered else f"{found.name} answers SNMP, though not ping"
    return stage(
        StageKey.DEVICE,
        findings,
        good=good,
        age_s=found.age_s,
        facts=words.facts(
            ("Device", found.name),
            ("Ping", words.echoes(ping)),
            ("SNMP", words.snmp(snmp)),
            ("Up for", words.span(found.uptime_s)),
            *((f"Behind {one.name}", _parent(one.is_dead)) for one in found.parents),
        ),
    )


def _parent(is_dead: bool | None) -> str:
    return "not known" if is_dead is None else "dead" if is_dead else "answers"


def _silent(evidence: Evidence, found: DeviceEvidence, signs: Signs) -> Finding:
    """The device does not answer: behind a dead parent, dead itself, or only deaf at its own address."""
    if signs.answers or signs.device_carries:
        return Finding(
            Cause.DEVICE_SILENT,
            State.WARNING,
            f"{found.name} does not answer at its own address, but carries its customers' packets",
            Who.NOC,
            is_suspect=False,
        )
    # The parent nearest to the POP is the root: what lies behind it cannot be told apart from here.
    dead = [one for one in found.parents if one.is_dead]
    if dead:
        since = words.since(evidence.taken_at, dead[-1].dead_for_s)
        return Finding(
            Cause.PARENT_DEAD,
            State.BAD,
            f"{dead[-1].name} is dead{since}, and {found.name} is behind it",
            Who.NOC,
            _OURS,
        )
    doubts = []
    if isinstance(found.snmp, NotChecked):
        doubts.append("Only ping was tried, which it may drop")
    if isinstance(found.ping, NotChecked):
        doubts.append("Only SNMP was tried: the credentials may be wrong")
    if signs.is_learned and signs.is_heard:
        doubts.append("The customer's MAC answered just now")
    return Finding(
        Cause.DEVICE_SILENT,
        State.BAD,
        f"{found.name} does not answer{words.since(evidence.taken_at, found.dead_for_s)}",
        Who.NOC,
        _OURS,
        doubts=tuple(doubts),
    )


def _oddities(found: DeviceEvidence, ping: PingEvidence | NotChecked) -> list[Finding]:
    """Return what is odd about a device that answers."""
    findings = []
    uptime = words.known(found.uptime_s)
    if uptime is not None and 0 <= uptime < RESTARTED_S:
        text = f"{found.name} restarted {words.span(uptime)} ago"
        say = "Our equipment near you has just restarted. Please try again now."
        findings.append(Finding(Cause.DEVICE_RESTARTED, State.WARNING, text, Who.NOC, say, Confidence.MEDIUM))
    if not isinstance(ping, NotChecked) and ping.is_answered and ping.loss_percent > 0:
        text = f"{words.number(ping.loss_percent, '%')} of the echoes to {found.name} are lost"
        findings.append(Finding(Cause.DEVICE_LOSS, State.WARNING, text, Who.NOC, _WAIT, Confidence.LOW))
    return [*findings, *_notes(found)]


def _notes(found: DeviceEvidence) -> list[Finding]:
    """Return what is worth knowing of a device that answers, though it explains no complaint."""
    notes = []
    refusals = {
        "silent": "does not answer SNMP",
        "refused": "refuses SNMP",
        "denied": "denies our SNMP credentials",
    }
    if isinstance(found.snmp, str) and found.snmp in refusals:
        text = f"{found.name} answers ping but {refusals[found.snmp]}: its port cannot be read"
        notes.append(Finding(Cause.DEVICE_UNREADABLE, State.WARNING, text, Who.NOC, is_suspect=False))
    dead = [one.name for one in found.parents if one.is_dead]
    if dead:
        text = f"{dead[-1]} does not answer, though {found.name} behind it does"
        notes.append(Finding(Cause.PARENT_DEAD, State.WARNING, text, Who.NOC, is_suspect=False))
    return notes
