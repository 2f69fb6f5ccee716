"""Cisco, Juniper, Huawei, Comware: vendor, family, model, version, serial from small literal walks; never two profiles equally well."""

import pytest

from tests.profile_walks import assert_known_alone, read, walk

# Vendor, family, model, version, serial ("" for what it does not say); sysObjectID; sysDescr; the rest of the walk.
KNOWN = [
    (
        ("Cisco", "IOS", "WS-C2960X-24TS-L", "15.2(4)E10", "FOC1234"),
        "1.3.6.1.4.1.9.1.1208",
        "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(4)E10, RELEASE SOFTWARE (fc3)\r\nTechnical Support: http://www.cisco.com/techsupport\r\nCopyright (c) 1986-2015 by Cisco Systems, Inc.",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "WS-C2960X-24TS-L", "=1.3.6.1.2.1.47.1.1.1.1.10.1": "15.2(4)E10", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "FOC1234"},
    ),
    (
        ("Cisco", "IOS", "2811", "12.4(15)T7", ""),
        "1.3.6.1.4.1.9.1.576",
        "Cisco IOS Software, 2800 Software (C2800NM-ADVIPSERVICESK9-M), Version 12.4(15)T7, RELEASE SOFTWARE (fc3)",
        {},
    ),
    (
        ("Cisco", "IOS", "C2950", "12.1(22)EA4", ""),
        "1.3.6.1.4.1.9.1.359",
        "Cisco Internetwork Operating System Software \r\nIOS (tm) C2950 Software (C2950-I6Q4L2-M), Version 12.1(22)EA4, RELEASE SOFTWARE(fc1)",
        {},
    ),
    (
        ("Cisco", "IOS XE", "WS-C3850-24T", "03.06.06E", "FCW1"),
        "1.3.6.1.4.1.9.1.1745",
        "Cisco IOS Software, IOS-XE Software, Catalyst L3 Switch Software (CAT3K_CAA-UNIVERSALK9-M), Version 03.06.06E RELEASE SOFTWARE (fc1)",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "WS-C3850-24T", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "FCW1"},
    ),
    (
        ("Cisco", "IOS XE", "C9300-24T", "16.9.4", "FCW2"),
        "1.3.6.1.4.1.9.1.2494",
        "Cisco IOS Software [Fuji], Catalyst L3 Switch Software (CAT9K_IOSXE), Version 16.9.4, RELEASE SOFTWARE (fc2)",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "C9300-24T", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "FCW2"},
    ),
    (
        ("Cisco", "IOS XE", "ISR4331/K9", "16.3.7", "FDO2"),
        "1.3.6.1.4.1.9.1.2068",
        "Cisco IOS Software [Denali], ISR Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 16.3.7, RELEASE SOFTWARE (fc4)",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "ISR4331/K9", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "FDO2"},
    ),
    (
        ("Cisco", "IOS XE", "C9200L-24T-4G", "17.9.4", "X"),
        "1.3.6.1.4.1.9.1.2695",
        "Cisco IOS XE Software, Version 17.09.04\nCisco IOS Software [Cupertino], Catalyst L3 Switch Software (CAT9K_LITE_IOSXE), Version 17.9.4, RELEASE SOFTWARE (fc5)",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "C9200L-24T-4G", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "X"},
    ),
    (
        ("Cisco", "IOS XR", "ASR-9006-AC-V2", "5.3.3", "FOX1"),
        "1.3.6.1.4.1.9.1.1017",
        "Cisco IOS XR Software (Cisco ASR9K Series),  Version 5.3.3[Default]\r\nCopyright (c) 2016 by Cisco Systems, Inc.",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "ASR-9006-AC-V2", "=1.3.6.1.2.1.47.1.1.1.1.10.1": "5.3.3", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "FOX1"},
    ),
    (
        ("Cisco", "IOS XR", "NCS-5501", "7.3.2", "FOC2"),
        "1.3.6.1.4.1.9.1.2532",
        "Cisco IOS XR Software (NCS-5500), Version 7.3.2 LNT\nCopyright (c) 2013-2021",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "NCS-5501", "=1.3.6.1.2.1.47.1.1.1.1.10.1": "7.3.2", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "FOC2"},
    ),
    (
        ("Cisco", "NX-OS", "N9K-C9336C-FX2", "10.2(3)", "FDO3"),
        "1.3.6.1.4.1.9.12.3.1.3.1955",
        "Cisco NX-OS(tm) Nexus9000 C9336C-FX2, Software (NXOS 64-bit), Version 10.2(3), RELEASE SOFTWARE Copyright (c) 2002-2022",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "N9K-C9336C-FX2", "=1.3.6.1.2.1.47.1.1.1.1.10.1": "10.2(3)", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "FDO3"},
    ),
    (
        ("Cisco", "NX-OS", "N5K-C5548UP", "5.1(3)N2(1)", "SSI1"),
        "1.3.6.1.4.1.9.12.3.1.3.1084",
        "Cisco NX-OS(tm) n5000, Software (n5000-uk9), Version 5.1(3)N2(1), RELEASE SOFTWARE Copyright (c) 2002-2012",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "N5K-C5548UP", "=1.3.6.1.2.1.47.1.1.1.1.10.1": "5.1(3)N2(1)", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "SSI1"},
    ),
    (
        ("Cisco", "ASA", "ASA5506", "9.8(2)", "JAD1"),
        "1.3.6.1.4.1.9.1.2114",
        "Cisco Adaptive Security Appliance Version 9.8(2)",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "ASA5506", "=1.3.6.1.2.1.47.1.1.1.1.10.1": "9.8(2)", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "JAD1"},
    ),
    (
        ("Cisco", "CatOS", "WS-C6509", "8.4(2a)", "TBA1"),
        "1.3.6.1.4.1.9.5.44",
        "Cisco Systems, Inc. WS-C6509 \nCisco Catalyst Operating System Software, Version 8.4(2a)\nCopyright (c) 1995-2005",
        {"9.5.1.2.19.0": "TBA1"},
    ),
    (
        ("Cisco", "AireOS", "AIR-CT2504-K9", "8.0.140.0", "PSZ1"),
        "1.3.6.1.4.1.9.1.1279",
        "Cisco Controller",
        {"14179.1.1.1.3.0": "AIR-CT2504-K9", "14179.1.1.1.14.0": "8.0.140.0", "14179.1.1.1.4.0": "PSZ1"},
    ),
    (
        ("Cisco", "Small Business", "SG300-28", "1.3.5.58", "DNI1"),
        "1.3.6.1.4.1.9.6.1.83.28.1",
        "28-Port Gigabit Managed Switch",
        {"9.6.1.101.53.14.1.11.1": "SG 300-28", "9.6.1.101.53.14.1.2.1": "1.3.5.58", "9.6.1.101.53.14.1.5.1": "DNI1"},
    ),
    (
        ("Cisco", "Small Business", "CBS250-24P-4X", "3.1.0.57", "DNI2"),
        "1.3.6.1.4.1.9.6.1.1005.24.5",
        "CBS250-24P-4X 24-Port Gigabit PoE Smart Switch with 10G Uplinks",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.10.1": "3.1.0.57", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "DNI2"},
    ),
    (
        ("Cisco", "Small Business", "C1200-8T-E-2G", "4.0.0.91", "S"),
        "1.3.6.1.4.1.9.1.3211",
        "Catalyst 1200 Series Smart Switch, 8-port GE, Ext PS, 2x1G Combo (C1200-8T-E-2G)",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.10.1": "4.0.0.91", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "S"},
    ),
    (
        ("Cisco", "Small Business", "SG550XG-24F", "2.3", "S"),
        "1.3.6.1.4.1.9.6.1.90.24.8",
        "SG550XG-24F 24-Port 10G SFP  Stackable Managed Switch",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.10.1": "2.3", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "S"},
    ),
    (
        ("Juniper", "Junos", "EX3400-48T", "15.1X53-D59.4", "NY1"),
        "1.3.6.1.4.1.2636.1.1.1.4.131.2",
        "Juniper Networks, Inc. ex3400-48t Ethernet Switch, kernel JUNOS 15.1X53-D59.4, Build date: 2018-09-14 21:00:55 UTC Copyright (c) 1996-2018 Juniper Networks, Inc.",
        {"2636.3.1.3.0": "NY1", "2636.3.1.2.0": "Juniper EX3400-48T Switch"},
    ),
    (
        ("Juniper", "Junos", "MX10003", "18.4R2.7", "DB1"),
        "1.3.6.1.4.1.2636.1.1.1.2.137",
        "Juniper Networks, Inc. jnp10003 internet router, kernel JUNOS 18.4R2.7, Build date: x",
        {"2636.3.1.3.0": "DB1", "2636.3.1.2.0": "Juniper JNP10003 [MX10003] Internet Backbone Router"},
    ),
    (
        ("Juniper", "Junos", "MX480", "14.1R6.4", "JN1"),
        "1.3.6.1.4.1.2636.1.1.1.2.25",
        "Juniper Networks, Inc. mx480 internet router, kernel JUNOS 14.1R6.4 #0: 2015-10-02",
        {"2636.3.1.3.0": "JN1"},
    ),
    (
        ("Juniper", "ScreenOS", "SSG-140", "6.3.0r17.0", "0185"),
        "1.3.6.1.4.1.3224.1.52",
        "SSG-140 version 6.3.0r17.0 (SN: 0185, Firewall+VPN)",
        {},
    ),
    (
        ("Juniper", "JunosE", "ERX-1440", "7.2.2", ""),
        "1.3.6.1.4.1.4874.1.1.1.1.2",
        "Juniper Networks, Inc. ERX-1440 Edge Routing Switch. SW Version : (7.2.2 patch-0.7) Copyright",
        {},
    ),
    (
        ("Huawei", "VRP", "S5720-36C-EI-AC", "V200R019C10SPC500", "21"),
        "1.3.6.1.4.1.2011.2.23.300",
        "S5720-36C-EI-AC\r\nHuawei Versatile Routing Platform Software\r\nVRP (R) software,Version 5.170 (S5720 V200R019C10SPC500)\r\nCopyright (C) 2007 Huawei Technologies Co., Ltd.",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "21"},
    ),
    (
        ("Huawei", "VRP", "AR1220", "V200R003C01SPC900", "E1"),
        "1.3.6.1.4.1.2011.2.224.1",
        "Huawei AR1220 Huawei Versatile Routing Platform Software  VRP (R) software,Version 5.120 (AR1220 V200R003C01SPC900) Copyright (C) 2011-2013 Huawei Technologies Co., Ltd",
        {"2011.5.25.188.1.1.0": "E1"},
    ),
    (
        ("Huawei", "VRP", "CE6850-48S4Q-EI", "V100R005C10SPC200", "E2"),
        "1.3.6.1.4.1.2011.2.239.9",
        "Huawei Versatile Routing Platform Software\r\nVRP (R) software, Version 8.100 (CE6850EI V100R005C10SPC200)\r\nCopyright (C) 2012-2014 Huawei Technologies Co., Ltd.\r\nHUAWEI CE6850-48S4Q-EI",
        {"2011.5.25.188.1.1.0": "E2"},
    ),
    (
        ("Huawei", "VRP", "NE40E-X8", "V800R009C10SPC200", "E3"),
        "1.3.6.1.4.1.2011.2.62.2.9",
        "Huawei Versatile Routing Platform Software\r\nVRP (R) software, Version 8.150 (NE40E V800R009C10SPC200)\r\nCopyright (C) 2012-2017 Huawei Technologies Co., Ltd.\r\nHUAWEI NE40E-X8",
        {"2011.5.25.31.6.5.0": "NE40E-X8", "2011.5.25.188.1.1.0": "E3"},
    ),
    (
        ("Huawei", "VRP", "S2700-9TP-EI-AC", "V100R006C05", "E4"),
        "1.3.6.1.4.1.2011.2.23.90",
        "S2700-9TP-EI-AC Huawei Versatile Routing Platform Software VRP (R) software,Version 5.70 (S2700 V100R006C05) Copyright (C) 2003-2013 Huawei Technologies Co., Ltd.",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "E4"},
    ),
    (
        ("Huawei", "VRP", "S3328TP-EI", "V100R003C00SPC301", "E4"),
        "1.3.6.1.4.1.2011.2.23.44",
        "Quidway S3328TP-EI Huawei Versatile Routing Platform Software VRP (R) Software, Version 5.30 (S3328TP-EI V100R003C00SPC301) Copyright",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "E4"},
    ),
    (
        ("HPE", "Comware", "5700-40XG-2QSFP", "7.1.045 Release 2416", "CN1"),
        "1.3.6.1.4.1.25506.11.1.172",
        "HP Comware Platform Software, Software Version 7.1.045, Release 2416 HP FF 5700-40XG-2QSFP  Switch Copyright (c) 2010-2014 Hewlett-Packard Development Company, L.P.",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "JG896A", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "CN1"},
    ),
    (
        ("HPE", "Comware", "A5500-48G EI", "5.20.99 Release 2221P07", "CN2"),
        "1.3.6.1.4.1.25506.11.1.80",
        "HP Comware Platform Software, Software Version 5.20.99 Release 2221P07\r\nHP A5500-48G EI Switch with 2 Interface Slots\r\nCopyright (c) 2010-2014 Hewlett-Packard Development Company, L.P.",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "JD375A", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "CN2"},
    ),
    (
        ("HPE", "Comware", "5130 24G PoE+ 4SFP+ EI JG936A", "7.1.070 Release 3208P03", "CN3"),
        "1.3.6.1.4.1.25506.11.1.183",
        "HPE Comware Platform Software, Software Version 7.1.070, Release 3208P03\r\nHPE 5130 24G PoE+ 4SFP+ EI JG936A\r\nCopyright (c) 2010-2018 Hewlett Packard Enterprise Development LP",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "JG936A", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "CN3"},
    ),
    (
        ("H3C", "Comware", "S5130-28S-EI", "7.1.045 Release 3106", "210"),
        "1.3.6.1.4.1.25506.1.1211",
        "H3C Comware Platform Software, Software Version 7.1.045, Release 3106\r\nH3C S5130-28S-EI\r\nCopyright (c) 2004-2015 Hangzhou H3C Tech. Co., Ltd. All rights reserved.",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "S5130-28S-EI", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "210"},
    ),
    (
        ("3Com", "Switch", "4500 26-Port", "3.02.00s56", ""),
        "1.3.6.1.4.1.43.1.16.4.3.29",
        "3Com Switch 4500 26-Port Software Version 3Com OS V3.02.00s56",
        {},
    ),
    (
        ("3Com", "Switch", "2928-HPWR Plus", "5.20 Release 1101P02", ""),
        "1.3.6.1.4.1.43.1.16.4.3.60",
        "3Com Baseline Switch 2928-HPWR Plus Software Version 5.20 Release 1101P02 Copyright (c) 2004-2009 3Com Corporation.",
        {},
    ),
    (
        ("3Com", "Switch", "SuperStack II Hub 10", "3.04", ""),
        "1.3.6.1.4.1.43.1.8.1",
        "3Com SuperStack II Hub 10, SW version:3.04",
        {},
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
