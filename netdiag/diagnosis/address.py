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
from netdiag.diagnosis.mac import owned
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
from netdiag.text import N_, NN_, Private, Text, joined

_REBOOT = N_("Your router does not answer. Please switch it off, wait half a minute and switch it on again.")
_FINE = N_("Your router is connected to us. If pages do not open, please restart it and try with a cable.")
_CLASH = N_("Two devices use your address. We find the other one and call you back.")
_OURS = N_("There is a fault in our network on the way to you. We are working on it.")


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
    if answering:
        good = N_("%(address)s answers", address=Private(answering[0].address))
    else:
        good = N_("The address is in use")
    return stage(StageKey.ADDRESS, findings, good=good, age_s=found.age_s, facts=_facts(found))


def _why(found: AddressesEvidence) -> Text | str:
    if not found.addresses:
        return N_("no IP address is on file")
    first = found.addresses[0].ping
    return first.why if isinstance(first, NotChecked) else N_("no echo was sent")


def _facts(found: AddressesEvidence) -> list[Fact]:
    pairs: list[tuple[Text, Text | str | None]] = []
    for one in found.addresses:
        pairs += [
            (N_("Ping %(address)s", address=Private(one.address)), words.echoes(one.ping)),
            (N_("MAC of %(address)s", address=Private(one.address)), _answer(one)),
        ]
    if isinstance(found.session, SessionEvidence):
        pairs.append((_kind(found.session), _told(found.session)))
    else:
        pairs.append((N_("Session"), words.not_checked(found.session)))
    return words.facts(*pairs)


def _kind(session: SessionEvidence) -> Text:
    if isinstance(session.kind, Text):
        return session.kind
    return words.plain(session.kind) if session.kind else N_("Session")


def _told(session: SessionEvidence) -> Text:
    states = {"active": N_("active"), "none": N_("no session"), "refused": N_("refused")}
    state = states[session.state]
    return N_("%(what)s: %(more)s", what=state, more=words.told(session.words)) if session.words else state


def _answer(one: AddressEvidence) -> Text:
    if isinstance(one.answer, NotChecked):
        return words.not_checked(one.answer)
    text = words.plain(words.private(one.answer.macs)) if one.answer.macs else words.NONE
    if one.answer.method:
        text = N_("%(macs)s (%(method)s)", macs=text, method=one.answer.method)
    if one.mac_on_file:
        text = N_("%(macs)s; on file %(mac)s", macs=text, mac=Private(one.mac_on_file))
    return text


