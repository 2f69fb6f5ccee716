"""A router's table of neighbours: how its rows are named, and from which table they come."""

import ipaddress

import pytest

from netdiag import errors, neighbours, router_arp
from netdiag.testing import FakeSnmp

MAC = bytes.fromhex("001b21000002")
TWO = bytes.fromhex("001b21000003")
PHYSICAL, MEDIA, MEDIA6 = "1.3.6.1.2.1.4.35.1", "1.3.6.1.2.1.4.22.1", "1.3.6.1.2.1.55.1.12.1.2"
CISCO, HUAWEI, AT = (
    "1.3.6.1.4.1.9.10.86.1.1.3.1.3",
    "1.3.6.1.4.1.2011.5.25.123.1.17.1.11",
    "1.3.6.1.2.1.3.1.1.2",
)
SIX = ".".join(str(part) for part in ipaddress.ip_address("2001:db8::2").packed)
IF_INDEX, OBJECT_ID = "1.3.6.1.2.1.2.2.1.1", "1.3.6.1.2.1.1.2.0"


def rows(values):
    with FakeSnmp({OBJECT_ID: "1.3.6.1.4.1.1", **values}) as agent:
        return [(one.address, one.mac, one.if_index) for one in router_arp.table(agent.target())]


def test_the_newer_table_is_read_and_the_older_one_not_doubled():
    assert rows(
        {
            f"{PHYSICAL}.4.3.1.4.10.0.0.2": MAC,
            f"{PHYSICAL}.6.3.1.4.10.0.0.2": 3,
            f"{PHYSICAL}.4.3.2.16.{SIX}": TWO,
            f"{PHYSICAL}.6.3.2.16.{SIX}": 3,
            f"{MEDIA}.2.3.10.0.0.2": MAC,
        }
    ) == [("10.0.0.2", "00:1b:21:00:00:02", 3), ("2001:db8::2", "00:1b:21:00:00:03", 3)]


def test_rows_the_router_calls_invalid_or_has_no_mac_for_are_left_out():
    assert rows(
        {
            f"{MEDIA}.2.3.10.0.0.2": MAC,
            f"{MEDIA}.4.3.10.0.0.2": 2,
            f"{MEDIA}.2.3.10.0.0.3": b"",
            f"{MEDIA}.2.3.10.0.0.4": bytes(6),
            f"{MEDIA}.2.3.10.0.0.5": b"0:1b:21:0:0:3",
        }
    ) == [("10.0.0.5", "00:1b:21:00:00:03", 3)]


@pytest.mark.parametrize(
    ("oid", "address"),
    [
        (f"{MEDIA6}.7.{SIX}", "2001:db8::2"),
        (f"{MEDIA6}.7.16.{SIX}", "2001:db8::2"),
        (f"{AT}.7.1.10.0.0.2", "10.0.0.2"),
    ],
)
def test_elder_tables_are_read_where_the_newer_ones_are_missing(oid, address):
    assert rows({oid: MAC}) == [(address, "00:1b:21:00:00:02", 7)]


@pytest.mark.parametrize(
    ("enterprise", "oid", "address"),
    [
        ("9.1.1208", f"{CISCO}.7.1.4.10.0.0.2", "10.0.0.2"),
        ("9.1.1208", f"{CISCO}.7.4.20.{SIX}.0.0.0.9", "2001:db8::2"),
        ("2011.2.23.96", f"{HUAWEI}.7.10.0.0.2.1.32", "10.0.0.2"),
    ],
)
def test_vendors_tables_are_read_on_the_vendors_devices_alone(enterprise, oid, address):
    assert rows({OBJECT_ID: f"1.3.6.1.4.1.{enterprise}", oid: MAC}) == [(address, "00:1b:21:00:00:02", 7)]
    assert rows({OBJECT_ID: "1.3.6.1.4.1.14988.1", oid: MAC}) == []


@pytest.mark.parametrize(
    ("oid", "enterprise", "address"),
    [
        (f"{PHYSICAL}.4.3.1.4.10.0.0.2", "1", "10.0.0.2"),
        (f"{PHYSICAL}.4.3.2.16.{SIX}", "1", "2001:db8::2"),
        (f"{MEDIA}.2.3.10.0.0.2", "1", "10.0.0.2"),
        (f"{MEDIA6}.3.{SIX}", "1", "2001:db8::2"),
        (f"{CISCO}.3.1.4.10.0.0.2", "9.1", "10.0.0.2"),
        (f"{HUAWEI}.3.10.0.0.2.1.32", "2011.2", "10.0.0.2"),
    ],
)
@pytest.mark.parametrize("interfaces", [{}, {f"{IF_INDEX}.3": 3, f"{IF_INDEX}.9": 9}])
def test_one_address_is_found_in_every_table_with_and_without_a_list_of_interfaces(
    oid, enterprise, address, interfaces
):
    values = {OBJECT_ID: f"1.3.6.1.4.1.{enterprise}", oid: MAC, **interfaces}
    with FakeSnmp(values) as agent:
        assert neighbours.router(agent.target(), address) == "00:1b:21:00:00:02"
        assert neighbours.router(agent.target(), "10.0.0.9") is None


def test_a_silent_router_is_no_empty_table():
    with FakeSnmp({}) as agent:
        agent.is_deaf = True
        with pytest.raises(errors.SnmpSilent):
            router_arp.table(agent.target(timeout_s=0.05, retries=0))
