"""Whose the light is that a round reads: units by MAC or serial, ports by ifIndex or name."""

import pytest

from netdiag.results import Onu, Optics
from netdiag.snmp import SnmpTarget, light, profiles
from netdiag.snmp.message import Value
from netdiag.snmp.reading import Reading
from registry.levels import Unit
from registry.series_codec import LevelPoint
from tasks.light import of_ports, of_units

ONUS = [
    Onu(index="1", mac="fc:fa:f7:00:00:01", rx_dbm=-19.04, tx_dbm=2.1, olt_rx_dbm=-20.0),
    Onu(index="2", serial="485754431A2B3C4D", rx_dbm=-27.5),
    Onu(index="3", mac="fc:fa:f7:00:00:03", olt_rx_dbm=-23.0),
    Onu(index="4", serial="ZTEGC0FFEE01", rx_dbm=-18.0),
    Onu(index="5", serial="ZTEGC0FFEE01", rx_dbm=-18.5),
]


def level(rx: int | None, tx: int | None = None) -> LevelPoint:
    return LevelPoint(1, rx, rx, rx, tx)


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        (Unit(7, 70, "fc:fa:f7:00:00:01", ""), [("device_id", 70, level(-1904, 210))]),
        (Unit(7, None, "fc:fa:f7:00:00:01", ""), [("customer_id", 7, level(-1904, 210))]),
        (Unit(7, 70, None, "HWTC1A2B3C4D"), [("device_id", 70, level(-2750))]),
        # The others tell what they receive themselves: what only the OLT receives of this one is no such level.
        (Unit(7, 70, "fc:fa:f7:00:00:03", ""), [("device_id", 70, level(None))]),
        (Unit(7, 70, None, "ZTEGC0FFEE01"), []),
        (Unit(7, 70, "50:c7:bf:00:00:09", "none"), []),
    ],
    ids=["by MAC", "by his address's MAC", "by serial in hexadecimal", "untold", "two have it", "nobody's"],
)
def test_a_unit_is_known_by_what_is_on_file(owner: Unit, expected: list[tuple[str, int, LevelPoint]]) -> None:
    assert of_units(ONUS, [owner]) == expected


def test_a_unit_on_file_as_device_and_by_its_address_is_kept_once() -> None:
    owners = [Unit(7, None, "fc:fa:f7:00:00:01", ""), Unit(7, 70, "fc:fa:f7:00:00:01", "")]
    assert of_units(ONUS, owners) == [("device_id", 70, level(-1904, 210))]


def test_where_no_unit_tells_what_it_receives_the_head_end_does() -> None:
    found = of_units([ONUS[2]], [Unit(7, 70, "fc:fa:f7:00:00:03", "")])
    assert found == [("device_id", 70, level(-2300))]


def test_a_port_has_the_level_of_its_weakest_lane_and_a_port_not_on_file_none() -> None:
    lights = [
        Optics(if_index=25, name="lane 1", rx_dbm=-3.0, tx_dbm=0.5),
        Optics(if_index=25, name="lane 2", rx_dbm=-9.5, tx_dbm=0.4),
        Optics(port_name="xe-0/0/1", rx_dbm=-6.0),
        Optics(if_index=99, rx_dbm=-1.0),
    ]
    assert of_ports(lights, {25: 1, "xe-0/0/1": 2}) == {1: level(-950, 40), 2: level(-600)}


def test_of_a_family_only_the_columns_of_light_and_of_whose_it_is_are_read() -> None:
    lamps = light.of_profile(profiles.choose("1.3.6.1.4.1.3320.1.222.0", None, None, lambda _: False))
    columns = {column for table in light.wanted(lamps).tables for column in table}
    assert "1.3.6.1.4.1.3320.101.10.5.1.5" in columns
    assert "1.3.6.1.4.1.3320.101.10.5.1.2" not in columns, "a temperature is no light"
    assert not light.of_profile(None)
    assert not light.of_profile(profiles.choose("1.3.6.1.4.1.318.1.3.27", None, None, lambda _: False))


def test_what_was_read_is_laid_out_without_asking_again() -> None:
    lamps = light.of_profile(profiles.choose("1.3.6.1.4.1.3320.1.222.0", None, None, lambda _: False))
    base = "1.3.6.1.4.1.3320."
    row: dict[str, Value] = {
        f"{base}101.10.1.1.3": bytes.fromhex("fcfaf7000001"),
        f"{base}101.10.5.1.5": -191,
    }
    dark: dict[str, Value] = {
        f"{base}101.10.1.1.3": bytes.fromhex("fcfaf7000002"),
        f"{base}101.10.5.1.5": -65_535,
    }
    read = Reading(tables=[{"25": {f"{base}9.63.1.7.1.3": -720}}, {"101": row, "102": dark}])
    lights, units = light.read(SnmpTarget(host="192.0.2.1"), lamps, read)
    assert [(one.if_index, one.rx_dbm) for one in lights] == [(25, -7.2)]
    assert [(one.mac, one.rx_dbm) for one in units] == [("fc:fa:f7:00:00:01", -19.1)]
