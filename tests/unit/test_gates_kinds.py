"""Gates are made by kind, refuse wrong settings in words, and the two that need no gear keep their word."""

import logging

import pytest

import gates
from gates import LineAccess, PortRef, testing
from netdiag.snmp import SnmpTarget
from netdiag.testing import FakeSnmp
from registry import gate_kinds


def test_every_kind_has_a_form_and_can_be_made_without_settings() -> None:
    assert set(gates.KINDS) == {"dry_run", "nftables", "nftables_ssh", "radius", "routeros", "snmp_port"}
    for name, kind in gates.KINDS.items():
        gate = gates.make(name, {})
        assert callable(gate.apply)
        for field in kind.settings.model_fields.values():
            assert field.title, f"{name}: a field of a form needs a title"


def test_a_gate_of_the_machine_that_tells_it_is_known_from_one_that_is_reached_over_the_network() -> None:
    own = [("nftables", {}), ("nftables", {"namespace": "gw"}), ("radius", {}), ("routeros", {"host": "::1"})]
    own += [("radius", {"host": host}) for host in ("localhost", "/run/postgresql", "127.0.0.2", "0.0.0.0")]
    far = [("dry_run", {}), ("snmp_port", {}), ("fake", {}), ("routeros", {"host": "192.0.2.1"})]
    far += [("nftables_ssh", {"host": "gw.example"}), ("radius", {"host": "2001:db8::1"})]
    assert [one for one in own if not gate_kinds.acts_where_told(*one)] == []
    assert [one for one in far if gate_kinds.acts_where_told(*one)] == []


def test_an_unknown_kind_names_the_known_ones() -> None:
    known = "dry_run, nftables, nftables_ssh, radius, routeros, snmp_port"
    with pytest.raises(gates.GateMisconfigured, match=known):
        gates.make("smoke_signals", {})


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(gates.GateMisconfigured) as caught:
        gates.make("nftables", {"namespace": "a b", "priority": "soon", "colour": 1})
    for name in ("namespace", "priority", "colour"):
        assert name in str(caught.value)


def test_errors_tell_what_the_caller_can_do() -> None:
    for kind in (gates.GateUnreachable, gates.GateRefused, gates.GateMisconfigured):
        assert issubclass(kind, gates.GateError)


def test_a_dry_run_reports_what_was_asked_and_has_seen_nothing(caplog: pytest.LogCaptureFixture) -> None:
    gate = gates.make("dry_run", {})
    lines = [LineAccess(1, ("192.0.2.1", "192.0.2.2")), LineAccess(2)]
    with caplog.at_level(logging.INFO, "gates.dry_run"):
        outcomes = gate.apply({lines[0]: "closed", lines[1]: "open"})
    assert outcomes == {1: gates.Outcome(1, "closed"), 2: gates.Outcome(2, "open")}
    assert "line 1 (192.0.2.1, 192.0.2.2) would be made closed" in caplog.text
    assert "line 2 (no address) would be made open" in caplog.text
    assert gate.read(lines) == {1: None, 2: None}
    assert "nothing on the network is touched" in gates.said(gate.check())


def test_the_fake_gate_remembers_and_fails_as_written() -> None:
    gate = testing.FakeGate(
        failures=[gates.GateUnreachable("asleep"), None, None], broken={2: "no such port"}, blind={3}
    )
    lines = [LineAccess(number) for number in (1, 2, 3)]
    wanted: dict[LineAccess, gates.Access] = dict.fromkeys(lines, "closed")
    with pytest.raises(gates.GateUnreachable, match="asleep"):
        gate.apply(wanted)
    assert gate.state == {}
    outcomes = gate.apply(wanted)
    assert outcomes[1] == gates.Outcome(1, "closed")
    assert outcomes[2] == gates.Outcome(2, None, "no such port")
    assert gate.read([*lines, LineAccess(4)]) == {1: "closed", 2: "open", 3: None, 4: "open"}
    assert gates.said(gate.check()) == "A fake gate with 2 lines closed."
    assert gate.calls == [{1: "closed", 2: "closed", 3: "closed"}] * 2


