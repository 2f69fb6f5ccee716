"""Not only you: when the neighbours are asked, and what becomes an incident."""

import pytest

from netdiag import diagnosis
from netdiag.diagnosis import Evidence, NotChecked
from netdiag.diagnosis.evidence import (
    AccountEvidence,
    DeviceEvidence,
    Lock,
    NeighbourEvidence,
    NeighbourGroup,
    PingEvidence,
    PortEvidence,
)
from netdiag.diagnosis.outcome import Cause
from registry.incident_elements import Element
from registry.models import IncidentScope
from registry.neighbours import Neighbours
from tasks import diagnosis_neighbours

SWITCH = Element(IncidentScope.DEVICE, "device:1", "sw-1", 1)
HOUSE = Element(IncidentScope.BUILDING, "building:x", "Main St 7")
GROUPS = (
    Neighbours("device", "sw-1", SWITCH, ("127.0.0.2", "127.0.0.3")),
    Neighbours("building", "Main St 7", HOUSE, ("127.0.0.2", "127.0.0.4")),
)
SILENT = DeviceEvidence(name="sw-1", ping=PingEvidence(sent=5, received=0), snmp="silent")
OPEN = AccountEvidence(wanted="open", applied="open")


def judged(**parts):
    return diagnosis.judge(Evidence(**{"account": OPEN, **parts}))


def counted(*numbers):
    return NeighbourEvidence(
        tuple(
            NeighbourGroup(group.scope, group.name, *pair)
            for group, pair in zip(GROUPS, numbers, strict=False)
        )
    )


def test_a_silent_device_or_a_dead_port_is_worth_asking_the_neighbours():
    assert diagnosis_neighbours.is_shared_fault(judged(device=SILENT))
    assert diagnosis_neighbours.is_shared_fault(
        judged(port=PortEvidence("sw-1", "ge1", oper="down", admin="up"))
    )


def test_who_is_cut_for_debt_or_well_is_no_reason_to_ask_them():
    cut = AccountEvidence(locks=(Lock("debt", "2026-11-01"),), wanted="closed", applied="closed")
    assert not diagnosis_neighbours.is_shared_fault(judged(account=cut, device=SILENT))
    assert not diagnosis_neighbours.is_shared_fault(judged())


@pytest.mark.parametrize(
    ("numbers", "element"),
    [
        pytest.param(((2, 2), (2, 1)), SWITCH, id="the device is down, the house is half well"),
        pytest.param(((2, 2), (2, 2)), HOUSE, id="the widest group that is down"),
        pytest.param(((1, 1),), SWITCH, id="one neighbour proves nothing, the silent device does"),
        pytest.param(((2, 0),), None, id="a neighbour who answers clears the device"),
        pytest.param((), SWITCH, id="nobody to ask"),
    ],
)
def test_what_becomes_an_incident(numbers, element):
    found = judged(device=SILENT)
    assert found.verdict.cause is Cause.DEVICE_SILENT
    silent = {Cause.DEVICE_SILENT: SWITCH}
    assert diagnosis_neighbours.element_of(found, counted(*numbers), GROUPS, silent) == element


def test_a_port_of_one_customer_is_no_incident():
    found = judged(port=PortEvidence("sw-1", "ge1", oper="down", admin="up"))
    assert (
        diagnosis_neighbours.element_of(found, NotChecked("none"), (), {Cause.DEVICE_SILENT: SWITCH}) is None
    )
    assert diagnosis_neighbours.element_of(found, counted((2, 1)), GROUPS, {}) is None


def test_nobody_heard_lately_is_said():
    assert str(diagnosis_neighbours.compare(()).why) == "no neighbour was heard lately"
