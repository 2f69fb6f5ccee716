"""MikroTik, HPE, Extreme, Edge-Core, Eltex, SNR, D-Link, Zyxel, Dell and others: vendor, family, model, version, serial from small literal walks; never two profiles equally well."""

import pytest

from tests.profile_walks import assert_known_alone, read, walk

# Vendor, family, model, version, serial ("" for what it does not say); sysObjectID; sysDescr; the rest of the walk.
KNOWN = [
    (
        ("MikroTik", "RouterOS", "CCR1036-8G-2S+", "7.14.2", "4AC1"),
        "1.3.6.1.4.1.14988.1",
        "RouterOS CCR1036-8G-2S+",
        {"14988.1.1.4.4.0": "7.14.2", "14988.1.1.7.3.0": "4AC1"},
    ),
    (
        ("MikroTik", "RouterOS", "CCR2004-1G-12S+2XS", "7.24.2", "HD1"),
        "1.3.6.1.4.1.14988.1",
        "RouterOS CCR2004-1G-12S+2XS 7.24.2 (stable)",
        {"14988.1.1.4.4.0": "7.24.2", "14988.1.1.7.3.0": "HD1"},
    ),
    (
        ("MikroTik", "SwOS", "CSS326-24G-2S+", "2.13", "A1"),
        "1.3.6.1.4.1.14988.2",
        "CSS326-24G-2S+ SwOS v2.13",
        {"14988.1.1.7.3.0": "A1"},
    ),
    (
        ("MikroTik", "SwOS", "RB260GS", "", ""),
        "1.3.6.1.4.1.14988.2",
        "RB260GS",
        {},
    ),
    (
        ("HPE", "ProCurve", "J9625A 2620-24-PoEP", "RA.16.02.0012", "CN1"),
        "1.3.6.1.4.1.11.2.3.7.11.131",
        "HP J9625A 2620-24-PoEP Switch, revision RA.16.02.0012, ROM RA.15.13 (/ws/swbuildm)",
        {"11.2.36.1.1.2.9.0": "CN1"},
    ),
    (
        ("HPE", "ProCurve", "J9019A 2510-24", "Q.11.17", ""),
        "1.3.6.1.4.1.11.2.3.7.11.80",
        "ProCurve J9019A Switch 2510-24, revision Q.11.17, ROM Q.10.02 (/sw/code/build/harp(harp))",
        {},
    ),
    (
        ("HPE", "ProCurve", "1820 24G J9980A", "PT.02.03", "CN2"),
        "1.3.6.1.4.1.11.2.3.7.11.160",
        "HPE OfficeConnect Switch 1820 24G J9980A, PT.02.03, Linux 3.6.5-ac96795c, U-Boot 2012.10",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "CN2"},
    ),
    (
        ("HPE Aruba", "ArubaOS-Switch", "JL261A 2930F-24G-PoE+-4SFP", "WC.16.03.0004", "CN3"),
        "1.3.6.1.4.1.11.2.3.7.11.182.21",
        "Aruba JL261A 2930F-24G-PoE+-4SFP Switch, revision WC.16.03.0004, ROM WC.16.01.0002",
        {"11.2.36.1.1.2.9.0": "CN3"},
    ),
    (
        ("HPE Aruba", "Instant On", "1930 24G 4SFP/SFP+ JL682A", "1.0.5.0", "CN4"),
        "1.3.6.1.4.1.11.2.3.7.11.200",
        "Aruba Instant On 1930 24G 4SFP/SFP+ Switch JL682A, InstantOn_1930_1.0.5.0 (133), Linux 4.4.120, U-Boot 2011.12",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "CN4"},
    ),
    (
        ("HPE Aruba", "ArubaOS-CX", "JL635A 8325", "GL.10.04.2000", "TW1"),
        "1.3.6.1.4.1.47196.4.1.1.1.50",
        "Aruba JL635A 8325 GL.10.04.2000",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "TW1"},
    ),
    (
        ("HPE Aruba", "ArubaOS-CX", "JL727A 6200F 48G CL4 4SFP+370W", "ML.10.07.0005", "SG1"),
        "1.3.6.1.4.1.47196.4.1.1.1.303",
        "Aruba JL727A 6200F 48G CL4 4SFP+370W Swch ML.10.07.0005",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "SG1"},
    ),
    (
        ("HPE Aruba", "ArubaOS", "AP-225", "6.5.3.3", "CT1"),
        "1.3.6.1.4.1.14823.1.2.59",
        "ArubaOS (MODEL: 225), Version 6.5.3.3-6.5.3.3",
        {"14823.2.3.3.1.2.1.1.4.1": "CT1"},
    ),
    (
        ("HPE Aruba", "ArubaOS", "Aruba7210", "6.4.4.8", "BA1"),
        "1.3.6.1.4.1.14823.1.1.34",
        "ArubaOS (MODEL: Aruba7210), Version 6.4.4.8 (56187)",
        {"14823.2.2.1.2.1.29.0": "BA1"},
    ),
    (
        ("Extreme Networks", "EXOS", "X460G2-48p-10G4", "16.1.3.6", "1234"),
        "1.3.6.1.4.1.1916.2.167",
        "ExtremeXOS (X460G2-48p-10G4) version 16.1.3.6 v1613b6 by release-manager on Mon Jan 18 16:36:40 EST 2016",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "1234"},
    ),
    (
        ("Extreme Networks", "EXOS", "5520-48W", "32.3.1.11", "TB1"),
        "1.3.6.1.4.1.1916.2.374",
        "Extreme Networks Switch Engine (5520-48W) version 32.3.1.11 32.3.1.11 by release-manager",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "TB1"},
    ),
    (
        ("Extreme Networks", "ExtremeWare", "Summit48si", "7.3e.1", ""),
        "1.3.6.1.4.1.1916.2.28",
        "Summit48si - Version 7.3e.1 (Build 5) by Release_Master",
        {},
    ),
    (
        ("Extreme Networks", "VOSS", "VSP-7254XSQ", "5.1.1.0", "14JP"),
        "1.3.6.1.4.1.2272.206",
        "VSP-7254XSQ (5.1.1.0)",
        {"2272.1.4.2.0": "14JP"},
    ),
    (
        ("Extreme Networks", "VOSS", "5520-24T-FabricEngine", "9.3.1.0", "SIM"),
        "1.3.6.1.4.1.2272.220",
        "5520-24T-FabricEngine (9.3.1.0)",
        {"2272.1.4.67.0": "5520-24T-FabricEngine", "2272.1.4.2.0": "SIM"},
    ),
    (
        ("Avaya", "BOSS", "Ethernet Routing Switch 5520-48T-PWR", "6.3.1.040", "SDNI"),
        "1.3.6.1.4.1.45.3.59.1",
        "Ethernet Routing Switch 5520-48T-PWR  HW:02       FW:6.0.0.10  SW:v6.3.1.040",
        {"45.1.6.3.1.6.0": "SDNI"},
    ),
    (
        ("Nortel", "BOSS", "Ethernet Switch 470-48T", "3.7.3.13", ""),
        "1.3.6.1.4.1.45.3.46.1",
        "Ethernet Switch 470-48T  HW:#33 FW:3.6.0.6 SW:v3.7.3.13 (c) Nortel Networks",
        {},
    ),
    (
        ("Enterasys", "EOS", "C3G124-48P", "06.42.03.0004", "08"),
        "1.3.6.1.4.1.5624.2.1.99",
        "Enterasys Networks, Inc. C3G124-48P Rev 06.42.03.0004",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "08"},
    ),
    (
        ("Edge-Core", "ECS", "ES3528M", "1.4.20.4", "A123"),
        "1.3.6.1.4.1.259.6.10.94",
        "ES3528M",
        {"259.6.10.94.1.1.3.1.6.1": "1.4.20.4", "259.6.10.94.1.1.3.1.10.1": "A123"},
    ),
    (
        ("Edge-Core", "ECS", "ECS4120-28F", "1.2.2.18", "EC1"),
        "1.3.6.1.4.1.259.10.1.45.103",
        "ECS4120-28F",
        {"259.10.1.45.1.1.3.1.6.1": "1.2.2.18", "259.10.1.45.1.1.3.1.10.1": "EC1"},
    ),
    (
        ("Eltex", "MES", "MES2324P AC", "4.0.17.3", "ES1"),
        "1.3.6.1.4.1.35265.1.92",
        "MES2324P AC 28-port 1G/10G Managed Switch with 24 POE+ ports",
        {"89.53.14.1.11.1": "MES2324P", "89.53.14.1.2.1": "4.0.17.3", "89.53.14.1.5.1": "ES1"},
    ),
    (
        ("Eltex", "MES", "MES2408C AC", "10.2.6.3", "ES2"),
        "1.3.6.1.4.1.35265.1.158",
        "MES2408C AC 10-port Managed Switch",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.10.1": "2.1", "=1.3.6.1.2.1.47.1.1.1.1.9.1": "10.2.6.3", "2076.81.1.120.0": "ES2"},
    ),
    (
        ("SNR", "SNR", "SNR-S2985G-24T", "7.0.3.5(R0241.0136)", "SW1"),
        "1.3.6.1.4.1.40418.7.7",
        "SNR-S2985G-24T Device, Compiled Sep 29 16:31:52 2017\n  SoftWare Version 7.0.3.5(R0241.0136)\n  BootRom Version 7.1.28\n  HardWare Version 1.0.1\n  Device serial number SW1\n Copyright (C) 2017 NAG LLC",
        {},
    ),
    (
        ("D-Link", "xStack", "DES-3200-28", "1.85.B008", "P1"),
        "1.3.6.1.4.1.171.10.113.1.5",
        "D-Link DES-3200-28 Fast Ethernet Switch",
        {"=1.3.6.1.2.1.16.19.2.0": "Build 1.85.B008", "171.12.1.1.12.0": "P1"},
    ),
    (
        ("D-Link", "xStack", "DGS-1210-52/F1", "6.10.007", "S3"),
        "1.3.6.1.4.1.171.10.153.7.1",
        "WS6-DGS-1210-52/F1 6.10.007",
        {"171.10.153.7.1.1.30.0": "S3"},
    ),
    (
        ("D-Link", "xStack", "DGS-3420-28SC", "1.70.B027", "R3"),
        "1.3.6.1.4.1.171.10.119.6",
        "DGS-3420-28SC Gigabit Ethernet Switch",
        {"=1.3.6.1.2.1.16.19.2.0": "Build 1.70.B027", "171.12.1.1.12.0": "R3"},
    ),
    (
        ("TP-Link", "JetStream", "T2600G-28TS", "2.0.0 Build 20170628 Rel.55184", "2175"),
        "1.3.6.1.4.1.11863.5.34",
        "JetStream 24-Port Gigabit L2 Managed Switch with 4 SFP Slots",
        {"11863.6.1.1.5.0": "T2600G-28TS 2.0", "11863.6.1.1.6.0": "2.0.0 Build 20170628 Rel.55184", "11863.6.1.1.8.0": "2175"},
    ),
    (
        ("Zyxel", "ZyNOS", "GS1920-24", "4.30(AAOB.2)", "S1"),
        "1.3.6.1.4.1.890.1.15",
        "GS1920-24",
        {"890.1.15.3.1.6.0": "V4.30(AAOB.2) | 05/11/2018", "890.1.15.3.1.12.0": "S1", "890.1.15.3.1.11.0": "GS1920-24"},
    ),
    (
        ("Zyxel", "ZyNOS", "USG20-VPN", "4.33(ABAQ.0)", "S2"),
        "1.3.6.1.4.1.890.1.15",
        "USG20-VPN",
        {"890.1.15.3.1.6.0": "V4.33(ABAQ.0)", "890.1.15.3.1.12.0": "S2"},
    ),
    (
        ("Zyxel", "ZyNOS", "GS-4012F", "3.80(TS.7)", "S3"),
        "1.3.6.1.4.1.890.1.5.8.20",
        "GS-4012F",
        {"890.1.5.8.20.1.1.0": 3, "890.1.5.8.20.1.2.0": 80, "890.1.5.8.20.1.3.0": "TS", "890.1.5.8.20.1.4.0": 7, "890.1.5.8.20.1.10.0": "S3"},
    ),
    (
        ("Raisecom", "ROS", "ISCOM2128EA-MA-AC", "ROS_4.15.1240", "R1"),
        "1.3.6.1.4.1.8886.6.136",
        "ROS Version: ROS_4.15.1240 ISCOM2128EA-MA-AC",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "R1"},
    ),
    (
        ("BDCOM", "BDCOM OS", "S2528-C", "2.1.1A Build 22111", ""),
        "1.3.6.1.4.1.3320.1.110",
        "BDCOM(tm) S2528-C Software, Version 2.1.1A Build 22111",
        {},
    ),
    (
        ("Allied Telesis", "AlliedWare Plus", "x510-28GTX", "5.4.8-2.1", "A04"),
        "1.3.6.1.4.1.207.1.14.120",
        "Allied Telesis router/switch, Software (AlliedWare Plus) Version 5.4.8-2.1",
        {"207.8.4.4.3.21.1.1.6.1.1": "x510-28GTX", "207.8.4.4.3.21.1.1.8.1.1": "A04"},
    ),
    (
        ("Allied Telesis", "AlliedWare", "AT-8000S", "2.0.0.27", ""),
        "1.3.6.1.4.1.207.1.4.125",
        "AT-8000S Version 2.0.0.27",
        {},
    ),
    (
        ("Dell", "PowerConnect", "N3048", "6.2.1.6", "CN9"),
        "1.3.6.1.4.1.674.10895.3064",
        "Dell Networking N3048, 6.2.1.6, Linux 3.6.5-601ab6d1",
        {"674.10895.3000.1.2.100.8.1.2.1": "CN9"},
    ),
    (
        ("Dell", "PowerConnect", "PowerConnect 6248", "3.3.7.2", "CN8"),
        "1.3.6.1.4.1.674.10895.3011",
        "PowerConnect 6248, 3.3.7.2, VxWorks 6.5",
        {"674.10895.3000.1.2.100.8.1.2.1": "CN8"},
    ),
    (
        ("Dell", "PowerConnect", "PowerConnect 2824", "1.0.0.36", "CN7"),
        "1.3.6.1.4.1.674.10895.3020",
        "Ethernet Switch",
        {"674.10895.3000.1.2.100.1.0": "PowerConnect 2824", "674.10895.3000.1.2.100.4.0": "1.0.0.36", "674.10895.3000.1.2.100.8.1.2.1": "CN7"},
    ),
    (
        ("Dell", "FTOS", "S4810", "8.3.16.1", "HAD"),
        "1.3.6.1.4.1.6027.1.3.13",
        "Dell Force10 OS\nOperating System Version: 2.0\nApplication Software Version: 8.3.16.1\nSeries: S4810\nCopyright (c) 1999-2012 by Dell Inc.",
        {"6027.3.10.1.2.2.1.12.1": "HAD"},
    ),
    (
        ("Dell", "FTOS", "S4048-ON", "9.11(0.0P6)", "X1"),
        "1.3.6.1.4.1.6027.1.3.22",
        "Dell Networking OS Operating System Version: 2.0 Application Software Version: 9.11(0.0P6) Series: S4048-ON Copyright (c)",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "X1"},
    ),
    (
        ("Dell", "OS10", "S4128T-ON", "10.6.1.0", "TW9"),
        "1.3.6.1.4.1.674.11000.5000.100.2.1.9",
        "Dell SmartFabric OS10 Enterprise.\nCopyright (c) 1999-2025 by Dell Inc. All Rights Reserved.\r\nSystem Description: OS10 Enterprise.\r\nOS Version: 10.6.1.0.\r\nSystem Type: S4128T-ON",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "TW9"},
    ),
    (
        ("Brocade", "IronWare", "ICX6450-24", "08.0.30mT311", "BZSX0001"),
        "1.3.6.1.4.1.1991.1.3.48.1",
        "Brocade Communications Systems, Inc. Stacking System ICX6450-24, IronWare Version 08.0.30mT311 Compiled on Oct 6 2016",
        {"1991.1.1.1.1.2.0": "BZSX0001"},
    ),
    (
        ("Ruckus", "FastIron", "ICX7150-C12-POE", "08.0.95dT213", "FEKX0002"),
        "1.3.6.1.4.1.1991.1.3.62.1",
        "Ruckus Wireless, Inc. ICX7150-C12-POE, IronWare Version 08.0.95dT213 Compiled",
        {"1991.1.1.1.1.2.0": "FEKX0002"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("identity", "object_id", "description", "rest"),
    KNOWN,
    ids=lambda one: one[0] if isinstance(one, tuple) else "",
)
def test_a_switch_or_router_tells_who_it_is(identity, object_id, description, rest):
    values = walk(description, object_id, rest)
    found = read(values)
    assert (
        tuple(field or "" for field in (found.vendor, found.family, found.model, found.version, found.serial))
        == identity
    )
    assert_known_alone(values, object_id, description)
