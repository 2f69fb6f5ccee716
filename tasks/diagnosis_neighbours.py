"""Not only you: try the neighbours when a line is broken, and open one incident for what they share."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo

import structlog

from core import errors
from netdiag import errors as wire
from netdiag.diagnosis import Diagnosis, NotChecked, StageKey, State
from netdiag.diagnosis.evidence import Incident, IncidentEvidence, NeighbourEvidence, NeighbourGroup
from netdiag.diagnosis.outcome import Cause
from netdiag.text import N_
from registry import incidents
from registry.incident_elements import Element
from registry.neighbours import Neighbours
from tasks import hands, sites
from tasks.runtime import Runtime
from tasks.sites import Site

log = structlog.get_logger()

# A neighbour's answer tells something about faults of these stages.
_SHARED = frozenset({StageKey.DEVICE, StageKey.PORT, StageKey.MAC, StageKey.ADDRESS})
_PROBES, _TIMEOUT_S = 2, 0.6


def known(rows: Sequence[incidents.IncidentRow], zone: tzinfo) -> IncidentEvidence:
    """Return the open incidents that hit the customer as evidence; times are the ISP's."""
    return IncidentEvidence(
        tuple(
            Incident(one.title, one.opened_at.astimezone(zone).strftime("%Y-%m-%d %H:%M"), one.place)
            for one in rows
        )
    )


def is_shared_fault(found: Diagnosis) -> bool:
    """Whether the first broken stage is one that neighbours may share."""
    return any(one.state is State.BAD and one.key in _SHARED for one in found.stages) and not any(
        one.state is State.BAD and one.key not in _SHARED
        for one in found.stages
        if one.key in (StageKey.ACCOUNT, StageKey.POP)
    )


def compare(groups: Sequence[Neighbours], site: Site = sites.HERE) -> NeighbourEvidence | NotChecked:
    """Ping the neighbours all at once, in little more than a second, and count per group who is silent."""
    addresses = list(dict.fromkeys(address for group in groups for address in group.addresses))
    if not addresses:
        return NotChecked(N_("no neighbour was heard lately"))
    try:
        found = {
            one.address: one.received > 0
            for one in site.ask(hands.sweep, addresses, probes=_PROBES, timeout_s=_TIMEOUT_S)
        }
    except (wire.WireError, errors.Unavailable) as error:
        return NotChecked(str(error))
    return NeighbourEvidence(
        tuple(
            NeighbourGroup(
                group.scope,
                group.name,
                checked=len(group.addresses),
                broken=sum(not found.get(address, False) for address in group.addresses),
            )
            for group in groups
        )
    )


def element_of(
    found: Diagnosis,
    evidence: NeighbourEvidence | NotChecked,
    groups: Sequence[Neighbours],
    silent: Mapping[Cause, Element],
) -> Element | None:
    """Return what is broken for several customers, if that is proven: the widest group that is down, or a
    device that answers nothing while no group of its customers is well.
    """
    counted = () if isinstance(evidence, NotChecked) else evidence.groups
    down = [group for one, group in zip(counted, groups, strict=False) if one.is_broken]
    if down:
        return down[-1].element
    if any(one.fine for one in counted):
        return None
    return silent.get(found.verdict.cause)


def title_of(found: Diagnosis, element: Element) -> str:
    """Return what the incident is called: the place and what was found there."""
    return f"{element.place}: {found.verdict.headline}"


def report(runtime: Runtime, run_id: int, element: Element, title: str) -> int | None:
    """Open the incident, or find the one that is open; returns its id, None when nobody is on file there."""
    try:
        with runtime.database.transaction() as session:
            number, is_new = incidents.open_one(
                session, incidents.JOB, element, title, run_id=run_id, is_automatic=True
            )
    except errors.LinecardError as error:
        log.warning("incident_not_opened", element=element.key, error=str(error))
        return None
    if is_new:
        log.info("incident_opened", incident_id=number, element=element.key)
    return number