def _session(found: AddressesEvidence, evidence: Evidence, signs: Signs) -> list[Finding]:
    session = found.session
    if isinstance(session, NotChecked) or session.state == "active" or signs.answers:
        return []
    if session.state == "refused":
        text = N_("%(session)s: the router was refused", session=_kind(session))
    else:
        text = N_("%(session)s: the router has none", session=_kind(session))
    text = words.since(text, evidence.taken_at, session.since_s)
    if session.words:
        text = N_("%(what)s: %(more)s", what=text, more=words.told(session.words))
    return [
        Finding(
            Cause.NO_LEASE,
            State.BAD,
            text,
            Who.NOC if session.state == "refused" else Who.CUSTOMER,
            N_(
                "Your router has no address from us. Please restart it; "
                "if that does not help we look into it."
            ),
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
        text = NN_(
            "%(count)s device uses %(address)s at the same time: %(macs)s",
            "%(count)s devices use %(address)s at the same time: %(macs)s",
            len(macs),
            address=Private(one.address),
            macs=joined(owned(mac, owners) for mac in macs[:4]),
        )
        sure = Confidence.HIGH if answer.is_live else Confidence.MEDIUM
        return [Finding(Cause.DUPLICATE_ADDRESS, State.BAD, text, Who.NOC, _CLASH, sure)]
    if one.mac_on_file and macs[0] != one.mac_on_file:
        whose = owners.get(macs[0])
        text = N_(
            "%(address)s answers from %(mac)s, not from the MAC on file",
            address=Private(one.address),
            mac=Private(macs[0]),
        )
        if whose:
            return [
                Finding(
                    Cause.FOREIGN_MAC,
                    State.BAD,
                    N_("%(what)s: it is %(owner)s", what=text, owner=words.told(whose)),
                    Who.NOC,
                    _CLASH,
                    _sure(answer),
                )
            ]
        say = N_("Did you change your router? Then we enter the new one.")
        return [Finding(Cause.FOREIGN_MAC, State.WARNING, text, Who.NOC, say, Confidence.MEDIUM)]
    return []


def _sure(answer: MacAnswer) -> Confidence:
    return Confidence.HIGH if answer.is_live else Confidence.MEDIUM


def _some(one: AddressEvidence) -> Finding:
    text = N_(
        "%(address)s does not answer, though another address of the customer does",
        address=Private(one.address),
    )
    return Finding(Cause.SOME_SILENT, State.WARNING, text, Who.CUSTOMER, _REBOOT, Confidence.LOW)


def _silent(one: AddressEvidence, signs: Signs) -> Finding:
    """Say what the silence of an address means, as far as it can be known."""
    refusal = _refusal(one)
    if refusal is not None:
        return refusal
    answer = None if isinstance(one.answer, NotChecked) else one.answer
    address = Private(one.address)
    if answer is not None and answer.macs and answer.is_live:
        text = N_("%(address)s is there, its MAC answers, but it drops ping", address=address)
        return Finding(Cause.ECHO_DROPPED, State.WARNING, text, Who.NOBODY, _FINE, Confidence.MEDIUM)
    if (answer is not None and answer.macs) or signs.is_learned:
        text = N_(
            "%(address)s does not answer ping; its MAC is in a table, so it was there minutes ago",
            address=address,
        )
        return Finding(Cause.ECHO_DROPPED, State.WARNING, text, Who.CUSTOMER, _REBOOT, Confidence.LOW)
    if answer is None:
        text = N_("%(address)s does not answer ping, and its MAC could not be looked for", address=address)
        doubts = (N_("It may be there and drop ping: no answer alone does not mean down"),)
        return Finding(
            Cause.ADDRESS_SILENT, State.WARNING, text, Who.CUSTOMER, _REBOOT, Confidence.LOW, doubts
        )
    text = N_("Nobody answers for %(address)s, neither ping nor with a MAC", address=address)
    return Finding(Cause.ADDRESS_SILENT, State.BAD, text, Who.CUSTOMER, _REBOOT, Confidence.MEDIUM)


def _refusal(one: AddressEvidence) -> Finding | None:
    """Return what a router on the way said instead of a reply (RFC 792)."""
    reasons = () if isinstance(one.ping, NotChecked) else one.ping.reasons
    for reason in reasons:
        said, told = reason.lower(), {"address": Private(one.address), "reason": Private(reason)}
        if "filtered" in said or "prohibited" in said:
            text = N_("The way to %(address)s is closed by a filter: %(reason)s", **told)
            return Finding(Cause.FILTERED, State.BAD, text, Who.NOC, _OURS, Confidence.MEDIUM)
        if "exceeded" in said:
            text = N_("Packets to %(address)s run in a circle: %(reason)s", **told)
            return Finding(Cause.LOOP, State.BAD, text, Who.NOC, _OURS, Confidence.HIGH)
        if "no route" in said or "network un" in said:
            text = N_("There is no route to %(address)s: %(reason)s", **told)
            return Finding(Cause.UNREACHABLE, State.BAD, text, Who.NOC, _OURS, Confidence.MEDIUM)
        if "host un" in said:
            text = N_("The last router finds nobody at %(address)s: %(reason)s", **told)
            return Finding(Cause.ADDRESS_SILENT, State.BAD, text, Who.CUSTOMER, _REBOOT, Confidence.MEDIUM)
    return None
