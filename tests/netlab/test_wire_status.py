"""The whole status of a device over loopback: profile, fall-backs, broken tables, time that is over."""

import json
import time

import pytest
from pysnmp.proto.rfc1902 import Counter32, Counter64, Gauge32, IpAddress, ObjectIdentifier, TimeTicks

from netdiag import __main__ as command
from netdiag import errors, status
from netdiag.snmp import profile_format
from netdiag.testing import FakeSnmp

IF = "1.3.6.1.2.1.2.2.1."
IFX = "1.3.6.1.2.1.31.1.1.1."
ENTITY = "1.3.6.1.2.1.47.1.1.1.1."
SENSOR = "1.3.6.1.2.1.99.1.1.1."
ACME = "1.3.6.1.4.1.99999"


def system_of(description="Acme EdgeOne-24, Software Version 3.2.1", object_id=f"{ACME}.1.7", uptime=360_000):
    return {
        "1.3.6.1.2.1.1.1.0": description,
        "1.3.6.1.2.1.1.2.0": ObjectIdentifier(object_id),
        "1.3.6.1.2.1.1.3.0": TimeTicks(uptime),
        "1.3.6.1.2.1.1.5.0": "sw-attic",
    }


def port(index, **changes):
    rows = {
        f"{IF}1": index, f"{IF}2": f"Port {index}", f"{IF}3": 6, f"{IF}4": 1500, f"{IF}5": Gauge32(10**9),
        f"{IF}6": bytes([2, 0, 0, 0, 0, index % 256]), f"{IF}7": 1, f"{IF}8": 1, f"{IF}9": TimeTicks(0),
        f"{IFX}1": f"ge{index}", f"{IFX}15": Gauge32(1000), f"{IFX}18": "",
    }  # fmt: skip
    rows |= {
        {"ifx": IFX}.get(name.split("_")[0], IF) + name.split("_")[1]: value
        for name, value in changes.items()
    }
    return {f"{oid}.{index}": value for oid, value in rows.items() if value is not None}


def read(values, **options):
    with FakeSnmp(values) as device:
        return status.read(device.target(), **options)


def one_port(**changes):
    (found,) = read(system_of() | port(3, **changes)).ports
    return found


def test_a_device_nobody_knows_still_tells_who_it_is_and_how_its_ports_are():
    found = read(system_of() | port(1) | port(2))
    assert (found.vendor, found.family, found.model, found.version) == (None, None, "EdgeOne-24", "3.2.1")
    assert [(one.name, one.type, one.speed_bps, one.mac) for one in found.ports] == [
        ("ge1", "ethernetCsmacd", 10**9, "02:00:00:00:00:01"),
        ("ge2", "ethernetCsmacd", 10**9, "02:00:00:00:00:02"),
    ]
    assert (found.pon, found.radio, found.fdb, found.optics, found.sensors) == (None, None, (), (), ())
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"ifx_1": None}, "name", "Port 3"),
        ({"ifx_1": " \x00 "}, "name", "Port 3"),
        ({"ifx_1": b"ge3\x00"}, "name", "ge3"),
        ({"ifx_1": "köln".encode("latin-1")}, "name", "köln"),
        ({"if_2": b"Port 3 \x00"}, "description", "Port 3"),
        ({"ifx_15": Gauge32(0)}, "speed_bps", 10**9),
        ({"ifx_15": None}, "speed_bps", 10**9),
        ({"ifx_15": Gauge32(10_000), "if_5": Gauge32(4_294_967_295)}, "speed_bps", 10**10),
        ({"ifx_15": Gauge32(10_000), "if_5": Gauge32(1_410_065_408)}, "speed_bps", 10**10),
        ({"ifx_15": Gauge32(1_000_000_000)}, "speed_bps", 10**9),
        ({"ifx_15": Gauge32(2), "if_5": Gauge32(1_544_000)}, "speed_bps", 1_544_000),
        ({"ifx_15": None, "if_5": Gauge32(4_294_967_295)}, "speed_bps", None),
        ({"ifx_15": None, "if_5": Gauge32(0)}, "speed_bps", None),
        ({"if_6": b""}, "mac", None),
        ({"if_6": bytes(6)}, "mac", None),
        ({"if_6": bytes(8)}, "mac", None),
        ({"if_6": "0:1a:2b:3c:4d:5e"}, "mac", "00:1a:2b:3c:4d:5e"),
        ({"if_3": 161}, "type", "ieee8023adLag"),
        ({"if_3": 9999}, "type", "9999"),
        ({"if_8": 7}, "oper", "lowerLayerDown"),
        ({"if_8": 6}, "oper", "notPresent"),
        ({"if_7": 3}, "admin", "testing"),
        ({"if_7": None}, "admin", None),
        ({"if_7": b"down(2)"}, "admin", "down"),
        ({"if_7": b"Up"}, "admin", "up"),
        ({"if_8": b"7"}, "oper", "lowerLayerDown"),
        ({"ifx_15": b"10000"}, "speed_bps", 10**10),
        ({"ifx_15": b"fast", "if_5": b"100000000"}, "speed_bps", 10**8),
        ({"if_4": b"1500"}, "mtu", 1500),
    ],
)
def test_a_port_is_true_whatever_the_agent_leaves_out_or_gets_wrong(changes, field, value):
    assert getattr(one_port(**changes), field) == value


