"""From an agent's value to what people read; recordings; guesses; a proposal that is usable as it is."""

import bz2
import tomllib

import pytest

from netdiag.snmp import conversions, guesses, profile_format, profile_proposal, walks
from netdiag.snmp.profile_format import Reading


@pytest.mark.parametrize(
    ("fields", "value", "found"),
    [
        ({"type": "number"}, 42, 42),
        ({"type": "number"}, b" 4.5 ", 4.5),
        ({"type": "number"}, b"4.5 V", None),
        ({"type": "number_in_text"}, b"-18,25 dBm", -18.25),
        ({"type": "number_in_text"}, b"no light", None),
        ({"type": "number", "scale": 0.01}, -1234, -12.34),
        ({"type": "number", "scale": -1.0, "offset": 100}, 93, 7),
        ({"type": "number", "ignore": (65535,)}, 65535, None),
        ({"type": "number", "ignore": ("N/A",)}, b"N/A", None),
        ({"type": "number", "scale": 0.001, "convert": "mw_to_dbm"}, 501, -3.002),
        ({"type": "number", "convert": "mw_to_dbm"}, 0, None),
        ({"type": "number", "convert": "fahrenheit_to_celsius"}, 212, 100),
        ({"type": "number", "convert": "kelvin_to_celsius"}, 300, 26.85),
        ({"type": "number", "minimum": -40, "maximum": 120}, 200, None),
        ({"type": "number", "map": {"1": 1000, "*": 10}}, 7, 10),
        ({"type": "text", "map": {"1": "on"}}, 1, "on"),
        ({"type": "text", "map": {"1": "on"}}, 2, None),
        ({"type": "text"}, b"N/A", None),
        ({"type": "text", "template": "v{}"}, b" 7 \x00", "v7"),
        ({"type": "hex"}, b"\x01\xff", "01ff"),
        ({"type": "mac"}, b"\x02\x00\x00\x00\x00\x01", "02:00:00:00:00:01"),
        ({"type": "mac"}, b"0200.0000.0001", "02:00:00:00:00:01"),
        ({"type": "mac"}, b"2:0:0:0:0:1", "02:00:00:00:00:01"),
        ({"type": "mac"}, b"not a MAC", None),
        ({"type": "mac"}, bytes(6), None),
        ({"type": "ip"}, b"\x0a\x00\x00\x01", "10.0.0.1"),
        ({"type": "gpon_serial"}, b"HWTC\x12\x34\xab\xcd", "HWTC1234ABCD"),
        ({"type": "gpon_serial"}, b"485754431234ABCD", "HWTC1234ABCD"),
        ({"type": "gpon_serial"}, b"HWTC1234ABCD", "HWTC1234ABCD"),
        ({"type": "version_bytes"}, b"\x02\x0a\x01", "2.10.1"),
        (
            {"type": "text", "convert": "date_bytes"},
            bytes([7, 234, 11, 25, 14, 2, 0, 0]),
            "2026-11-25T14:02:00",
        ),
        ({"type": "text", "convert": "date_bytes"}, bytes(8), None),
        ({"type": "number"}, None, None),
    ],
)
def test_a_reading_becomes_what_people_read_or_nothing(fields, value, found):
    assert conversions.apply(Reading(oids=("1.3.0",), **fields), value) == found


@pytest.mark.parametrize(
    ("description", "model", "version", "serial"),
    [
        ("BDCOM(tm) S5612 Software, Version 2.1.1B Build 31318", "S5612", "2.1.1B", None),
        ("ArubaOS (MODEL: Aruba7010), Version 8.3.0.0 (64659)", "Aruba7010", "8.3.0.0", None),
        ("WebPower Pro II Mini Card v5.27 (SN 11120051132123)", None, "5.27", "11120051132123"),
        ("Westermo Lynx L110-F2G, primary:v4.13.2, backup:v4.13.2", "L110-F2G", "4.13.2", None),
        ("Product: MP-118 FXS;SW Version: 6.60A.228.014", "MP-118 FXS", "6.60A.228.014", None),
        (
            "DrayTek Corporation, Router Model: Vigor2925 Series, Version: 3.8.2.3_STD",
            "Vigor2925 Series",
            "3.8.2.3_STD",
            None,
        ),
        (
            "Tsunami MP.11 5054-R v4.0.3(1182) SN-07UT42890123 BL-v4.0.3",
            "Tsunami MP.11 5054-R",
            "4.0.3(1182)",
            "07UT42890123",
        ),
        ("Dell 2335dn MFP; 2.70.03.02;Engine 1.10.65;S/N JQF9FG1", "2335dn", "2.70.03.02", "JQF9FG1"),
        ("Dell Laser Printer 1720dn version NM.NA.N099 kernel 2.6.10 All-N-1", "1720dn", "NM.NA.N099", None),
        ("WRD Tech. IPS-1022 IPSensor, Copyright (c) 2016", "IPS-1022", None, None),
        ("AP230, HiveOS 6.5r8 build-158569", "AP230", "6.5r8", None),
        ("Room Alert 32E v2.2.0", "Room Alert 32E", "2.2.0", None),
        ("ETX-203AX-GE30 Hw: 0.0, Sw: 6.5.1(0.44)", "ETX-203AX-GE30", "6.5.1(0.44)", None),
        ("IP phone, HW: Version 3, FW: Version V2.6.0", None, "2.6.0", None),
        ("Linux host7 5.10.0-28-amd64 #1 SMP Debian 5.10.209-2 x86_64", None, "5.10.0-28-amd64", None),
        ("DES-3200-18 Fast Ethernet Switch", "DES-3200-18", None, None),
        ("A switch", None, None, None),
        ("", None, None, None),
    ],
)
def test_a_guess_is_a_model_and_a_version_or_nothing(description, model, version, serial):
    assert (guesses.model(description), guesses.version(description), guesses.serial(description)) == (
        model, version, serial,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("vendor", "description", "model"),
    [
        ("Westermo", "Westermo Lynx L110-F2G, primary:v4.13.2", "Lynx L110-F2G"),
        ("HPE", "HP StorageWorks MSA2012fc", "StorageWorks MSA2012fc"),
        ("Avaya", "Avaya Inc., G450 Media Gateway, SW Version 31.22.0", "G450"),
        ("Opengear", "Opengear/CM4148 Version 3.5.3 2b4ba0f0 -- Fri Aug 10 2012", "CM4148"),
        ("Dell", "Dell Laser Printer 1720dn version NM.NA.N099", "1720dn"),
        ("DCN", "Digital China DCS-3726S Device, SoftWare Version 2.2.3.44", "DCS-3726S"),
        ("Meraki", "Meraki MX64 Router Appliance", "MX64"),
        ("3Com", "3Com", None),
    ],
)
def test_a_guessed_model_is_without_its_maker_s_name_and_kind(vendor, description, model):
    assert guesses.model(description, vendor) == model


