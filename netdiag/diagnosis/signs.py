"""Signs of life across the stages: what a later stage says of an earlier one, which may misjudge itself."""

import dataclasses

from netdiag.diagnosis.evidence import (
    FRESH_S,
    AddressEvidence,
    Evidence,
    MacPlace,
    NeighbourGroup,
    NotChecked,
)

# What OLTs call an ONU that works.
ONLINE = frozenset({"online", "up", "working", "active"})


@dataclasses.dataclass(frozen=True, slots=True)
class Signs:
    """What is known to be alive, whatever the other stages say.

    `answers`: an address of the customer answered an echo; `answers_through_gateway`: and the gateway carried
    it; `is_heard`: his MAC answered on the wire now; `is_learned`: a table knows it; `elsewhere`: the ports
    other than the one on file, no uplinks, where it was learned; `device_carries`: neighbours behind the
    access device are well; `device_spoke`: it answered SNMP for another stage just now; `is_well`: an address
    answers, and neither the port nor the ONU nor where his MAC is says otherwise.
    """

    answers: bool
    answers_through_gateway: bool
    is_heard: bool
    is_learned: bool
    elsewhere: tuple[MacPlace, ...]
    device_carries: bool
    device_spoke: bool
    is_well: bool


def read(evidence: Evidence) -> Signs:
    """Gather the signs."""
    addresses = addresses_of(evidence)
    answering = [one for one in addresses if is_answered(one)]
    places = places_of(evidence)
    on_port = () if isinstance(evidence.mac, NotChecked) else evidence.mac.on_port
    known = set() if isinstance(evidence.mac, NotChecked) else set(evidence.mac.on_file)
    is_on_port = not isinstance(on_port, NotChecked) and bool(known & set(on_port))
    answers = [one.answer for one in addresses if not isinstance(one.answer, NotChecked)]
    elsewhere = () if is_on_port else tuple(p for p in places if not p.is_uplink and not p.is_on_file)
    return Signs(
        answers=bool(answering),
        answers_through_gateway=any(not one.is_own_segment for one in answering),
        is_heard=any(answer.is_live and answer.macs for answer in answers),
        is_learned=is_on_port or bool(places) or any(answer.macs for answer in answers),
        elsewhere=elsewhere,
        device_carries=any(g.fine > 0 for g in groups_of(evidence) if g.scope in ("device", "splitter")),
        device_spoke=_spoke(evidence),
        is_well=bool(answering) and not elsewhere and not _is_down(evidence),
    )


def is_answered(one: AddressEvidence) -> bool:
    """Whether the address answered an echo."""
    return not isinstance(one.ping, NotChecked) and one.ping.is_answered


def addresses_of(evidence: Evidence) -> tuple[AddressEvidence, ...]:
    """Return the addresses that were looked at."""
    return () if isinstance(evidence.addresses, NotChecked) else evidence.addresses.addresses


def places_of(evidence: Evidence) -> tuple[MacPlace, ...]:
    """Return where the MACs on file were learned."""
    if isinstance(evidence.mac, NotChecked) or isinstance(evidence.mac.places, NotChecked):
        return ()
    return evidence.mac.places


def groups_of(evidence: Evidence) -> tuple[NeighbourGroup, ...]:
    """Return the groups of neighbours."""
    return () if isinstance(evidence.neighbours, NotChecked) else evidence.neighbours.groups


def _is_down(evidence: Evidence) -> bool:
    """Whether the port or the ONU on file was read and is not up."""
    port, onu = evidence.port, evidence.onu
    is_port_down = not isinstance(port, NotChecked) and (
        port.oper != "up" or port.admin not in ("up", "unknown")
    )
    return is_port_down or (not isinstance(onu, NotChecked) and onu.state not in ONLINE)


def _spoke(evidence: Evidence) -> bool:
    readings = (evidence.port, evidence.onu)
    return any(
        not isinstance(one, NotChecked) and one.age_s is not None and 0 <= one.age_s <= FRESH_S
        for one in readings
    )
