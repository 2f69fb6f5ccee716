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
from netdiag.text import N_, Text

RESTARTED_S = 600.0
_OURS = N_("There is a fault in our network, not at your place. We are working on it.")
_WAIT = N_("There may be a fault in our network. We look into it and call you back.")


def pop(evidence: Evidence, signs: Signs) -> Stage:
    """Judge the POP: whether anything could be measured, and whether its gateway lives."""
    found = evidence.pop
    if isinstance(found, NotChecked):
        return unchecked(StageKey.POP, found.why)
    gateway = words.plain(found.gateway) if found.gateway else N_("the gateway")
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
        good=N_("%(gateway)s answers", gateway=_at_the_front(found)),
        age_s=found.age_s,
        facts=words.facts(
            (N_("POP"), found.name),
            (N_("Measured from"), found.measured_from or N_("nowhere")),
            (
                N_("Probe worker of the POP"),
                N_("alive") if found.is_worker_alive else N_("gives no sign of life"),
            ),
            (N_("Gateway"), found.gateway),
            (N_("Ping of the gateway"), words.echoes(found.gateway_ping)),
            (N_("SNMP of the gateway"), words.snmp(found.gateway_snmp)),
        ),
    )


def _at_the_front(found: PopEvidence) -> Text:
    """Return the gateway's name as a sentence begins."""
    if not found.gateway:
        return N_("The gateway")
    return words.plain(f"{found.gateway[:1].upper()}{found.gateway[1:]}")


def _worker(found: PopEvidence) -> list[Finding]:
    name = words.plain(found.name) if found.name else N_("the customer")
    if found.measured_from is None:
        return [
            Finding(
                Cause.NOT_MEASURED,
                State.BAD,
                N_("Nothing can be measured: no probe worker near %(pop)s is alive", pop=name),
                Who.NOC,
                N_("We cannot measure from here at the moment. We look at your line by hand and call you."),
                Confidence.LOW,
                (N_("Nothing was measured: this says nothing about the customer's line"),),
            )
        ]
    if found.is_worker_alive:
        return []
    return [
        Finding(
            Cause.MEASURED_ELSEWHERE,
            State.WARNING,
            N_(
                "The probe worker of %(pop)s is dead: measured from %(other)s, "
                "which may reach the customer another way",
                pop=name,
                other=found.measured_from,
            ),
            Who.NOC,
            _WAIT,
            Confidence.LOW,
            is_suspect=False,
        )
    ]


def _gateway(found: PopEvidence, gateway: Text, signs: Signs) -> list[Finding]:
    ping = found.gateway_ping
    if found.measured_from is None or isinstance(ping, NotChecked):
        return []
    if ping.is_silent:
        return [_silent_gateway(found, gateway, signs)]
    if ping.loss_percent > 0:
        return [
            Finding(
                Cause.GATEWAY_LOSS,
                State.WARNING,
                N_(
                    "%(share)s of the echoes to %(gateway)s are lost already",
                    share=words.percent(ping.loss_percent),
                    gateway=gateway,
                ),
                Who.NOC,
                _OURS,
                Confidence.MEDIUM if ping.sent >= 10 else Confidence.LOW,
            )
        ]
    return []


