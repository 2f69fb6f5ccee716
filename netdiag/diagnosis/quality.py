"""The quality of a line that answers: loss, large packets, jitter, round trips, against its own baseline."""

from netdiag.diagnosis import words
from netdiag.diagnosis.evidence import AddressEvidence, BaselineEvidence, Evidence, NotChecked, PingEvidence
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
from netdiag.text import N_, Private, Text, Value

LOSS_PERCENT = 5.0
ENOUGH_SENT = 10
JITTER_MS = 30.0
RTT_MS = 150.0
_TIMES, _MORE_MS = 2.0, 20.0
_LOSS = N_("Packets are lost on your line. We measure further and send a technician if need be.")
_SLOW = N_("Your line answers slowly at the moment. Is a large download or upload running?")
_LARGE = N_(
    "Large packets do not get through to you, so some pages hang. That is on our side; we put it right."
)


def quality(evidence: Evidence, _: Signs) -> Stage:
    """Judge the addresses that answer."""
    answering = [one for one in addresses_of(evidence) if is_answered(one)]
    if not answering:
        return unchecked(StageKey.QUALITY, _why(evidence))
    findings: list[Finding] = []
    pairs: list[tuple[Text, Text | str | None]] = []
    usual = None if isinstance(evidence.baseline, NotChecked) else evidence.baseline
    for one in answering:
        if isinstance(one.ping, NotChecked):
            continue
        findings += [*_large(one), *_loss(evidence, one.ping), *_times(one.ping, usual)]
        pairs += [
            (N_("Loss to %(address)s", address=Private(one.address)), words.percent(one.ping.loss_percent)),
            (N_("Round trip"), words.ms(one.ping.rtt_ms)),
            (N_("Jitter"), words.ms(one.ping.jitter_ms)),
            (N_("%(size)s bytes", size=one.large_size), words.echoes(one.large)),
        ]
    if usual is not None:
        pairs += [
            (N_("Round trip on %(day)s", day=_day(usual)), words.ms(usual.rtt_ms)),
            (N_("Jitter then"), words.ms(usual.jitter_ms)),
            (N_("Loss then"), words.percent(usual.loss_percent)),
        ]
    ages = [one.ping.age_s for one in answering if not isinstance(one.ping, NotChecked)]
    age = max((one for one in ages if one is not None), default=None)
    return stage(
        StageKey.QUALITY, findings, good=N_("No loss, quick answers"), age_s=age, facts=words.facts(*pairs)
    )


def _day(usual: BaselineEvidence) -> Value:
    return words.moment(usual.taken_on) if usual.taken_on else N_("a good day")


def _why(evidence: Evidence) -> Text | str:
    found = evidence.addresses
    if isinstance(found, NotChecked):
        return found.why
    if not found.addresses:
        return N_("no IP address is on file")
    if all(isinstance(one.ping, NotChecked) for one in found.addresses):
        return N_("no address was pinged")
    return N_("no address answers")


def _large(one: AddressEvidence) -> list[Finding]:
    large, small = one.large, one.ping
    if isinstance(large, NotChecked) or isinstance(small, NotChecked) or not large.is_silent:
        return []
    # An error that came back is the network doing its work: the sender learns to send less.
    if any(
        "fragment" in said or "too big" in said or "larger" in said for said in map(str.lower, large.reasons)
    ):
        return [
            Finding(
                Cause.LARGE_LOST,
                State.GOOD,
                N_("The path takes less than %(size)s bytes and says so", size=one.large_size),
                is_suspect=False,
            )
        ]
    # Where small ones are lost as well, a few large ones may be lost by chance.
    if small.loss_percent >= LOSS_PERCENT and large.sent < ENOUGH_SENT:
        return []
    doubts = []
    if small.loss_percent > 0:
        doubts.append(N_("Small packets are lost too"))
    if large.sent < 3:
        doubts.append(N_("Only a few large packets were sent"))
    return [
        Finding(
            Cause.LARGE_LOST,
            State.BAD,
            N_(
                "Packets of %(size)s bytes to %(address)s are lost, small ones are not: "
                "a black hole for large packets (MTU)",
                size=one.large_size,
                address=Private(one.address),
            ),
            Who.NOC,
            _LARGE,
            doubts=tuple(doubts),
        )
    ]


def _loss(evidence: Evidence, found: PingEvidence) -> list[Finding]:
    loss = found.loss_percent
    if loss <= 0:
        return []
    text = N_(
        "%(share)s of the echoes are lost (%(received)s of %(sent)s answered)",
        share=words.percent(loss),
        received=found.received,
        sent=found.sent,
    )
    upstream = _upstream(evidence)
    who = Who.FIELD
    if upstream:
        who, text = Who.NOC, N_("%(what)s; they are lost at %(device)s already", what=text, device=upstream)
    is_sure = found.sent >= ENOUGH_SENT and loss >= LOSS_PERCENT
    doubts = () if upstream or not _is_unread(evidence) else (N_("The port's errors were not read"),)
    return [
        Finding(
            Cause.LOSS,
            State.BAD if is_sure else State.WARNING,
            text,
            who,
            _LOSS,
            Confidence.HIGH if is_sure else Confidence.LOW,
            doubts,
        )
    ]


def _is_unread(evidence: Evidence) -> bool:
    return isinstance(evidence.port, NotChecked) and isinstance(evidence.onu, NotChecked)


def _upstream(evidence: Evidence) -> Text | None:
    """Return where the loss begins before the customer, if it does."""
    pop, device = evidence.pop, evidence.device
    if not isinstance(pop, NotChecked) and _is_lossy(pop.gateway_ping):
        return words.plain(pop.gateway) if pop.gateway else N_("the gateway")
    if not isinstance(device, NotChecked) and _is_lossy(device.ping):
        return words.plain(device.name)
    return None


def _is_lossy(ping: PingEvidence | NotChecked) -> bool:
    return not isinstance(ping, NotChecked) and ping.is_answered and ping.loss_percent > 0


def _trips(found: PingEvidence) -> Text:
    return N_("Round trips take %(time)s", time=words.ms(found.rtt_ms, 1))


def _jitter(found: PingEvidence) -> Text:
    return N_("The jitter is %(time)s", time=words.ms(found.jitter_ms, 1))


def _times(found: PingEvidence, usual: BaselineEvidence | None) -> list[Finding]:
    findings = []
    for cause, told, value, limit, before in (
        (Cause.SLOW_ANSWERS, _trips(found), found.rtt_ms, RTT_MS, usual.rtt_ms if usual else None),
        (Cause.JITTER, _jitter(found), found.jitter_ms, JITTER_MS, usual.jitter_ms if usual else None),
    ):
        now, then = words.known(value), words.known(before)
        if now is None:
            continue
        is_worse = then is not None and now > max(0.0, then) * _TIMES and now - then > _MORE_MS
        # Who was always slow (a radio link, a satellite) is not slow today.
        is_usual = then is not None and not is_worse
        if is_worse or (now > limit and not is_usual):
            text = told
            if is_worse:
                text = N_("%(what)s, %(before)s on a good day", what=told, before=words.ms(then, 1))
            sure = Confidence.MEDIUM if is_worse else Confidence.LOW
            findings.append(Finding(cause, State.WARNING, text, Who.NOC, _SLOW, sure))
    return findings
