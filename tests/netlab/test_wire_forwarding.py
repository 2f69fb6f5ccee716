"""Forwarding tables as switches and head ends really serve them: VLAN, port and ONU of each MAC."""

import pytest
from pysnmp.proto.rfc1902 import Gauge32

from netdiag import status
from netdiag.snmp import forwarding
from netdiag.testing import FakeSnmp
from tests.profile_walks import column, table, walk

MAC, DOTTED = "00:11:22:33:44:55", "0.17.34.51.68.85"
OCTETS = bytes.fromhex("001122334455")
DESCR, NAME = "=1.3.6.1.2.1.2.2.1.2", "=1.3.6.1.2.1.31.1.1.1.1"
BRIDGE, Q_BRIDGE, BASE = "=1.3.6.1.2.1.17.4.3.1.2", "=1.3.6.1.2.1.17.7.1.2.2.1.2", "=1.3.6.1.2.1.17.1.4.1.2"
UPLINK = "228.95.1.98.159.211"
CDATA_FDB, CDATA_EPON_FDB = "17409.2.3.2.4.2.1.4", "34592.1.3.100.12.2.1.1.3"

CASES = {
    "huawei: MAC, VLAN and VSI in the index, the ifIndex as value, -1 for no port": (
        walk(
            "S5735-L24T4X-A1 Huawei Versatile Routing Platform Software",
            "1.3.6.1.4.1.2011.2.23.96",
            column(DESCR, {9: "GE0/0/3"}),
            column("2011.5.25.42.2.1.3.1.4", {f"{DOTTED}.1001.1.48": 9, f"{UPLINK}.20.0": 0}),
        ),
        (1001, 9, "GE0/0/3", None),
    ),
    "huawei: BRIDGE-MIB whose ports only the maker's table maps": (
        walk(
            "Huawei YunShan OS S5735-S-V2",
            "1.3.6.1.4.1.2011.2.23.96",
            column(DESCR, {32: "GE1/0/29", 35: "GE1/0/30"}),
            column(BRIDGE, {DOTTED: 32, UPLINK: -1}),
            {"2011.5.25.42.1.1.1.3.1.2.32": 35},
        ),
        (None, 35, "GE1/0/30", None),
    ),
    "mikrotik: database 0 is no VLAN": (
        walk(
            "RouterOS CRS328-24P-4S+",
            "1.3.6.1.4.1.14988.1",
            column(NAME, {2: "ether1", 4: "ether3"}),
            column(Q_BRIDGE, {f"0.{DOTTED}": 3}),
            column(BASE, {1: 2, 3: 4}),
        ),
        (None, 4, "ether3", None),
    ),
    "juniper ELS: the database is told in the maker's table": (
        walk(
            "Juniper Networks, Inc. ex3400-48p Ethernet Switch, kernel JUNOS 18.2R3",
            "1.3.6.1.4.1.2636.1.1.1.4.132.6",
            column(NAME, {514: "ge-0/0/1.0"}),
            column(Q_BRIDGE, {f"65536.{DOTTED}": 491}),
            column(BASE, {491: 514}),
            table("2636.3.48.1.3.1.1", 2, c3=200, c5=Gauge32(65536)),
        ),
        (200, 514, "ge-0/0/1.0", None),
    ),
    "juniper EX: the database is the VLAN's own number": (
        walk(
            "Juniper Networks, Inc. ex2200-24t-4g internet router, kernel JUNOS 12.3R6.6",
            "1.3.6.1.4.1.2636.1.1.1.4.31.6",
            column(NAME, {505: "ge-0/0/2.0"}),
            column(Q_BRIDGE, {f"4.{DOTTED}": 515}),
            column(BASE, {515: 505}),
            {"2636.3.40.1.5.1.5.1.5.4": 310},
        ),
        (310, 505, "ge-0/0/2.0", None),
    ),
    "tp-link: the number is that of the front's port": (
        walk(
            "JetStream 24-Port Gigabit L2 Managed Switch with 4 SFP Slots",
            "1.3.6.1.4.1.11863.5.38",
            column(NAME, {49157: "gigabitEthernet 1/0/5"}),
            column(Q_BRIDGE, {f"12.{DOTTED}": 5}),
        ),
        (12, 49157, "gigabitEthernet 1/0/5", None),
    ),
    "bdcom: by port, an ONU is a port of its own": (
        walk(
            "BDCOM(tm) P3310C Software, Version 10.1.0E Build 27187",
            "1.3.6.1.4.1.3320.1.195.0",
            column(DESCR, {12: "EPON0/1:4"}),
            table("3320.101.10.1.1", 12, c3=bytes.fromhex("00259eaabb01")),
            table("3320.152.1.1", f"12.101.{DOTTED}", c1=12, c2=101, c3=OCTETS),
        ),
        (101, 12, "EPON0/1:4", "12"),
    ),
    "c-data gpon: the ONU's number, after the MAC's length": (
        walk(
            "olt",
            "1.3.6.1.4.1.17409",
            column(DESCR, {16780544: "pon0/0/1", 3: "ge0/0/3"}),
            table("17409.2.8.4.1.1", 16780547, c3=b"HWTC\x12\x34\xab\xcd"),
            column(CDATA_FDB, {f"6.{DOTTED}.301": 16780547}),
        ),
        (301, 16780544, "pon0/0/1", "16780547"),
    ),
    "c-data: an uplink is no ONU": (
        walk(
            "olt",
            "1.3.6.1.4.1.17409",
            column(DESCR, {16780544: "pon0/0/1", 3: "ge0/0/3"}),
            table("17409.2.8.4.1.1", 16780547, c3=b"HWTC\x12\x34\xab\xcd"),
            column(CDATA_FDB, {f"6.{DOTTED}.301": 3}),
        ),
        (301, 3, "ge0/0/3", None),
    ),
    "c-data epon of EasyPath: the PON port's ifIndex is in the middle of the number": (
        walk(
            "olt",
            "1.3.6.1.4.1.17409",
            column(DESCR, {11: "epon0/1"}),
            table("17409.2.3.4.1.1", 0x01000B05, c7=bytes.fromhex("00259eaabb01")),
            column(CDATA_EPON_FDB, {f"{DOTTED}.77": 0x01000B05}),
        ),
        (77, 11, "epon0/1", str(0x01000B05)),
    ),
    "v-sol: port and ONU as a text": (
        walk(
            "V1600D",
            "1.3.6.1.4.1.37950.1.1.5",
            table("37950.1.1.5.12.1.25.1", "1.6", c5="00:25:9E:AA:BB:01"),
            table("37950.1.1.5.10.3.2.1", 17, c2=400, c3=OCTETS, c5="EPON0/1:6"),
        ),
        (400, None, "EPON0/1:6", "1.6"),
    ),
    "v-sol of another firmware: BRIDGE-MIB with the MAC's length, ports are interfaces": (
        walk(
            "V1600D",
            "1.3.6.1.4.1.37950.1.1.5",
            column(DESCR, {61: "EPON01ONU6"}),
            column(BRIDGE, {f"6.{DOTTED}": 61}),
        ),
        (None, 61, "EPON01ONU6", None),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_macs_vlan_port_and_onu_are_told_as_the_device_means_them(case):
    values, place = case
    with FakeSnmp(values) as device:
        (entry,) = status.read(device.target()).fdb
        assert forwarding.find_mac(device.target(), MAC)
    assert (entry.mac, (entry.vlan, entry.if_index, entry.port_name, entry.onu)) == (MAC, place)


IOS = walk(
    "Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 12.2(55)SE5",
    "1.3.6.1.4.1.9.1.716",
    column(NAME, {10105: "Fa0/5", 10108: "Fa0/8"}),
    column(BRIDGE, {UPLINK: 8}),
    column(BASE, {8: 10108}),
    column("9.9.46.1.3.1.1.2", {"1.1": 1, "1.20": 1, "1.1002": 1}),
)
IOS_20 = walk("", "1.3.6.1.4.1.9.1.716", column(BRIDGE, {DOTTED: 5}), column(BASE, {5: 10105}))
IOS_1 = walk("", "1.3.6.1.4.1.9.1.716", column(BRIDGE, {UPLINK: 8}), column(BASE, {8: 10108}))


@pytest.mark.parametrize("version", ["2c", "3"])
def test_cisco_ios_is_asked_once_for_each_vlan(version):
    with FakeSnmp(IOS, contexts={"vlan-1": IOS_1, "vlan-20": IOS_20}) as device:
        found = status.read(device.target(version)).fdb
        (entry,) = forwarding.find_mac(device.target(version), MAC)
        behind = forwarding.macs_on_port(device.target(version), 10105)
    assert (entry.vlan, entry.if_index, entry.port_name) == (20, 10105, "Fa0/5")
    assert entry in found
    assert [one.mac for one in behind] == [MAC]
    assert {(one.vlan, one.port_name) for one in found if one.mac != MAC} == {(1, "Fa0/8")}