def _silent_gateway(found: PopEvidence, gateway: Text, signs: Signs) -> Finding:
    snmp = found.gateway_snmp
    if snmp == "answered":
        return Finding(
            Cause.GATEWAY_SILENT,
            State.GOOD,
            N_("%(gateway)s answers SNMP, though not ping", gateway=gateway),
            is_suspect=False,
        )
    if signs.answers_through_gateway:
        return Finding(
            Cause.GATEWAY_SILENT,
            State.WARNING,
            N_("%(gateway)s does not answer, but carries the customer's packets", gateway=gateway),
            Who.NOC,
            is_suspect=False,
        )
    doubts = []
    if signs.answers:
        doubts.append(N_("The customer answers on the probe's own segment, which does not pass the gateway"))
    # A refusal is an answer: somebody is there.
    if snmp in ("refused", "denied"):
        doubts.append(N_("It refuses SNMP, so it is there: it may only drop ping"))
    elif snmp != "silent":
        doubts.append(N_("Only ping was tried, which it may drop"))
    first = _at_the_front(found)
    if snmp == "silent":
        text = N_("%(gateway)s does not answer, neither ping nor SNMP", gateway=first)
    else:
        text = N_("%(gateway)s does not answer", gateway=first)
    return Finding(
        Cause.GATEWAY_SILENT,
        State.BAD,
        text,
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
        return unchecked(
            StageKey.DEVICE, ping.why if isinstance(ping, NotChecked) else N_("no echo was sent")
        )
    if is_answered:
        good = N_("%(device)s answers", device=found.name)
    else:
        good = N_("%(device)s answers SNMP, though not ping", device=found.name)
    return stage(
        StageKey.DEVICE,
        findings,
        good=good,
        age_s=found.age_s,
        facts=words.facts(
            (N_("Device"), found.name),
            (N_("Ping"), words.echoes(ping)),
            (N_("SNMP"), words.snmp(snmp)),
            (N_("Up for"), words.span(found.uptime_s)),
            *((N_("Behind %(device)s", device=one.name), _parent(one.is_dead)) for one in found.parents),
        ),
    )


def _parent(is_dead: bool | None) -> Text:
    if is_dead is None:
        return N_("not known")
    return N_("dead") if is_dead else N_("answers")


def _silent(evidence: Evidence, found: DeviceEvidence, signs: Signs) -> Finding:
    """The device does not answer: behind a dead parent, dead itself, or only deaf at its own address."""
    if signs.answers or signs.device_carries:
        return Finding(
            Cause.DEVICE_SILENT,
            State.WARNING,
            N_(
                "%(device)s does not answer at its own address, but carries its customers' packets",
                device=found.name,
            ),
            Who.NOC,
            is_suspect=False,
        )
    # The parent nearest to the POP is the root: what lies behind it cannot be told apart from here.
    dead = [one for one in found.parents if one.is_dead]
    if dead:
        text = N_("%(device)s is dead", device=dead[-1].name)
        text = words.since(text, evidence.taken_at, dead[-1].dead_for_s)
        return Finding(
            Cause.PARENT_DEAD,
            State.BAD,
            N_("%(what)s, and %(device)s is behind it", what=text, device=found.name),
            Who.NOC,
            _OURS,
        )
    doubts = []
    if isinstance(found.snmp, NotChecked):
        doubts.append(N_("Only ping was tried, which it may drop"))
    if isinstance(found.ping, NotChecked):
        doubts.append(N_("Only SNMP was tried: the credentials may be wrong"))
    if signs.is_learned and signs.is_heard:
        doubts.append(N_("The customer's MAC answered just now"))
    text = N_("%(device)s does not answer", device=found.name)
    return Finding(
        Cause.DEVICE_SILENT,
        State.BAD,
        words.since(text, evidence.taken_at, found.dead_for_s),
        Who.NOC,
        _OURS,
        doubts=tuple(doubts),
    )


def _oddities(found: DeviceEvidence, ping: PingEvidence | NotChecked) -> list[Finding]:
    """Return what is odd about a device that answers."""
    findings = []
    uptime, length = words.known(found.uptime_s), words.span(found.uptime_s)
    if uptime is not None and length is not None and uptime < RESTARTED_S:
        text = N_("%(device)s restarted %(span)s ago", device=found.name, span=length)
        say = N_("Our equipment near you has just restarted. Please try again now.")
        findings.append(Finding(Cause.DEVICE_RESTARTED, State.WARNING, text, Who.NOC, say, Confidence.MEDIUM))
    if not isinstance(ping, NotChecked) and ping.is_answered and ping.loss_percent > 0:
        text = N_(
            "%(share)s of the echoes to %(device)s are lost",
            share=words.percent(ping.loss_percent),
            device=found.name,
        )
        findings.append(Finding(Cause.DEVICE_LOSS, State.WARNING, text, Who.NOC, _WAIT, Confidence.LOW))
    return [*findings, *_notes(found)]


def _notes(found: DeviceEvidence) -> list[Finding]:
    """Return what is worth knowing of a device that answers, though it explains no complaint."""
    notes = []
    refusals = {
        "silent": N_("%(device)s answers ping but not SNMP: its port cannot be read", device=found.name),
        "refused": N_("%(device)s answers ping but refuses SNMP: its port cannot be read", device=found.name),
        "denied": N_(
            "%(device)s answers ping but denies our SNMP credentials: its port cannot be read",
            device=found.name,
        ),
    }
    if isinstance(found.snmp, str) and found.snmp in refusals:
        text = refusals[found.snmp]
        notes.append(Finding(Cause.DEVICE_UNREADABLE, State.WARNING, text, Who.NOC, is_suspect=False))
    dead = [one.name for one in found.parents if one.is_dead]
    if dead:
        text = N_(
            "%(parent)s does not answer, though %(device)s behind it does", parent=dead[-1], device=found.name
        )
        notes.append(Finding(Cause.PARENT_DEAD, State.WARNING, text, Who.NOC, is_suspect=False))
    return notes
