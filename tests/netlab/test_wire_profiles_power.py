"""UPS, PDU and rectifiers by their profiles: who they are, battery, load, voltages, on line or on battery."""

import pytest

from tests.profile_walks import LINUX, column, read, table, walk

APC = "APC Web/SNMP Management Card (MB:v4.1.0 PF:v6.7.2 PN:apc_hw05_aos_672.bin AF1:v6.7.2 MN:AP9630 HR:08 SN: ZA1)"
CASES = {
    "APC UPS": (
        walk(
            APC,
            "1.3.6.1.4.1.318.1.3.27",
            {"318.1.1.1.1.1.1.0": "Smart-UPS 1500", "318.1.1.1.1.2.3.0": "AS1234567890"},
            {"318.1.4.2.4.1.4.1": "v6.7.2", "318.1.4.2.4.1.4.2": "v6.7.0"},
            {"318.1.1.1.4.1.1.0": 3, "318.1.1.1.2.2.1.0": 84, "318.1.1.1.2.2.3.0": 222000},
            {"318.1.1.1.3.2.1.0": 0, "318.1.1.1.4.2.1.0": 230, "318.1.1.1.4.2.3.0": 37},
        ),
        ("APC", "PowerNet", "Smart-UPS 1500", "AOS v6.7.2 / App v6.7.0", "AS1234567890"),
        {"state": "on battery", "battery": 84, "runtime": 2220, "input_voltage": 0, "output_voltage": 230, "load": 37},
    ),
    "APC PDU": (
        walk(
            APC,
            "1.3.6.1.4.1.318.1.3.4.6",
            {"318.1.1.12.1.5.0": "AP8932", "318.1.1.12.1.6.0": "3F503A169043", "318.1.1.12.1.3.0": "v6.7.2"},
            {"318.1.1.12.2.3.1.1.2.1": 28, "318.1.1.26.4.3.1.5.1": 16},
        ),
        ("APC", "PowerNet", "AP8932", "v6.7.2", "3F503A169043"),
        {"current": 2.8, "power": 160},
    ),
    "Eaton by XUPS-MIB": (
        walk(
            "Eaton Network-M2",
            "1.3.6.1.4.1.534.1",
            {"534.1.1.2.0": "Eaton 9SX 1000i", "534.1.1.3.0": "INV: 01.17.4945", "534.1.1.6.0": "G117E12345"},
            {"534.1.4.5.0": 3, "534.1.2.1.0": 3400, "534.1.2.4.0": 100, "534.1.4.1.0": 9},
            {"534.1.3.4.1.2.1": 243, "534.1.4.4.1.2.1": 231, "534.1.2.2.0": 78},
        ),
        ("Eaton", "XUPS", "Eaton 9SX 1000i", "01.17.4945", "G117E12345"),
        {
            "state": "on line", "runtime": 3400, "battery": 100, "load": 9, "input_voltage": 243,
            "output_voltage": 231, "battery_voltage": 78,
        },
    ),
    "Eaton by MG-SNMP-UPS-MIB": (
        walk(
            "Eaton 9PX",
            "1.3.6.1.4.1.705.1",
            {"705.1.1.1.0": "Eaton 9PX", "705.1.1.2.0": "2200i RT 3U", "705.1.1.4.0": "01.17.4945"},
            {"705.1.1.7.0": "GX13G45099", "705.1.7.3.0": 1, "705.1.5.1.0": 17218, "705.1.5.2.0": 99},
            {"705.1.5.5.0": 780, "705.1.6.2.1.2.1.0": 2430, "705.1.7.2.1.2.1": 2310, "705.1.7.2.1.4.1": 9},
        ),
        ("Eaton", "MGE UPS", "Eaton 9PX 2200i RT 3U", "01.17.4945", "GX13G45099"),
        {
            "state": "on battery", "runtime": 17218, "battery": 99, "battery_voltage": 78, "input_voltage": 243,
            "output_voltage": 231, "load": 9,
        },
    ),
    "CyberPower": (
        walk(
            "UPS SNMP Card",
            "1.3.6.1.4.1.3808.1.1.1",
            {"3808.1.1.1.1.1.1.0": "PR1500ELCDRTXL2U", "3808.1.1.1.1.2.4.0": "1.1.9", "3808.1.1.1.1.2.3.0": "CPS1"},
            {"3808.1.1.1.4.1.1.0": 2, "3808.1.1.1.2.2.1.0": 100, "3808.1.1.1.2.2.4.0": 540000},
            {"3808.1.1.1.3.2.1.0": 2297, "3808.1.1.1.4.2.1.0": 2298, "3808.1.1.1.4.2.3.0": 12},
        ),
        ("CyberPower", "CPS", "PR1500ELCDRTXL2U", "1.1.9", "CPS1"),
        {"state": "on line", "battery": 100, "runtime": 5400, "input_voltage": 229.7, "output_voltage": 229.8, "load": 12},
    ),
    "Tripp Lite": (
        walk(
            "Ubuntu 16.04.4 LTS Linux 4.4.31 software: PowerAlert 15.5.4 (Build 1045)",
            "1.3.6.1.4.1.850.1.1.1",
            {"850.1.1.1.2.1.5.1": "PDUMH20ATNET", "850.1.1.2.1.1.4.1": "693038B"},
            {"850.1.1.2.1.1.5.1": "3569FG0LD527F11485", "850.1.1.3.4.3.2.1.1.4.1.1": 1152},
        ),
        ("Tripp Lite", "PowerAlert", "PDUMH20ATNET", "693038B", "3569FG0LD527F11485"),
        {"output_voltage": 115.2},
    ),
    "Delta": (
        walk(
            "DeltaUPS",
            "1.3.6.1.4.1.2254.2.4",
            {"2254.2.4.1.2.0": "GES-102R", "2254.2.4.1.3.0": "1.07"},
            {"2254.2.4.5.1.0": 1, "2254.2.4.7.8.0": 77, "2254.2.4.4.3.0": 0, "2254.2.4.5.4.0": 2301},
        ),
        ("Delta", "DeltaUPS", "GES-102R", "1.07", None),
        {"state": "on battery", "battery": 77, "input_voltage": 0, "output_voltage": 230.1},
    ),
    "Vertiv": (
        walk(
            "Liebert IntelliSlot",
            "1.3.6.1.4.1.476.1.42",
            {"476.1.42.2.1.2.0": "IntelliSlot Web Card", "476.1.42.2.1.3.0": "3.210.0", "476.1.42.2.1.4.0": "4167"},
            {"476.1.42.2.4.2.1.4.1": "Liebert PEX"},
        ),
        ("Vertiv", "Liebert", "Liebert PEX", "3.210.0", "4167"),
        {},
    ),
    "Geist": (
        walk(
            "Data Center 01 Temp Sensor",
            "1.3.6.1.4.1.21239.42.1.31",
            {"21239.5.1.1.1.0": "Geist WD15", "21239.5.1.1.2.0": "3.4.0", "21239.5.1.1.10.0": "TB19020610"},
            table("21239.5.1.2.1", 1, c3="Rack 1", c5=154, c6=39),
        ),
        ("Vertiv", "Geist", "Geist WD15", "3.4.0", "TB19020610"),
        {"temperature": 15.4, "humidity": 39},
    ),
    "ICT": (
        walk(
            "ICT Distribution Series",
            "1.3.6.1.4.1.39145.10",
            {"39145.10.1.0": "ICT180S-12BRCP", "39145.10.4.0": "2.08", "39145.10.6.0": "53.9"},
            column("39145.10.8.1.3", {0: "1.2"}),
        ),
        ("ICT", "ICT Power", "ICT180S-12BRCP", "2.08", None),
        {"voltage": 53.9, "current": 1.2},
    ),
    "Socomec": (
        walk(
            "NetVision",
            "1.3.6.1.4.1.4555.1.1.1",
            {"4555.1.1.1.1.1.1.0": "MASTERYS 3/1", "4555.1.1.1.1.1.2.0": "P123", "4555.1.1.1.1.2.3.0": 14},
            {"4555.1.1.1.1.2.4.0": 96, "4555.1.1.1.1.2.5.0": 4010, "4555.1.1.1.1.4.4.1.4.1": 41},
        ),
        ("Socomec", "NetVision", "MASTERYS 3/1", None, "P123"),
        {"runtime": 840, "battery": 96, "battery_voltage": 401, "load": 41},
    ),
    "Riello by UPS-MIB": (
        walk(
            "Riello UPS",
            "1.3.6.1.4.1.5491.6",
            {"=1.3.6.1.2.1.33.1.1.2.0": "SENTINEL PRO", "=1.3.6.1.2.1.33.1.1.3.0": "SWM051-01"},
            {"=1.3.6.1.2.1.33.1.2.4.0": 88},
        ),
        ("Riello", "NetMan", "SENTINEL PRO", "SWM051-01", None),
        {"battery": 88},
    ),
    "a maker's UPS card on Linux": (
        walk(
            "Linux GSE200M 2.6.27-SPEAr310 #2391 armv5tejl",
            LINUX,
            {"=1.3.6.1.2.1.33.1.1.1.0": "HUAWEI", "=1.3.6.1.2.1.33.1.1.2.0": "UPS5000"},
        ),
        ("Huawei", "Linux", "UPS5000", "2.6.27-SPEAr310", None),
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_power_device_tells_who_it_is_and_how_its_power_is(case):
    values, identity, expected = case
    found = read(values)
    assert (found.vendor, found.family, found.model, found.version, found.serial) == identity
    measured = {sensor.kind: sensor.value for sensor in found.sensors}
    assert measured | expected == measured
