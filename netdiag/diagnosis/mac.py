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
from netdiag.text import N_, NN_, Private, Text, Value, joined

_REBOOT = N_("Your line is connected, but your router sends nothing. Please switch it off and on again.")
_PLUGGED = N_("Another device than the one we know is connected. Did you change your router?")
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
        good = N_("The MAC on file is on the port on file")
    else:
        findings = _not_there(evidence, found, signs)
        good = N_("A device is seen on the port") if on_port else N_("A MAC is known")
        if not findings and not on_port:
            return unchecked(StageKey.MAC, _why(found))
    return stage(
        StageKey.MAC,
        findings,
        good=good,
        age_s=found.age_s,
        facts=words.facts(
            (N_("MACs on file"), words.plain(words.private(found.on_file)) if found.on_file else words.NONE),
            (N_("On the port"), _listed(found.on_port, dict(found.owners))),
            *((N_("Uplink") if one.is_uplink else N_("Seen on"), _place(one)) for one in places),
            (N_("Searched elsewhere"), None if places else _searched(found)),
        ),
    )


def _why(found: MacEvidence) -> Text | str:
    for part in (found.on_port, found.places):
        if isinstance(part, NotChecked):
            return part.why
    return N_("no MAC is on file, and the port was not read")


def _searched(found: MacEvidence) -> Text:
    return words.not_checked(found.places) if isinstance(found.places, NotChecked) else N_("nowhere")


def _listed(macs: tuple[str, ...] | NotChecked, owners: Mapping[str, Text | str]) -> Text:
    if isinstance(macs, NotChecked):
        return words.not_checked(macs)
    return words.plain(joined(owned(one, owners) for one in macs[:8])) if macs else words.NONE


def owned(mac: str, owners: Mapping[str, Text | str]) -> Value:
    """Return a MAC with whose it is, where that is known."""
    if mac not in owners:
        return Private(mac)
    return N_("%(mac)s (%(owner)s)", mac=Private(mac), owner=words.told(owners[mac]))


def _place(one: MacPlace) -> Text:
    name = f"{one.device} {one.port}".strip()
    return words.plain(name) if name else N_("a port")


def _is_silent(evidence: Evidence) -> bool:
    """Whether every address that was pinged is silent, and one was."""
    pinged = [one for one in addresses_of(evidence) if not isinstance(one.ping, NotChecked)]
    return bool(pinged) and not any(is_answered(one) for one in pinged)


def _not_there(evidence: Evidence, found: MacEvidence, signs: Signs) -> list[Finding]:
    places = () if isinstance(found.places, NotChecked) else found.places
    if signs.elsewhere and found.on_file:
        return [_elsewhere(signs.elsewhere[0], is_dead=not signs.answers)]
    if places and all(place.is_uplink for place in places):
        text = N_(
            "The MAC on file is seen only behind the uplink %(port)s: the customer is on another switch",
            port=_place(places[0]),
        )
        return [
            Finding(
                Cause.MAC_BEHIND_UPLINK,
                State.WARNING,
                text,
                Who.NOC,
                N_("We check on which switch your line is and call you back."),
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
        N_("The MAC on file is on %(port)s, not on the port on file", port=_place(place)),
        Who.NOC,
        N_("Your line is plugged into another port than we have on file. We put that right."),
        Confidence.MEDIUM,
    )


def _other(evidence: Evidence, found: MacEvidence, on_port: tuple[str, ...]) -> list[Finding]:
    """The port has learned MACs, none of them on file."""
    if found.port_is_shared:
        return _absent_on_shared(evidence)
    owners = dict(found.owners)
    seen = Private(on_port[0])
    if len(on_port) > 1:
        text = NN_(
            "Another MAC than the one on file is on the port: %(count)s other",
            "Another MAC than the one on file is on the port: %(count)s others",
            len(on_port),
        )
    elif on_port[0] in owners:
        text = N_(
            "Another MAC than the one on file is on the port: %(mac)s, which is %(owner)s",
            mac=seen,
            owner=words.told(owners[on_port[0]]),
        )
    else:
        text = N_("Another MAC than the one on file is on the port: %(mac)s", mac=seen)
    is_dead = _is_silent(evidence)
    return [
        Finding(
            Cause.MAC_OTHER,
            State.BAD if is_dead else State.WARNING,
            text,
            Who.NOC,
            _PLUGGED,
            Confidence.HIGH if is_dead and len(on_port) == 1 else Confidence.MEDIUM,
        ),
    ]


def _absent_on_shared(evidence: Evidence) -> list[Finding]:
    if not _is_silent(evidence):
        return []
    text = N_("The port is shared, and the customer's MAC is not among those on it")
    return [Finding(Cause.MAC_ABSENT, State.BAD, text, Who.CUSTOMER, _REBOOT, Confidence.MEDIUM)]


def _absent(evidence: Evidence, signs: Signs) -> list[Finding]:
    """The port has learned no MAC at all."""
    if signs.answers or signs.is_heard:
        text = N_(
            "The port on file has learned no MAC, yet the customer answers: the port on file is likely wrong"
        )
        return [Finding(Cause.PORT_WRONG, State.WARNING, text, Who.NOC, None, Confidence.MEDIUM)]
    port = evidence.port
    is_up = not isinstance(port, NotChecked) and port.oper == "up"
    is_dead = _is_silent(evidence)
    if is_up:
        text = N_("The port has a link, but no device is heard on it")
    else:
        text = N_("No device is heard on the port")
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
    text = NN_(
        "%(count)s MAC is on the port: a switch or a loop instead of one router",
        "%(count)s MACs are on the port: a switch or a loop instead of one router",
        len(on_port),
    )
    say = N_("Is the cable from us in the WAN socket of your router, not in a LAN socket?")
    return [Finding(Cause.MAC_MANY, State.WARNING, text, Who.CUSTOMER, say, Confidence.LOW)]
