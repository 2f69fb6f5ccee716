"""Whether the customer's IP addresses answer, with whose MAC, and what silence may mean."""

from netdiag.diagnosis import words
from netdiag.diagnosis.evidence import (
    AddressesEvidence,
    AddressEvidence,
    Evidence,
    MacAnswer,
    NotChecked,
    SessionEvidence,
)
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
from netdiag.diagnosis.signs import Signs, is_answered

_REBOOT = "Your router does not answer. Please switch it off, wait half a minute and switch it on again."
_FINE = "Your router is connected to us. If pages do not open, please restart it and try with a cable."
_CLASH = "Two devices use your address. We find the other one and call you back."
_OURS = "There is a fault in our network on the way to you. We are working on it."


def address(evidence: Evidence, signs: Signs) -> Stage:
    """Judge every address; one that answers is enough to call the line alive."""
    found = evidence.addresses
    if isinstance(found, NotChecked):
        return unchecked(StageKey.ADDRESS, found.why)
    session = _session(found, evidence, signs)
    pinged = [one for one in found.addresses if not isinstance(one.ping, NotChecked) and one.ping.sent > 0]
    findings = list(session)
    for one in found.addresses:
        findings += _macs(one)
    answering = [one for one in pinged if is_answered(one)]
    silent = [one for one in pinged if not is_answered(one)]
    if answering:
        findings += [_some(one) for one in silent]
    else:
        findings += [_silent(one, signs) for one in silent]
    if not findings and not answering:
        return unchecked(StageKey.ADDRESS, _why(found))
    good = f"{answering[0].address} answers" if answering else "The address is in use"
    return stage(StageKey.ADDRESS, findings, good=good, age_s=found.age_s, facts=_facts(found))


def _why(found: AddressesEvidence) -> str:
    if not found.addresses:
        return "no IP address is on file"
    first = found.addresses[0].ping
    return first.why if isinstance(first, NotChecked) else "no echo was sent"


def _facts(found: AddressesEvidence) -> list[Fact]:
    pairs: list[tuple[str, str | None]] = []
    for one in found.addresses:
        pairs += [(f"Ping {one.address}", words.echoes(one.ping)), (f"MAC of {one.address}", _answer(one))]
    if isinstance(found.session, SessionEvidence):
        told = f"{found.session.state} {found.session.words}".strip()
        pairs.append((found.session.kind or "Session", told))
    return words.facts(*pairs)


def _answer(one: AddressEvidence) -> str:
    if isinstance(one.answer, NotChecked):
        return f"not checked: {one.answer.why}"
    text = ", ".join(one.answer.macs) or "none"
    on_file = f"; on file {one.mac_on_file}" if one.mac_on_file else ""
    return f"{text} ({one.answer.method}){on_file}" if one.answer.method else f"{text}{on_file}"


def _session(found: AddressesEvidence, evidence: Evidence, signs: Signs) -> list[Finding]:
    session = found.session
    if isinstance(session, NotChecked) or session.state == "active" or signs.answers:
        return []
    more = f": {session.words}" if session.words else ""
    what = "was refused" if session.state == "refused" else "has none"
    since = words.since(evidence.taken_at, session.since_s)
    return [
        Finding(
            Cause.NO_LEASE,
            State.BAD,
            f"{session.kind or 'Session'}: the router {what}{since}{more}",
            Who.NOC if session.state == "refused" else Who.CUSTOMER,
            "Your router has no address from us. Please restart it; if that does not help we look into it.",
            Confidence.MEDIUM,
        )
    ]