def test_a_state_out_of_range_is_unknown_and_said_so():
    found = read(system_of() | port(3, if_8=42))
    assert found.ports[0].oper is None
    assert found.warnings == ("port 3: oper state '42' is none of the standard's",)


def test_holes_and_rows_that_are_no_ports_do_not_disturb_the_rest():
    values = (
        system_of() | port(1) | port(70_001) | {f"{IF}2.5": "half a row", f"{IFX}18.9": "an alias of nobody"}
    )
    values |= {f"{IF}2.1.2": "two numbers", f"{IF}1.1": 11}
    found = read(values)
    assert [(one.if_index, one.name) for one in found.ports] == [
        (1, "ge1"),
        (5, "half a row"),
        (70_001, "ge70001"),
    ]
    assert "ports: 1 rows with an index that is no ifIndex, such as 1.2" in found.warnings
    assert "port 1: its ifIndex says 11" in found.warnings


def test_counters_come_with_the_ports_64_bits_where_there_are_any():
    values = system_of() | port(1) | port(2)
    values |= {
        f"{IFX}6.1": Counter64(10**12),
        f"{IF}10.1": Counter32(5),
        f"{IF}10.2": Counter32(7),
        f"{IF}14.2": Counter32(3),
    }
    first, second = read(values).ports
    assert (first.in_octets, second.in_octets, second.in_errors) == (10**12, 7, 3)


def test_clocks_that_disagree_are_told():
    wrapped = {"1.3.6.1.6.3.10.2.1.3.0": 3600 + 42_949_673}
    assert "it has wrapped 1 times" in read(system_of() | wrapped).warnings[0]
    restarted = {"1.3.6.1.2.1.25.1.1.0": TimeTicks(400_000_000)}
    assert "the agent was restarted" in read(system_of() | restarted).warnings[0]
    assert read(system_of() | {"1.3.6.1.6.3.10.2.1.3.0": 3601}).warnings == ()


def acme(**sections):
    return profile_format.parse(
        "acme.toml", {"vendor": "Acme", "family": "Edge", "match": [{"object_id": ACME}], **sections}
    )


def test_the_first_source_that_says_something_wins():
    values = system_of() | {
        f"{ACME}.2.1.0": "N/A",
        f"{ACME}.2.2.1": "",
        f"{ACME}.2.2.2": "SN-7 ",
        f"{ENTITY}5.1": 3,
    }
    values |= {f"{ENTITY}13.1": "E24", f"{ENTITY}10.1": "9.9", f"{ENTITY}8.1": "B2"}
    known = acme(
        model=[{"oid": f"{ACME}.2.1.0"}, {"table": {ACME: "Any", f"{ACME}.1": "EdgeOne"}}, {"text": "never"}],
        version=[{"description": "release (.*)"}, {"description": r"Version (\d)\.(\d)", "template": "v{}"}],
        serial=[{"oid": [f"{ACME}.2.1.0", f"{ACME}.2.9.0"]}, {"column": f"{ACME}.2.2"}],
    )
    found = read(values, known=[known])
    assert (found.vendor, found.family) == ("Acme", "Edge")
    assert (found.model, found.version, found.serial, found.hardware) == ("EdgeOne", "v3", "SN-7", "B2")


