"""From stages to the verdict: the first broken one, how sure that is, who else is hit, what is not known."""

from collections.abc import Callable

from netdiag.diagnosis import address, mac, network, office, port, quality, signs, words
from netdiag.diagnosis.evidence import Evidence, NeighbourGroup, NotChecked
from netdiag.diagnosis.outcome import (
    Cause,
    Confidence,
    Diagnosis,
    Finding,
    Stage,
    StageKey,
    State,
    Unchecked,
    Verdict,
    Who,
)
from netdiag.diagnosis.signs import Signs
from netdiag.text import N_, NN_, Private, Text, joined

OLD_S = 900.0
_JUDGES: tuple[Callable[[Evidence, Signs], Stage], ...] = (
    office.account,
    office.incident,
    network.pop,
    network.device,
    port.port,
    mac.mac,
    address.address,
    quality.quality,
)
# What happens at the customer's end of the line; if neighbours share it, it does not.
_AT_THE_CUSTOMER = frozenset({StageKey.PORT, StageKey.MAC, StageKey.ADDRESS, StageKey.QUALITY})
# These are facts of a device, not of the way to it.
_READ_AT_THE_SPOT = frozenset({StageKey.ACCOUNT, StageKey.INCIDENT, StageKey.PORT, StageKey.MAC})
_HOPED_FOR = frozenset({StageKey.ADDRESS, StageKey.QUALITY})
# What is over, or does not hit this line: it may explain a complaint, but names nothing that is wrong here.
_PASSING = frozenset({Cause.DEVICE_RESTARTED, Cause.PORT_CAME_UP, Cause.KNOWN_INCIDENT})
_FINE = N_(
    "Your line is fine up to your router, as far as we can measure. Please restart the router, and try "
    "with a cable beside it: the trouble may be in the Wi-Fi or in one device."
)
_OURS_FINE = N_("Our equipment near you is fine, as far as we can measure.")
_AT_THE_DEVICE = N_("We look into it on site and call you back.")
_LOOK = N_("We could not measure your line from here. A colleague will look into it and call you.")


def judge(evidence: Evidence) -> Diagnosis:
    """Judge the evidence, whatever of it there is; never raises."""
    seen = signs.read(evidence)
    stages = tuple(one(evidence, seen) for one in _JUDGES)
    return Diagnosis(stages, _verdict(evidence, stages))


def _verdict(evidence: Evidence, stages: tuple[Stage, ...]) -> Verdict:
    not_checked = tuple(
        Unchecked(one.key, one.why_not or words.DASH) for one in stages if one.state is State.UNKNOWN
    )
    broken = _first(stages, State.BAD, frozenset(Cause))
    if broken is not None:
        return _named(evidence, stages, broken, not_checked)
    suspect = _first(stages, State.WARNING)
    passing = _first(stages, State.WARNING, _PASSING)
    is_seen_to_work = not _hoped_for(evidence) & {one.stage for one in not_checked}
    if suspect is None and not is_seen_to_work:
        suspect = passing
    if suspect is not None:
        return _named(evidence, stages, suspect, not_checked)
    return _nothing(evidence, stages, not_checked, passing[1] if passing else None)


def _first(
    stages: tuple[Stage, ...], state: State, among: frozenset[Cause] = frozenset(Cause) - _PASSING
) -> tuple[Stage, Finding] | None:
    """Return the first finding of that state that may be a verdict."""
    for one in stages:
        for finding in one.findings:
            if finding.state is state and finding.is_suspect and finding.cause in among:
                return one, finding
    return None


def _named(
    evidence: Evidence,
    stages: tuple[Stage, ...],
    main: tuple[Stage, Finding],
    not_checked: tuple[Unchecked, ...],
) -> Verdict:
    where, finding = main
    doubts = [*finding.doubts, *_gaps(evidence, stages, where), *_ages(where), *_elsewhere(stages, where)]
    doubts += _incident(stages, finding)
    who, say, group = finding.who, finding.say, _group(evidence, where)
    headline = finding.words
    if evidence.left_out and who is Who.CUSTOMER:
        # Nobody's line was named: who is at the device must look, and nobody is told to check his cable.
        who, say = Who.FIELD, _AT_THE_DEVICE
    if group is not None and group.is_broken:
        headline = N_("%(what)s; not only here: %(others)s", what=headline, others=_shared(group))
        if finding.cause is not Cause.ONU_POWER:
            who = Who.NOC
            say = N_("You are not the only one: neighbours are affected too. We are working on it.")
    sure = finding.confidence.lowered(len(doubts))
    return Verdict(
        cause=finding.cause,
        stage=where.key,
        headline=headline,
        who=who,
        say=say or _LOOK,
        confidence=sure,
        doubts=tuple(dict.fromkeys(doubts)),
        not_checked=not_checked,
        also=_also(stages, finding),
        neighbours=_neighbours(evidence, where),
    )


def _hoped_for(evidence: Evidence) -> frozenset[StageKey]:
    """Return the stages without which nothing is called fine: the line's, or the device's alone."""
    return _HOPED_FOR if not evidence.left_out else frozenset({StageKey.DEVICE})


