"""The customer's ONU: online or not and why it went, and the level of its light."""

from netdiag.diagnosis import words
from netdiag.diagnosis.evidence import Evidence, NotChecked, OnuEvidence
from netdiag.diagnosis.outcome import Cause, Confidence, Fact, Finding, State, Who
from netdiag.diagnosis.signs import Signs, groups_of

# Below BAD_DBM or above STRONG_DBM the light is bad, from there to POOR_DBM poor.
BAD_DBM, POOR_DBM, STRONG_DBM = -27.0, -25.0, 0.0
DROPPED_DB = 3.0
_ONLINE = frozenset({"online", "up", "working", "active"})
_UNKNOWN = frozenset({"unknown", ""})
_POWER = "Your optical terminal has no power. Please check that it is plugged in and switched on."
_FIBRE = "The light on your fibre is gone. A technician will repair it; you need do nothing."
_LEVEL = "The light on your fibre is weak. A technician will clean or repair it."


def facts(found: OnuEvidence) -> list[Fact]:
    """Return what is known of the ONU, line by line."""
    return words.facts(
        ("ONU", f"{found.device} {found.name}".strip()),
        ("State", found.state),
        ("Last went down by", found.down_cause_words or found.down_cause),
        ("Down for", words.span(found.down_for_s)),
        ("Level at the ONU", words.number(found.rx_dbm, "dBm")),
        ("Level at the OLT", words.number(found.olt_rx_dbm, "dBm")),
        ("Distance", words.number(found.distance_m, "m", 0)),
    )


def judge(evidence: Evidence, found: OnuEvidence, signs: Signs) -> list[Finding]:
    """Return what is wrong with the ONU."""
    if found.state in _ONLINE:
        return _light(evidence, found)
    if signs.answers:
        text = f"ONU {found.name} on file is {found.state or 'unknown'}, yet the customer answers: is it his?"
        return [Finding(Cause.PORT_WRONG, State.WARNING, text, Who.NOC, "", Confidence.MEDIUM)]
    if found.state in _UNKNOWN:
        text = f"The OLT does not say whether ONU {found.name} is online"
        return [
            Finding(Cause.ONU_OFFLINE, State.WARNING, text, Who.NOC, "", Confidence.LOW, is_suspect=False)
        ]
    return [_offline(evidence, found)]


def _offline(evidence: Evidence, found: OnuEvidence) -> Finding:
    since = words.since(evidence.taken_at, found.down_for_s)
    doubts = []
    if found.age_s is None or found.age_s > 600:
        doubts.append("The ONU's state is old")
    if found.down_cause == "power":
        if any(group.is_broken for group in groups_of(evidence)):
            doubts.append("Neighbours are down too: the power may be out in the whole house")
        text, who, say, cause = (
            f"ONU {found.name} lost its power{since}",
            Who.CUSTOMER,
            _POWER,
            Cause.ONU_POWER,
        )
    elif found.down_cause == "fibre":
        text, who, say, cause = f"ONU {found.name} lost its light{since}", Who.FIELD, _FIBRE, Cause.ONU_FIBRE
    elif found.down_cause == "shut":
        text, who, cause = f"ONU {found.name} was switched off by our side{since}", Who.NOC, Cause.ONU_SHUT
        say = "Your terminal is switched off on our side. We find out why and switch it on."
    else:
        doubts.append("The OLT does not say why it went: power and fibre cannot be told apart")
        text, who, say, cause = f"ONU {found.name} is offline{since}", Who.CUSTOMER, _POWER, Cause.ONU_OFFLINE
    return Finding(cause, State.BAD, text, who, say, doubts=tuple(doubts))


def _light(evidence: Evidence, found: OnuEvidence) -> list[Finding]:
    """Judge the levels of an ONU that is online, at both ends, and against the line's own baseline."""
    findings = []
    for where, value in (("the ONU", found.rx_dbm), ("the OLT", found.olt_rx_dbm)):
        level = words.known(value)
        if level is None:
            continue
        text = f"The level at {where} is {words.number(level, 'dBm')}"
        if level < BAD_DBM or level > STRONG_DBM:
            kind = "too weak" if level < BAD_DBM else "too strong"
            findings.append(
                Finding(Cause.LIGHT_BAD, State.BAD, f"{text}: {kind}", Who.FIELD, _LEVEL, Confidence.MEDIUM)
            )
        elif level < POOR_DBM:
            findings.append(
                Finding(Cause.LIGHT_POOR, State.WARNING, f"{text}: poor", Who.FIELD, _LEVEL, Confidence.LOW)
            )
    usual = None if isinstance(evidence.baseline, NotChecked) else words.known(evidence.baseline.rx_dbm)
    level = words.known(found.rx_dbm)
    if not findings and usual is not None and level is not None and usual - level >= DROPPED_DB:
        text = (
            f"The level at the ONU fell from {words.number(usual, 'dBm')} to {words.number(level, 'dBm')} "
            "since the baseline"
        )
        findings.append(
            Finding(Cause.LIGHT_DROPPED, State.WARNING, text, Who.FIELD, _LEVEL, Confidence.MEDIUM)
        )
    return findings
