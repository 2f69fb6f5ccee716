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
# What is over: it may explain a complaint, but names nothing that is still wrong.
_PASSING = frozenset({Cause.DEVICE_RESTARTED, Cause.PORT_CAME_UP})
_FINE = (
    "Your line is fine up to your router, as far as we can measure. Please restart the router, and try "
    "with a cable beside it: the trouble may be in the Wi-Fi or in one device."
)
_LOOK = "We could not measure your line from here. A colleague will look into it and call you."


def judge(evidence: Evidence) -> Diagnosis:
    """Judge the evidence, whatever of it there is; never raises."""
    seen = signs.read(evidence)
    stages = tuple(one(evidence, seen) for one in _JUDGES)
    return Diagnosis(stages, _verdict(evidence, stages))


def _verdict(evidence: Evidence, stages: tuple[Stage, ...]) -> Verdict:
    not_checked = tuple(Unchecked(one.key, one.why_not) for one in stages if one.state is State.UNKNOWN)
    broken = _first(stages, State.BAD)
    if broken is not None:
        return _named(evidence, stages, broken, not_checked)
    suspect = _first(stages, State.WARNING)
    passing = _first(stages, State.WARNING, _PASSING)
    is_seen_to_work = not _HOPED_FOR & {one.stage for one in not_checked}
    if suspect is None and not is_seen_to_work:
        suspect = passing
    if suspect is not None:
        return _named(evidence, stages, suspect, not_checked)
    return _nothing(stages, not_checked, passing[1] if passing else None)


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
    doubts = [*finding.doubts, *_gaps(stages, where), *_ages(where), *_elsewhere(stages, where)]
    who, say, group = finding.who, finding.say, _group(evidence, where)
    headline = finding.words
    if group is not None and group.is_broken:
        headline = f"{headline}; not only here: {_shared(group)}"
        if finding.cause is not Cause.ONU_POWER:
            who = Who.NOC
            say = "You are not the only one: neighbours are affected too. We are working on it."
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


def _nothing(
    stages: tuple[Stage, ...], not_checked: tuple[Unchecked, ...], passing: Finding | None
) -> Verdict:
    missing = {one.stage for one in not_checked}
    if _HOPED_FOR & missing:
        known = [one for one in stages if one.state is not State.UNKNOWN]
        text = "Too little could be checked to say more than that nothing bad was found"
        return Verdict(
            Cause.TOO_LITTLE,
            None,
            text if known else "Nothing could be checked",
            Who.NOC,
            _LOOK,
            Confidence.LOW,
            doubts=("The line itself was not seen to work",),
            not_checked=not_checked,
            also=_also(stages, None),
        )
    # Incidents and what is beyond the records are extras; every other gap makes "fine" less sure.
    gaps = [one for one in not_checked if one.stage is not StageKey.INCIDENT]
    doubts = tuple(f"{_NAMES[one.stage]} not checked: {one.why}" for one in gaps)
    return Verdict(
        Cause.NOTHING_FOUND,
        None,
        "The line is fine as far as it can be measured" + (f"; {passing.words}" if passing else ""),
        Who.NOBODY,
        passing.say if passing else _FINE,
        Confidence.HIGH.lowered(min(1, len(doubts)) + (1 if len(doubts) > 2 else 0)),
        doubts=doubts,
        not_checked=not_checked,
        also=_also(stages, passing),
    )


_NAMES = {
    StageKey.ACCOUNT: "The account was",
    StageKey.INCIDENT: "Incidents were",
    StageKey.POP: "POP and gateway were",
    StageKey.DEVICE: "The access device was",
    StageKey.PORT: "The port was",
    StageKey.MAC: "The MAC was",
    StageKey.ADDRESS: "The IP address was",
    StageKey.QUALITY: "The quality was",
}


def _gaps(stages: tuple[Stage, ...], where: Stage) -> list[str]:
    """Return one doubt for all stages before the broken one that were not checked and could explain it."""
    before = stages[: list(StageKey).index(where.key)]
    missing = [one for one in before if one.state is State.UNKNOWN and one.key is not StageKey.INCIDENT]
    if not missing:
        return []
    return ["; ".join(f"{_NAMES[one.key]} not checked: {one.why_not}" for one in missing)]


def _ages(where: Stage) -> list[str]:
    if words.above(where.age_s, OLD_S):
        return [f"What this rests on is {words.span(where.age_s)} old"]
    return []


def _elsewhere(stages: tuple[Stage, ...], where: Stage) -> list[str]:
    """Return the doubt that nothing was measured from the customer's own POP."""
    if where.key in _READ_AT_THE_SPOT:
        return []
    findings = [finding for one in stages for finding in one.findings if finding is not None]
    return [one.words for one in findings if one.cause is Cause.MEASURED_ELSEWHERE]


def _also(stages: tuple[Stage, ...], main: Finding | None) -> tuple[str, ...]:
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


def _neighbours(evidence: Evidence, where: Stage) -> str:
    if isinstance(evidence.neighbours, NotChecked):
        return f"Not compared: {evidence.neighbours.why}"
    group = _group(evidence, where)
    if group is None:
        return ""
    return _shared(group)


def _shared(group: NeighbourGroup) -> str:
    place = {
        "port": "the same port",
        "splitter": "the splitter",
        "device": "the device",
        "building": "the house",
    }
    name = f"{place[group.scope]} {group.name}".strip()
    neighbours = words.count(group.checked, "neighbour", "neighbours")
    if group.is_broken:
        return f"{group.broken} of {neighbours} on {name} are down too"
    return f"{neighbours} on {name} {'is' if group.checked == 1 else 'are'} fine"
