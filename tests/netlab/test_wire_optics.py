"""Transceivers by makers' tables: units brought to dBm, darkness told from weakness and from an empty cage."""

import pytest

from tests.profile_walks import column, read, table, walk

NAME, ENTITY_NAME = "=1.3.6.1.2.1.31.1.1.1.1", "=1.3.6.1.2.1.47.1.1.1.1.7"
VRP, VRP_OPTICS = (
    "Huawei Versatile Routing Platform Software VRP (R) software, Version 5.170",
    "2011.5.25.31.1.1.3.1",
)
VRP_ID = "1.3.6.1.4.1.2011.2.23.96"


def huawei(**columns):
    """Return a switch with one port and what its module says."""
    return walk(
        VRP,
        VRP_ID,
        column(NAME, {5: "GigabitEthernet0/0/1"}),
        column(ENTITY_NAME, {67_000: "GigabitEthernet0/0/1"}),
        table(VRP_OPTICS, 67_000, **columns),
    )


CASES = {
    "huawei, hundredths of dBm": (huawei(c5=38, c6=3312, c7=12000, c8=-2150, c9=234), (-21.5, 2.34, 38, None)),
    "huawei, microwatts": (huawei(c5=38, c6=3312, c7=12000, c8=250, c9=500), (-6.021, -3.01, 38, None)),
    "huawei, dark": (huawei(c5=38, c6=3312, c7=12000, c8=-4000, c9=-520), (-40, -5.2, 38, "no light")),
    "huawei, empty cage": (huawei(c5=-255, c6=-1, c7=-1, c8=-1, c9=-1), None),
    "d-link, milliwatts": (
        walk("D-Link DGS-3120", "1.3.6.1.4.1.171.10.117.1.3", column(NAME, {25: "1/25"}),
             table("171.12.72.2.1.1.1", 25, c2="36.5", c3="3.3", c4="5.1", c5="0.25", c6="0.0100")),
        (-20, -6.021, 36.5, None),
    ),
    "d-link, dark": (
        walk("D-Link DGS-3120", "1.3.6.1.4.1.171.10.117.1.3", column(NAME, {25: "1/25"}),
             table("171.12.72.2.1.1.1", 25, c2="36.5", c3="3.3", c4="5.1", c5="0.25", c6="0.0000")),
        (-40, -6.021, 36.5, "no light"),
    ),
    "d-link, empty cage": (
        walk("D-Link DGS-3120", "1.3.6.1.4.1.171.10.117.1.3", column(NAME, {25: "1/25"}),
             table("171.12.72.2.1.1.1", 25, c2="0", c3="0", c4="0", c5="0", c6="0")),
        None,
    ),
    "juniper": (
        walk("Juniper Networks, Inc. mx204 internet router, kernel JUNOS 20.4R3", "1.3.6.1.4.1.2636.1.1.1.2.151",
             column(NAME, {514: "xe-0/0/1"}), table("2636.3.60.1.1.1.1", 514, c5=-3750, c7=-210, c8=29, c12=-1400)),
        (-37.5, -2.1, 29, "no light"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_transceivers_light_is_told_in_dbm(case):
    values, wanted = case
    found = [(one.rx_dbm, one.tx_dbm, one.temperature_c, one.state) for one in read(values).optics]
    assert found == ([] if wanted is None else [wanted])


def test_a_transceiver_tells_when_the_device_warns_and_of_which_port_it_is():
    (light,) = read(CASES["juniper"][0]).optics
    assert (light.rx_low_dbm, light.port_name, light.if_index) == (-14, "xe-0/0/1", 514)
    (light,) = read(CASES["huawei, microwatts"][0]).optics
    assert (light.port_name, light.voltage_v, light.bias_ma) == ("GigabitEthernet0/0/1", 3.312, 12)