def test_without_a_source_the_chassis_is_asked():
    values = system_of("A box", f"{ACME}.1") | {
        f"{ENTITY}5.{index}": kind for index, kind in ((1, 10), (2, 3), (3, 9))
    }
    values |= {
        f"{ENTITY}13.1": "PSU-1",
        f"{ENTITY}13.2": "E24",
        f"{ENTITY}11.2": "SN-1",
        f"{ENTITY}10.3": "7.1",
    }
    found = read(values, known=[acme()])
    assert (found.model, found.serial, found.version) == ("E24", "SN-1", "7.1")
    alone = read(system_of("A box", f"{ACME}.1") | {f"{ENTITY}11.7": "SN-7"}, known=[acme()])
    assert (alone.serial, alone.model) == ("SN-7", None)


def test_sensors_are_scaled_labelled_and_without_nonsense():
    values = system_of() | {f"{ACME}.3.1.{row}": name for row, name in ((1, "CPU"), (2, "PSU"), (3, "gone"))}
    values |= {
        f"{ACME}.3.2.1": 415,
        f"{ACME}.3.2.2": 65535,
        f"{ACME}.3.2.3": 300,
        f"{ACME}.3.3.1": 1,
        f"{ACME}.3.3.3": 9,
    }
    values |= {f"{ACME}.4.0": "12.1 V", f"{ACME}.5.1": 300, f"{ACME}.5.2": 400, "1.3.6.1.2.1.25.3.3.1.2.1": 7}
    temperature = {
        "kind": "temperature", "label": {"column": f"{ACME}.3.1"},
        "value": {"column": f"{ACME}.3.2", "scale": 0.1, "ignore": [65535], "where": {"column": f"{ACME}.3.3", "is": [1]}},
    }  # fmt: skip
    found = read(
        values,
        known=[acme(sensor=[
            temperature,
            {"kind": "voltage", "title": "Input", "value": {"oid": f"{ACME}.4.0", "type": "number_in_text"}},
            {"kind": "memory", "used": {"oid": f"{ACME}.5.1"}, "total": {"oid": f"{ACME}.5.2"}},
        ])],
    )  # fmt: skip
    told = [(one.kind, one.name, one.value, one.unit) for one in found.sensors]
    assert told == [
        ("temperature", "CPU", 41.5, "°C"),
        ("voltage", "Input", 12.1, "V"),
        ("memory", None, 75, "%"),
        ("cpu", "CPU", 7, "%"),
    ]


def test_units_of_a_head_end_are_joined_over_tables_with_different_indexes():
    values = (
        system_of()
        | port(9)
        | {f"{ACME}.6.1.9.4": b"HWTC\x12\x34\xab\xcd", f"{ACME}.6.2.9.4": 2, f"{ACME}.6.1.9.5": b""}
    )
    values |= {f"{ACME}.7.1.9.4.1": -2150, f"{ACME}.7.1.9.5.1": -1900, f"{ACME}.6.3.9.4": 13}
    known = acme(pon=[{
        "kind": "gpon", "rows": "serial", "port": {"part": 0},
        "serial": {"column": f"{ACME}.6.1", "type": "gpon_serial"},
        "state": {"column": f"{ACME}.6.2", "map": {"1": "online", "2": "offline"}},
        "last_down": {"column": f"{ACME}.6.3", "map": {"13": "power lost"}},
        "rx_dbm": {"column": f"{ACME}.7.1", "scale": 0.01, "key": [0, 1]},
    }])  # fmt: skip
    (onu,) = read(values, known=[known]).pon
    assert (onu.serial, onu.state, onu.last_down, onu.rx_dbm, onu.port_name) == (
        "HWTC1234ABCD", "offline", "power lost", -21.5, "ge9",
    )  # fmt: skip


