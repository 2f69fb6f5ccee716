"""The MAC: whether the customer's device is seen where the records say it is."""

from collections.abc import Mapping

from netdiag.diagnosis import words
from netdiag.diagnosis.evidence import Evidence, MacEvidence, MacPlace, NotChecked
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
from netdiag.diagnosis.signs import Signs, addresses_of, is_answered

_REBOOT = "Your line is connected, but your router sends nothing. Please switch it off and on again."
_PLUGGED = "Another device than the one we know is connected. Did you change your router?"
MANY = 4


def mac(evidence: Evidence, signs: Signs) -> Stage:
    """Judge which MACs the port on file has learned, and where those on file are."""
    found = evidence.mac
    if isinstance(found, NotChecked):
        return unchecked(StageKey.MAC, found.why)
    places = () if isinstance(found.places, NotChecked) else found.places
    on_port = None if isinstance(found.on_port, NotChecked) else found.on_port
    known = set(found.on_file)
    is_there = any(place.is_on_file for place in places) or (
        on_port is not None and bool(known & set(on_port))
    )
    if is_there:
        findings = _many(found, on_port or ())
        good = "The MAC on file is on the port on file"
    else:
        findings = _not_there(evidence, found, signs)
        good = "A device is seen on the port" if on_port else "A MAC is known"
        if not findings and not on_port:
            return unchecked(StageKey.MAC, _why(found))
    return stage(
        StageKey.MAC,
        findings,
        good=good,
        age_s=found.age_s,
        facts=words.facts(
            ("MACs on file", ", ".join(found.on_file) or "none"),
            ("On the port", _listed(found.on_port, dict(found.owners))),
            *((f"{'Uplink' if one.is_uplink else 'Seen on'}", _place(one)) for one in places),
            ("Searched elsewhere", None if places else _searched(found)),
        ),
    )


def _why(found: MacEvidence) -> str:
    for part in (found.on_port, found.places):
        if isinstance(part, NotChecked):
            return part.why
    return "no MAC is on file, and the port was not read"


def _searched(found: MacEvidence) -> str:
    return f"not checked: {found.places.why}" if isinstance(found.places, NotChecked) else "nowhere"


def _listed(macs: tuple[str, ...] | NotChecked, owners: Mapping[str, str]) -> str:
    if isinstance(macs, NotChecked):
        return f"not checked: {macs.why}"
    return ", ".join(f"{one} ({owners[one]})" if one in owners else one for one in macs[:8]) or "none"


def _place(one: MacPlace) -> str:
    return f"{one.device} {one.port}".strip() or "a port"


def _is_silent(evidence: Evidence) -> bool:
    """Whether every address that was pinged is silent, and one was."""
    pinged = [one for one in addresses_of(evidence) if not isinstance(one.ping, NotChecked)]
    return bool(pinged) and not any(is_answered(one) for one in pinged)


def _not_there(evidence: Evidence, found: MacEvidence, signs: Signs) -> list[Finding]:
    places = () if isinstance(found.places, NotChecked) else found.places
    if signs.elsewhere and found.on_file:
        return [_elsewhere(signs.elsewhere[0], is_dead=not signs.answers)]
    if places and all(place.is_uplink for place in places):
        where = _place(places[0])
        text = f"The MAC on file is seen only behind the uplink {where}: the customer is on another switch"
        return [
            Finding(
                Cause.MAC_BEHIND_UPLINK,
                State.WARNING,
                text,
                Who.NOC,
                "We check on which switch your line is and call you back.",
                Confidence.MEDIUM,
            )
        ]
    if isinstance(found.on_port, NotChecked):
        return []
    if found.on_port and found.on_file:
        return _other(evidence, found, found.on_port)
    if found.on_port:
        return _many(found, found.on_port)
    return _absent(evidence, signs)


def _elsewhere(place: MacPlace, *, is_dead: bool) -> Finding:
    return Finding(
        Cause.MAC_ELSEWHERE,
        State.BAD if is_dead else State.WARNING,
        f"The MAC on file is on {_place(place)}, not on the port on file",
        Who.NOC,
        "Your line is plugged into another port than we have on file. We put that right.",
        Confidence.MEDIUM,
    )


def _other(evidence: Evidence, found: MacEvidence, on_port: tuple[str, ...]) -> list[Finding]:
    """The port has learned MACs, none of them on file."""
    if found.port_is_shared:
        return _absent_on_shared(evidence)
    owners = dict(found.owners)
    seen = on_port[0] if len(on_port) == 1 else f"{len(on_port)} others"
    whose = f", which is {owners[on_port[0]]}" if len(on_port) == 1 and on_port[0] in owners else ""
    is_dead = _is_silent(evidence)
    return [
        Finding(
            Cause.MAC_OTHER,
            State.BAD if is_dead else State.WARNING,
            f"Another MAC than the one on file is on the port: {seen}{whose}",
            Who.NOC,
            _PLUGGED,
            Confidence.HIGH if is_dead and len(on_port) == 1 else Confidence.MEDIUM,
        ),
    ]


def _absent_on_shared(evidence: Evidence) -> list[Finding]:
    if not _is_silent(evidence):
        return []
    text = "The port is shared, and the customer's MAC is not among those on it"
    return [Finding(Cause.MAC_ABSENT, State.BAD, text, Who.CUSTOMER, _REBOOT, Confidence.MEDIUM)]


def _absent(evidence: Evidence, signs: Signs) -> list[Finding]:
    """The port has learned no MAC at all."""
    if signs.answers or signs.is_heard:
        text = (
            "The port on file has learned no MAC, yet the customer answers: the port on file is likely wrong"
        )
        return [Finding(Cause.PORT_WRONG, State.WARNING, text, Who.NOC, "", Confidence.MEDIUM)]
    port = evidence.port
    is_up = not isinstance(port, NotChecked) and port.oper == "up"
    is_dead = _is_silent(evidence)
    text = "The port has a link, but no device is heard on it" if is_up else "No device is heard on the port"
    return [
        Finding(
            Cause.MAC_ABSENT,
            State.BAD if is_dead else State.WARNING,
            text,
            Who.CUSTOMER,
            _REBOOT,
            Confidence.MEDIUM if is_dead else Confidence.LOW,
        )
    ]


def _many(found: MacEvidence, on_port: tuple[str, ...]) -> list[Finding]:
    if found.port_is_shared or len(on_port) < MANY:
        return []
    text = f"{len(on_port)} MACs are on the port: a switch or a loop instead of one router"
    say = "Is the cable from us in the WAN socket of your router, not in a LAN socket?"
    return [Finding(Cause.MAC_MANY, State.WARNING, text, Who.CUSTOMER, say, Confidence.LOW)]