def _nothing(
    evidence: Evidence, stages: tuple[Stage, ...], not_checked: tuple[Unchecked, ...], passing: Finding | None
) -> Verdict:
    if _hoped_for(evidence) & {one.stage for one in not_checked}:
        return _too_little(evidence, stages, not_checked)
    # Incidents and what is beyond the records are extras; every other gap makes "fine" less sure.
    meant = evidence.left_out | {StageKey.INCIDENT}
    doubts = tuple(_gap(one.stage, one.why) for one in not_checked if one.stage not in meant)
    if evidence.left_out:
        text, say = N_("The device is fine as far as it can be measured"), _OURS_FINE
    else:
        text, say = N_("The line is fine as far as it can be measured"), _FINE
    if passing:
        text = N_("%(what)s; %(more)s", what=text, more=passing.words)
    return Verdict(
        Cause.NOTHING_FOUND,
        None,
        text,
        Who.NOBODY,
        (passing.say if passing else None) or say,
        Confidence.HIGH.lowered(min(1, len(doubts)) + (1 if len(doubts) > 2 else 0)),
        doubts=doubts,
        not_checked=not_checked,
        also=_also(stages, passing),
    )


def _too_little(evidence: Evidence, stages: tuple[Stage, ...], not_checked: tuple[Unchecked, ...]) -> Verdict:
    """Nothing bad was found, but what matters most was not seen to work."""
    known = [one for one in stages if one.state is not State.UNKNOWN]
    text = N_("Too little could be checked to say more than that nothing bad was found")
    if evidence.left_out:
        doubt = N_("The device itself was not seen to work")
    else:
        doubt = N_("The line itself was not seen to work")
    return Verdict(
        Cause.TOO_LITTLE,
        None,
        text if known else N_("Nothing could be checked"),
        Who.NOC,
        _LOOK,
        Confidence.LOW,
        doubts=(doubt,),
        not_checked=not_checked,
        also=_also(stages, None),
    )


_NAMES = {
    StageKey.ACCOUNT: N_("The account was not checked: %(why)s"),
    StageKey.INCIDENT: N_("Incidents were not checked: %(why)s"),
    StageKey.POP: N_("POP and gateway were not checked: %(why)s"),
    StageKey.DEVICE: N_("The access device was not checked: %(why)s"),
    StageKey.PORT: N_("The port was not checked: %(why)s"),
    StageKey.MAC: N_("The MAC was not checked: %(why)s"),
    StageKey.ADDRESS: N_("The IP address was not checked: %(why)s"),
    StageKey.QUALITY: N_("The quality was not checked: %(why)s"),
}


def _gap(key: StageKey, why: Text | None) -> Text:
    return Text(_NAMES[key].template, (("why", why or words.DASH),))


def _gaps(evidence: Evidence, stages: tuple[Stage, ...], where: Stage) -> list[Text]:
    """Return one doubt for all stages before the broken one that were not checked and could explain it."""
    before = stages[: list(StageKey).index(where.key)]
    meant = evidence.left_out | {StageKey.INCIDENT}
    missing = [one for one in before if one.state is State.UNKNOWN and one.key not in meant]
    if not missing:
        return []
    if len(missing) == 1:
        return [_gap(missing[0].key, missing[0].why_not)]
    return [words.plain(joined((_gap(one.key, one.why_not) for one in missing), "; "))]


def _ages(where: Stage) -> list[Text]:
    length = words.span(where.age_s)
    if length is not None and words.above(where.age_s, OLD_S):
        return [N_("What this rests on is %(span)s old", span=length)]
    return []


def _elsewhere(stages: tuple[Stage, ...], where: Stage) -> list[Text]:
    """Return the doubt that nothing was measured from the customer's own POP."""
    if where.key in _READ_AT_THE_SPOT:
        return []
    findings = [finding for one in stages for finding in one.findings if finding is not None]
    return [one.words for one in findings if one.cause is Cause.MEASURED_ELSEWHERE]


def _incident(stages: tuple[Stage, ...], main: Finding) -> list[Text]:
    """Return the doubt that an incident which does not hold the line down may still be what is felt."""
    known = [one for one in stages if one.key is StageKey.INCIDENT and one.state is State.WARNING]
    if not known or main.cause in (Cause.DEBT_LOCK, Cause.OTHER_LOCK, Cause.NO_SERVICE, Cause.KNOWN_INCIDENT):
        return []
    return [N_("A known incident covers this customer: it may be the cause")]


def _also(stages: tuple[Stage, ...], main: Finding | None) -> tuple[Text, ...]:
    """Return what else was found; it does not change the verdict."""
    return tuple(
        finding.words
        for one in stages
        for finding in one.findings
        if finding is not main and finding.state in (State.BAD, State.WARNING)
    )


def _group(evidence: Evidence, where: Stage) -> NeighbourGroup | None:
    """Return the neighbours to compare a fault with: a group that is down too, else one that is fine."""
    if where.key not in _AT_THE_CUSTOMER and where.key is not StageKey.DEVICE:
        return None
    groups = signs.groups_of(evidence)
    broken = [group for group in groups if group.is_broken]
    fine = [group for group in groups if group.is_fine]
    # The widest group that is down tells most of where the fault is.
    return broken[-1] if broken else fine[0] if fine else None


def _neighbours(evidence: Evidence, where: Stage) -> Text | None:
    group = None if isinstance(evidence.neighbours, NotChecked) else _group(evidence, where)
    return _shared(group) if group is not None else None


def _shared(group: NeighbourGroup) -> Text:
    # A house's name is somebody's address.
    name = Private(group.name) if group.scope == "building" else group.name
    place = {
        "port": N_("the same port %(name)s", name=name),
        "splitter": N_("the splitter %(name)s", name=name),
        "device": N_("the device %(name)s", name=name),
        "building": N_("the house %(name)s", name=name),
    }[group.scope]
    if group.is_broken:
        return NN_(
            "%(broken)s of %(count)s neighbour on %(place)s are down too",
            "%(broken)s of %(count)s neighbours on %(place)s are down too",
            group.checked,
            broken=group.broken,
            place=place,
        )
    return NN_(
        "%(count)s neighbour on %(place)s is fine",
        "%(count)s neighbours on %(place)s are fine",
        group.checked,
        place=place,
    )