def test_the_fake_gate_loses_everything_in_a_reboot_and_tells_by_its_epoch() -> None:
    gate = testing.FakeGate()
    line = LineAccess(1, ("192.0.2.1",))
    gate.apply({line: "closed", LineAccess(2, ("192.0.2.2",)): "open"})
    before = gate.epoch()
    assert gate.held() == {"192.0.2.1": "closed"}
    gate.reboot()
    assert gate.epoch() not in {before, None}
    assert (gate.held(), gate.read([line])) == ({}, {1: "open"})


def test_gates_without_gear_of_their_own_have_no_epoch_and_no_list() -> None:
    for kind in ("dry_run", "snmp_port"):
        gate = gates.make(kind, {})
        assert (gate.epoch(), gate.held()) == (None, None)


def test_a_port_that_would_hurt_others_is_refused_before_any_switch_is_asked() -> None:
    gate = gates.make("snmp_port", {"parallel_devices": 4})
    assert gate.apply({}) == {}
    uplink = PortRef(SnmpTarget("192.0.2.9"), 1, is_uplink=True)
    (outcome,) = gate.apply({LineAccess(1, port=uplink): "closed"}).values()
    assert (outcome.applied, outcome.needs_person) == (None, True)
    assert gate.apply({LineAccess(1, port=uplink): "open"}) == {1: gates.Outcome(1, "open", is_bare=True)}
    assert gate.read([LineAccess(1)]) == {1: None}
    (found,) = gate.check()
    assert (found.is_good, bool(found.advice)) == (False, True)


def test_a_try_of_switch_ports_reads_a_port_of_each_switch_and_writes_nothing() -> None:
    told = {"1.3.6.1.2.1.1.1.0": "Brand X\n7", "1.3.6.1.2.1.2.2.1.7.3": 1, "1.3.6.1.2.1.31.1.1.1.1.3": "ge3"}
    asked: list[str] = []
    with FakeSnmp(told, write_community="w") as switch, FakeSnmp({}) as dead:
        switch.rule, dead.is_deaf = lambda pdu: asked.append(pdu.kind), True
        ports = [PortRef(one.target(community="w", timeout_s=0.2, retries=0), 3) for one in (switch, dead)]
        alive, silent, note = gates.make("snmp_port", {}).check(ports)
        assert alive.words == "port 3 of 127.0.0.1: Brand X; ge3 is set up"
        assert (alive.is_good, silent.is_good, note.is_good) == (True, False, True)
        assert silent.advice
        with pytest.raises(gates.GateUnreachable, match="port 3 of"):
            gates.make("snmp_port", {}).check(ports[1:])
    assert asked
    assert "set" not in {str(kind).lower() for kind in asked}


@pytest.mark.parametrize("kind", ["nftables", "nftables_ssh", "radius", "snmp_port"])
def test_a_line_a_gate_has_nothing_to_hold_for_is_done_and_no_fault_and_no_gear_is_asked(kind: str) -> None:
    gate = gates.make(kind, {})
    for access in gates.ACCESSES:
        assert gate.apply({LineAccess(1): access}) == {1: gates.Outcome(1, access, is_bare=True)}


def test_a_gate_that_cannot_is_never_asked_for_anything_stricter_than_meant() -> None:
    order = gates.ACCESSES
    for kind in gates.KINDS.values():
        assert {"open", "closed"} <= kind.can
        for wish in order:
            asked = gates.told(kind.name, wish)
            assert asked in kind.can
            assert wish in {asked, "walled"} or order.index(asked) < order.index(wish)
    assert gates.nearest("walled", {"open", "closed"}) == "closed"
    assert gates.nearest("slow", {"open", "closed"}) == gates.nearest("notice", {"open", "closed"}) == "open"