def _macs(one: AddressEvidence) -> list[Finding]:
    """Judge who answers for the address: two at once, somebody else, or another device than on file."""
    answer = one.answer
    if isinstance(answer, NotChecked) or not answer.macs:
        return []
    macs = tuple(dict.fromkeys(answer.macs))
    owners = dict(one.owners)
    if len(macs) > 1:
        named = ", ".join(f"{mac} ({owners[mac]})" if mac in owners else mac for mac in macs[:4])
        text = f"{len(macs)} devices use {one.address} at the same time: {named}"
        sure = Confidence.HIGH if answer.is_live else Confidence.MEDIUM
        return [Finding(Cause.DUPLICATE_ADDRESS, State.BAD, text, Who.NOC, _CLASH, sure)]
    if one.mac_on_file and macs[0] != one.mac_on_file:
        whose = owners.get(macs[0])
        text = f"{one.address} answers from {macs[0]}, not from the MAC on file"
        if whose:
            return [
                Finding(
                    Cause.FOREIGN_MAC,
                    State.BAD,
                    f"{text}: it is {whose}",
                    Who.NOC,
                    _CLASH,
                    _sure(answer),
                )
            ]
        say = "Did you change your router? Then we enter the new one."
        return [Finding(Cause.FOREIGN_MAC, State.WARNING, text, Who.NOC, say, Confidence.MEDIUM)]
    return []


def _sure(answer: MacAnswer) -> Confidence:
    return Confidence.HIGH if answer.is_live else Confidence.MEDIUM


def _some(one: AddressEvidence) -> Finding:
    text = f"{one.address} does not answer, though another address of the customer does"
    return Finding(Cause.SOME_SILENT, State.WARNING, text, Who.CUSTOMER, _REBOOT, Confidence.LOW)


def _silent(one: AddressEvidence, signs: Signs) -> Finding:
    """Say what the silence of an address means, as far as it can be known."""
    refusal = _refusal(one)
    if refusal is not None:
        return refusal
    answer = None if isinstance(one.answer, NotChecked) else one.answer
    if answer is not None and answer.macs and answer.is_live:
        text = f"{one.address} is there, its MAC answers, but it drops ping"
        return Finding(Cause.ECHO_DROPPED, State.WARNING, text, Who.NOBODY, _FINE, Confidence.MEDIUM)
    if (answer is not None and answer.macs) or signs.is_learned:
        text = f"{one.address} does not answer ping; its MAC is in a table, so it was there minutes ago"
        return Finding(Cause.ECHO_DROPPED, State.WARNING, text, Who.CUSTOMER, _REBOOT, Confidence.LOW)
    if answer is None:
        text = f"{one.address} does not answer ping, and its MAC could not be looked for"
        doubts = ("It may be there and drop ping: no answer alone does not mean down",)
        return Finding(
            Cause.ADDRESS_SILENT, State.WARNING, text, Who.CUSTOMER, _REBOOT, Confidence.LOW, doubts
        )
    text = f"Nobody answers for {one.address}, neither ping nor with a MAC"
    return Finding(Cause.ADDRESS_SILENT, State.BAD, text, Who.CUSTOMER, _REBOOT, Confidence.MEDIUM)


def _refusal(one: AddressEvidence) -> Finding | None:
    """Return what a router on the way said instead of a reply (RFC 792)."""
    reasons = () if isinstance(one.ping, NotChecked) else one.ping.reasons
    for reason in reasons:
        said = reason.lower()
        if "filtered" in said or "prohibited" in said:
            text = f"The way to {one.address} is closed by a filter: {reason}"
            return Finding(Cause.FILTERED, State.BAD, text, Who.NOC, _OURS, Confidence.MEDIUM)
        if "exceeded" in said:
            text = f"Packets to {one.address} run in a circle: {reason}"
            return Finding(Cause.LOOP, State.BAD, text, Who.NOC, _OURS, Confidence.HIGH)
        if "no route" in said or "network un" in said:
            text = f"There is no route to {one.address}: {reason}"
            return Finding(Cause.UNREACHABLE, State.BAD, text, Who.NOC, _OURS, Confidence.MEDIUM)
        if "host un" in said:
            text = f"The last router finds nobody at {one.address}: {reason}"
            return Finding(Cause.ADDRESS_SILENT, State.BAD, text, Who.CUSTOMER, _REBOOT, Confidence.MEDIUM)
    return None