def test_transceivers_come_from_the_inventory_when_no_profile_has_them():
    values = system_of() | port(7)
    parts = {
        10: ("Ethernet7", 0),
        11: ("Receive Power", 10),
        12: ("Transmit Power", 10),
        13: ("Temperature", 10),
        20: ("Inlet", 0),
    }
    for index, (name, parent) in parts.items():
        values |= {f"{ENTITY}2.{index}": name, f"{ENTITY}7.{index}": name, f"{ENTITY}4.{index}": parent}
    values |= {"1.3.6.1.2.1.47.1.3.2.1.2.10.0": ObjectIdentifier(f"{IF}1.7")}
    rows = {
        11: (14, 9, 2, -1234),
        12: (6, 8, 3, 500),
        13: (8, 9, 1, 315),
        20: (8, 9, 0, 28),
        21: (8, 9, 0, 99),
    }
    for index, row in rows.items():
        values |= {f"{SENSOR}{column}.{index}": value for column, value in enumerate(row, 1)}
        values[f"{SENSOR}5.{index}"] = 2 if index == 21 else 1
    found = read(values)
    (light,) = found.optics
    assert light.state is None
    assert (light.if_index, light.port_name, light.rx_dbm, light.tx_dbm, light.temperature_c) == (
        7, "ge7", -12.34, -3.01, 31.5,
    )  # fmt: skip
    assert [(one.kind, one.name, one.value) for one in found.sensors] == [("temperature", "Inlet", 28)]


@pytest.mark.parametrize(
    ("name", "pse", "rest"),
    [
        ("Gi1/0/5", "1.5", {"1.3.6.1.2.1.17.1.4.1.2.5": 10105}),
        ("Gi2/0/5", "2.5", {"1.3.6.1.2.1.17.1.4.1.2.5": 7}),
        ("gi5", "1.5", {}),
        ("uplink", "1.10105", {}),
    ],
    ids=["bridge port", "stack member", "name", "ifIndex"],
)
def test_power_over_ethernet_is_told_of_the_port_the_agent_means(name, pse, rest):
    cisco = walk_of_cisco(name, pse) | rest
    (one, other) = read(cisco).ports
    assert (other.name, other.poe, other.poe_w) == (name, "on", 6.3)
    assert (one.poe, one.poe_w) == (None, None)


def walk_of_cisco(name, pse):
    return {
        "1.3.6.1.2.1.1.1.0": "Cisco IOS Software, C3750E Software, Version 15.0(2)SE",
        "1.3.6.1.2.1.1.2.0": ObjectIdentifier("1.3.6.1.4.1.9.1.516"),
        "1.3.6.1.2.1.31.1.1.1.1.7": "Vl5",
        "1.3.6.1.2.1.31.1.1.1.1.10105": name,
        f"1.3.6.1.2.1.105.1.1.1.6.{pse}": 3,
        f"1.3.6.1.4.1.9.9.402.1.2.1.9.{pse}": Gauge32(6300),
    }


def test_forwarding_is_read_from_whichever_table_there_is():
    mac = "0.17.34.51.68.85"
    plain = system_of() | port(5) | {"1.3.6.1.2.1.17.1.4.1.2.105": 5, f"1.3.6.1.2.1.17.4.3.1.2.{mac}": 105}
    (entry,) = read(plain).fdb
    assert (entry.mac, entry.vlan, entry.if_index, entry.port_name) == ("00:11:22:33:44:55", None, 5, "ge5")
    aware = plain | {
        f"1.3.6.1.2.1.17.7.1.2.2.1.2.7.{mac}": 105,
        "1.3.6.1.2.1.17.7.1.4.2.1.3.0.300": Gauge32(7),
    }
    (entry,) = read(aware).fdb
    assert (entry.vlan, entry.port_name) == (300, "ge5")
    own = system_of() | port(5) | {f"{ACME}.8.1.42.{mac}": 5}
    known = acme(
        fdb=[
            {"index": ["vlan", "mac"], "status": {"column": f"{ACME}.8.1"}, "port": {"column": f"{ACME}.8.1"}}
        ]
    )
    (entry,) = read(own, known=[known]).fdb
    assert (entry.mac, entry.vlan, entry.port_name) == ("00:11:22:33:44:55", 42, "ge5")
    assert read(aware, has_fdb=False).fdb == ()


