"""The customer's ONU: online or not and why it went, and the level of its light."""

from netdiag.diagnosis import words
from netdiag.diagnosis.evidence import Evidence, NotChecked, OnuEvidence
from netdiag.diagnosis.outcome import Cause, Confidence, Fact, Finding, State, Who
from netdiag.diagnosis.signs import ONLINE, Signs, groups_of
from netdiag.text import N_, Private, Text, joined

# Below BAD_DBM or above STRONG_DBM the light is bad, from there to POOR_DBM poor.
BAD_DBM, POOR_DBM, STRONG_DBM = -27.0, -25.0, 0.0
DROPPED_DB = 3.0
_UNKNOWN = frozenset({"unknown", ""})
_POWER = N_("Your optical terminal has no power. Please check that it is plugged in and switched on.")
_FIBRE = N_("The light on your fibre is gone. A technician will repair it; you need do nothing.")
_LEVEL = N_("The light on your fibre is weak. A technician will clean or repair it.")


def facts(found: OnuEvidence) -> list[Fact]:
    """Return what is known of the ONU, line by line."""
    return words.facts(
        (N_("ONU"), _name(found)),
        (N_("State"), found.state),
        (N_("Last went down by"), found.down_cause_words or found.down_cause),
        (N_("Down for"), words.span(found.down_for_s)),
        (N_("Level at the ONU"), words.dbm(found.rx_dbm)),
        (N_("Level at the OLT"), words.dbm(found.olt_rx_dbm)),
        (N_("Distance"), words.metres(found.distance_m)),
    )


def _name(found: OnuEvidence) -> Text:
    return words.plain(joined([*([found.device] if found.device else []), Private(found.name)], " "))


def light(level_dbm: float) -> tuple[State, str]:
    """Return how a received level is to be taken, and in one word."""
    if level_dbm < BAD_DBM:
        return State.BAD, "too weak"
    if level_dbm > STRONG_DBM:
        return State.BAD, "too strong"
    if level_dbm < POOR_DBM:
        return State.WARNING, "poor"
    return State.GOOD, "good"


def judge(evidence: Evidence, found: OnuEvidence, signs: Signs) -> list[Finding]:
    """Return what is wrong with the ONU."""
    if found.state in ONLINE:
        return _light(evidence, found)
    if signs.answers:
        text = N_(
            "ONU %(onu)s on file is %(state)s, yet the customer answers: is it his?",
            onu=Private(found.name),
            state=found.state or N_("unknown"),
        )
        return [Finding(Cause.PORT_WRONG, State.WARNING, text, Who.NOC, None, Confidence.MEDIUM)]
    if found.state in _UNKNOWN:
        text = N_("The OLT does not say whether ONU %(onu)s is online", onu=Private(found.name))
        return [
            Finding(Cause.ONU_OFFLINE, State.WARNING, text, Who.NOC, None, Confidence.LOW, is_suspect=False)
        ]
    return [_offline(evidence, found)]


def _offline(evidence: Evidence, found: OnuEvidence) -> Finding:
    name = Private(found.name)
    doubts = []
    if found.age_s is None or found.age_s > 600:
        doubts.append(N_("The ONU's state is old"))
    if found.down_cause == "power":
        if any(group.is_broken for group in groups_of(evidence)):
            doubts.append(N_("Neighbours are down too: the power may be out in the whole house"))
        text, who, say, cause = (
            N_("ONU %(onu)s lost its power", onu=name),
            Who.CUSTOMER,
            _POWER,
            Cause.ONU_POWER,
        )
    elif found.down_cause == "fibre":
        text = N_("ONU %(onu)s lost its light", onu=name)
        who, say, cause = Who.FIELD, _FIBRE, Cause.ONU_FIBRE
    elif found.down_cause == "shut":
        text = N_("ONU %(onu)s was switched off by our side", onu=name)
        who, cause = Who.NOC, Cause.ONU_SHUT
        say = N_("Your terminal is switched off on our side. We find out why and switch it on.")
    else:
        doubts.append(N_("The OLT does not say why it went: power and fibre cannot be told apart"))
        text = N_("ONU %(onu)s is offline", onu=name)
        who, say, cause = Who.CUSTOMER, _POWER, Cause.ONU_OFFLINE
    told = words.since(text, evidence.taken_at, found.down_for_s)
    return Finding(cause, State.BAD, told, who, say, doubts=tuple(doubts))


def _light(evidence: Evidence, found: OnuEvidence) -> list[Finding]:
    """Judge the levels of an ONU that is online, at both ends, and against the line's own baseline."""
    findings = []
    for where, value in ((N_("the ONU"), found.rx_dbm), (N_("the OLT"), found.olt_rx_dbm)):
        level = words.known(value)
        if level is None:
            continue
        told = {"where": where, "level": words.dbm(level)}
        state, word = light(level)
        if state is State.BAD:
            if word == "too weak":
                text = N_("The level at %(where)s is %(level)s: too weak", **told)
            else:
                text = N_("The level at %(where)s is %(level)s: too strong", **told)
            findings.append(Finding(Cause.LIGHT_BAD, state, text, Who.FIELD, _LEVEL, Confidence.MEDIUM))
        elif state is State.WARNING:
            text = N_("The level at %(where)s is %(level)s: poor", **told)
            findings.append(Finding(Cause.LIGHT_POOR, state, text, Who.FIELD, _LEVEL, Confidence.LOW))
    usual = None if isinstance(evidence.baseline, NotChecked) else words.known(evidence.baseline.rx_dbm)
    level = words.known(found.rx_dbm)
    if not findings and usual is not None and level is not None and usual - level >= DROPPED_DB:
        text = N_(
            "The level at the ONU fell from %(before)s to %(now)s since the baseline",
            before=words.dbm(usual),
            now=words.dbm(level),
        )
        findings.append(
            Finding(Cause.LIGHT_DROPPED, State.WARNING, text, Who.FIELD, _LEVEL, Confidence.MEDIUM)
        )
    return findings