SNMPREC = """1.3.6.1.2.1.1.1.0|4x|41636d6520454f2d32342c2056657273696f6e20332e322e31
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.40418.7.24
1.3.6.1.2.1.1.3.0|67:numeric|rate=100,initial=4200
1.3.6.1.2.1.4.20.1.1.10.0.0.1|64|10.0.0.1
1.3.6.1.4.1.40418.7.100.1.0|4|EO-24
1.3.6.1.4.1.40418.7.100.2.0|4|3.2.1
1.3.6.1.4.1.40418.7.100.3.0|4|SW12A0001234
1.3.6.1.4.1.40418.7.200.1.4.1|2|-1810
1.3.6.1.4.1.40418.7.200.1.4.2|2|-2210
not a line
"""
WALK = """.1.3.6.1.2.1.1.1.0 = STRING: "Acme EO-24,
 second line = not an OID"
.1.3.6.1.2.1.1.2.0 = OID: .1.3.6.1.4.1.40418.7.24
.1.3.6.1.2.1.1.3.0 = Timeticks: (4200) 0:00:42.00
.1.3.6.1.2.1.2.2.1.6.1 = Hex-STRING: 02 00 00 00
00 01
.1.3.6.1.2.1.2.2.1.8.1 = INTEGER: up(1)
.1.3.6.1.2.1.31.1.1.1.6.1 = Counter64: 12345678901
.1.3.6.1.2.1.99.1 = No Such Object available on this agent at this OID
iso.3.6.1.2.1.4.20.1.1.10.0.0.1 = IpAddress: 10.0.0.1
.1.3.6.1.2.1.1.4.0 = ""
"""


def plain(text):
    return {oid: walks.plain(value) for oid, value in walks.parse(text).items()}


def test_both_kinds_of_recording_are_read_value_by_value():
    found = plain(SNMPREC)
    assert found["1.3.6.1.2.1.1.1.0"] == b"Acme EO-24, Version 3.2.1"
    assert (found["1.3.6.1.2.1.1.3.0"], found["1.3.6.1.2.1.4.20.1.1.10.0.0.1"]) == (4200, "10.0.0.1")
    assert len(found) == 9
    found = plain(WALK)
    assert found == {
        "1.3.6.1.2.1.1.1.0": b"Acme EO-24,\n second line = not an OID",
        "1.3.6.1.2.1.1.2.0": "1.3.6.1.4.1.40418.7.24",
        "1.3.6.1.2.1.1.3.0": 4200,
        "1.3.6.1.2.1.2.2.1.6.1": b"\x02\x00\x00\x00\x00\x01",
        "1.3.6.1.2.1.2.2.1.8.1": 1,
        "1.3.6.1.2.1.31.1.1.1.6.1": 12_345_678_901,
        "1.3.6.1.2.1.4.20.1.1.10.0.0.1": "10.0.0.1",
        "1.3.6.1.2.1.1.4.0": b"",
    }


def test_a_packed_recording_is_read_and_one_that_is_none_refused(tmp_path):
    (tmp_path / "device.snmprec.bz2").write_bytes(bz2.compress(SNMPREC.encode()))
    assert len(walks.read(tmp_path / "device.snmprec.bz2")) == 9
    (tmp_path / "letter.txt").write_text("Dear Sir")
    with pytest.raises(walks.BadWalk, match="neither"):
        walks.read(tmp_path / "letter.txt")


def test_a_proposal_is_well_formed_and_finds_where_the_facts_stand():
    text = profile_proposal.propose(walks.parse(SNMPREC))
    made = profile_format.parse("proposal.toml", tomllib.loads(text))
    assert (made.vendor, made.matches[0].object_ids) == ("SNR", ("1.3.6.1.4.1.40418.7",))
    first = {field: sources[0].read for field, sources in made.identity.items()}
    assert {field: read and read.oids for field, read in first.items()} == {
        "model": ("1.3.6.1.4.1.40418.7.100.1.0",),
        "version": ("1.3.6.1.4.1.40418.7.100.2.0",),
        "serial": ("1.3.6.1.4.1.40418.7.100.3.0",),
    }
    assert '# optics in hundredths of dBm? column = "1.3.6.1.4.1.40418.7.200.1.4"' in text


@pytest.mark.parametrize(
    "text", [WALK, '1.3.6.1.2.1.1.1.0|4|It\'s "quoted" \\ here\n', "1.3.6.1.9.1.0|2|5\n"]
)
def test_a_proposal_for_whatever_recording_is_well_formed(text):
    assert profile_format.parse("proposal.toml", tomllib.loads(profile_proposal.propose(walks.parse(text))))