def test_a_part_that_fails_is_a_warning_and_the_rest_stands():
    with FakeSnmp(system_of() | port(1)) as device:
        device.rule = lambda asked: (5, 1, []) if asked.bindings[0][0].startswith("1.3.6.1.2.1.17.") else None
        found = status.read(device.target())
    assert [one.name for one in found.ports] == ["ge1"]
    assert any("genErr" in words for words in found.warnings)


def test_a_device_that_falls_silent_after_its_ports_is_told_with_them():
    with FakeSnmp(system_of() | port(1)) as device:
        seen = []

        def fading(wire, answer):
            seen.append(wire)
            return answer(wire) if len(seen) < 6 else None

        device.tamper = fading
        started = time.monotonic()
        found = status.read(device.target(timeout_s=0.1, retries=0), deadline_s=2)
    assert [one.name for one in found.ports] == ["ge1"]
    assert any("No answer" in words for words in found.warnings)
    assert time.monotonic() - started < 10


def test_the_time_for_the_whole_device_is_bounded():
    with FakeSnmp(system_of() | port(1), latency_s=0.2) as device:
        started = time.monotonic()
        found = status.read(device.target(timeout_s=1), deadline_s=0.7)
    assert found.system.name == "sw-attic"
    assert found.warnings
    assert time.monotonic() - started < 8


def test_ten_thousand_ports_are_read_and_bounded():
    values = system_of()
    for index in range(1, 10_001):
        values |= {
            f"{IF}2.{index}": f"p{index}",
            f"{IF}7.{index}": 1,
            f"{IF}8.{index}": 1,
            f"{IFX}1.{index}": f"p{index}",
        }
    with FakeSnmp(values) as device:
        found = status.read(device.target(timeout_s=5), deadline_s=60, has_fdb=False)
    assert len(found.ports) == 10_000
    assert found.ports[9_999].name == "p10000"


def test_the_contract_is_one_json_object_with_the_names_agreed_on(capsys):
    values = system_of() | port(1, ifx_18="uplink") | {"1.3.6.1.2.1.4.20.1.1.10.0.0.1": IpAddress("10.0.0.1")}
    with FakeSnmp(values, community="secret") as device:
        gone = device.target()
        arguments = ["status", "127.0.0.1", "--port", str(device.port), "--community", "secret", "--json"]
        assert command.main(arguments) == 0
        found = json.loads(capsys.readouterr().out)
        assert command.main([*arguments[:-2], "wrong", "--json", "--timeout", "0.1"]) == 3
        assert (
            command.main(
                ["status", "127.0.0.1", "--udp-port", str(device.port), "-c", "secret", "--if-index", "1"]
            )
            == 0
        )
        assert "uplink" not in capsys.readouterr().err
    assert found["system"] == {
        "name": "sw-attic", "description": "Acme EdgeOne-24, Software Version 3.2.1",
        "object_id": f"{ACME}.1.7", "uptime_s": 3600.0, "location": None, "contact": None,
    }  # fmt: skip
    wanted = ("index", "name", "descr", "alias", "admin", "oper", "speed_bps", "mtu", "mac", "type")
    assert [found["ports"][0][key] for key in wanted] == [
        1, "ge1", "Port 1", "uplink", "up", "up", 10**9, 1500, "02:00:00:00:00:01", "ethernetCsmacd",
    ]  # fmt: skip
    assert {
        "vendor",
        "family",
        "model",
        "version",
        "serial",
        "fdb",
        "optics",
        "sensors",
        "pon",
        "radio",
        "warnings",
    } <= set(found)
    with pytest.raises(errors.SnmpRefused):
        status.read(gone)
