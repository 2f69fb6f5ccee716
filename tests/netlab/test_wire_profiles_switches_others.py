"""Brocade, Ubiquiti, Netgear, Nokia, firewalls, hosts and makers of few models: vendor, family, model, version, serial from small literal walks; never two profiles equally well."""

import pytest

from tests.profile_walks import assert_known_alone, read, walk

# Vendor, family, model, version, serial ("" for what it does not say); sysObjectID; sysDescr; the rest of the walk.
KNOWN = [
    (
        ("Brocade", "IronWare", "MLXe", "5.4.0dT163", ""),
        "1.3.6.1.4.1.1991.1.3.55.1",
        "Brocade MLXe (System Mode: MLX), IronWare Version V5.4.0dT163 Compiled on",
        {},
    ),
    (
        ("Foundry", "IronWare", "FES 24G", "04.2.01", ""),
        "1.3.6.1.4.1.1991.1.3.31.2",
        "Foundry Networks, Inc. FES 24G, IronWare Version 04.2.01 Compiled",
        {},
    ),
    (
        ("Arista", "EOS", "DCS-7050TX-64", "4.21.5F", "JPE"),
        "1.3.6.1.4.1.30065.1.3011.7050.3741.64",
        "Arista Networks EOS version 4.21.5F running on an Arista Networks DCS-7050TX-64",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "DCS-7050TX-64", "=1.3.6.1.2.1.47.1.1.1.1.10.1": "4.21.5F", "=1.3.6.1.2.1.47.1.1.1.1.11.1": "JPE"},
    ),
    (
        ("Ubiquiti", "EdgeSwitch", "EdgeSwitch 24-Port 250W", "1.7.0.4922887", "f09f"),
        "1.3.6.1.4.1.4413",
        "EdgeSwitch 24-Port 250W, 1.7.0.4922887, Linux 3.6.5-f4a26ed5",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "f09f"},
    ),
    (
        ("Ubiquiti", "EdgeSwitch", "US-24-250W", "3.7.51.5957", "f09e"),
        "1.3.6.1.4.1.4413",
        "US-24-250W, 3.7.51.5957, Linux 3.6.5",
        {"4413.1.1.1.1.1.2.0": "US-24-250W", "4413.1.1.1.1.1.4.0": "f09e"},
    ),
    (
        ("Ubiquiti", "EdgeOS", "EdgeRouter X 5-Port", "1.10.5.5098947.180808.0805", ""),
        "1.3.6.1.4.1.41112.1.5",
        "EdgeOS v1.10.5.5098947.180808.0805",
        {"=1.3.6.1.2.1.25.4.2.1.5.900": "-s UBNT EdgeRouter X 5-Port running on kernel"},
    ),
    (
        ("Ubiquiti", "UniFi", "UAP-nanoHD", "5.60.3.12934", ""),
        "1.3.6.1.4.1.41112",
        "UAP-nanoHD 5.60.3.12934",
        {},
    ),
    (
        ("Ubiquiti", "UniFi", "UAP-AC-Pro-Gen2", "4.0.21.9965", ""),
        "1.3.6.1.4.1.8072.3.2.10",
        "UAP-AC-Pro-Gen2 4.0.21.9965",
        {"41112.1.6.3.3.0": "UAP-AC-Pro-Gen2", "41112.1.6.3.6.0": "4.0.21.9965"},
    ),
    (
        ("Netgear", "ProSAFE", "GS724Tv4", "6.3.1.11", "3UV"),
        "1.3.6.1.4.1.4526.100.4.32",
        "GS724Tv4 ProSafe 24-port Gigabit Ethernet Smart Switch, 6.3.1.11, B1.0.0.4",
        {"4526.11.1.1.1.4.0": "3UV"},
    ),
    (
        ("Netgear", "ProSAFE", "M4300-28G", "12.0.2.6", "4F5"),
        "1.3.6.1.4.1.4526.100.2.32",
        "M4300-28G ProSAFE 24-port 1G and 2-port 10GBASE-T and 2-port 10G SFP+, 12.0.2.6, B1.0.0.3",
        {"4526.10.1.1.1.4.0": "4F5"},
    ),
    (
        ("Alcatel-Lucent", "AOS", "OS6450-24", "6.6.4.176.R01", "M1"),
        "1.3.6.1.4.1.6486.800.1.1.2.1.12.1.1",
        "Alcatel-Lucent OS6450-24 6.6.4.176.R01 GA, December 10, 2012.",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "M1"},
    ),
    (
        ("Alcatel-Lucent", "AOS", "OS6860E-P24", "8.4.1.170.R03", "M2"),
        "1.3.6.1.4.1.6486.801.1.1.2.1.11.1.2",
        "Alcatel-Lucent Enterprise OS6860E-P24 8.4.1.170.R03 GA, April 27, 2018.",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "M2"},
    ),
    (
        ("Nokia", "SR OS", "7750 SR", "20.10.R5", "NS1"),
        "1.3.6.1.4.1.6527.1.3.4",
        "TiMOS-C-20.10.R5 cpm/hops64 Nokia 7750 SR Copyright (c) 2000-2020 Nokia.",
        {"6527.3.1.2.2.1.8.1.7.1.50331649": 3, "6527.3.1.2.2.1.8.1.5.1.50331649": "NS1"},
    ),
    (
        ("Nokia", "SR OS", "SAS-M 7210", "6.1.R4", "NS2"),
        "1.3.6.1.4.1.6527.6.2.1.2.2.1",
        "TiMOS-B-6.1.R4 both/hops ALCATEL SAS-M 7210 Copyright (c) 2000-2013 Alcatel-Lucent.",
        {"6527.3.1.2.2.1.8.1.7.1.50331649": 3, "6527.3.1.2.2.1.8.1.5.1.50331649": "NS2"},
    ),
    (
        ("Fortinet", "FortiOS", "FortiGate-60E", "6.0.4", "FGT60E4Q16000001"),
        "1.3.6.1.4.1.12356.101.1.641",
        "",
        {"12356.101.4.1.1.0": "v6.0.4,build0231,190107 (GA)", "12356.100.1.1.1.0": "FGT60E4Q16000001"},
    ),
    (
        ("Fortinet", "FortiOS", "FortiGate-100E", "7.0.1", "FG100E4Q17000001"),
        "1.3.6.1.4.1.12356.101.1.1005",
        "FW1",
        {"12356.101.4.1.1.0": "v7.0.1,build0157", "12356.100.1.1.1.0": "FG100E4Q17000001"},
    ),
    (
        ("Palo Alto Networks", "PAN-OS", "PA-3020", "8.1.6", "0016"),
        "1.3.6.1.4.1.25461.2.3.18",
        "Palo Alto Networks PA-3000 series firewall",
        {"25461.2.1.2.1.1.0": "8.1.6", "25461.2.1.2.1.3.0": "0016"},
    ),
    (
        ("Palo Alto Networks", "PAN-OS", "PA-440", "10.1.3", "0011"),
        "1.3.6.1.4.1.25461.2.3.54",
        "Palo Alto Networks PA-400 series firewall",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.13.1": "PA-440", "25461.2.1.2.1.1.0": "10.1.3", "25461.2.1.2.1.3.0": "0011"},
    ),
    (
        ("Netgate", "pfSense", "pfSense", "2.4.4-RELEASE", ""),
        "1.3.6.1.4.1.12325.1.1.2.1.1",
        "pfSense edge.example.com 2.4.4-RELEASE pfSense FreeBSD 11.2-RELEASE-p10 amd64",
        {},
    ),
    (
        ("OPNsense", "OPNsense", "OPNsense", "23.7.1", ""),
        "1.3.6.1.4.1.8072.3.2.8",
        "FreeBSD OPNsense.localdomain 13.2-RELEASE-p1 FreeBSD 13.2-RELEASE-p1 amd64",
        {"=1.3.6.1.2.1.25.6.3.1.2.12": "opnsense-23.7.1"},
    ),
    (
        ("FreeBSD", "FreeBSD", "", "10.1-RELEASE", ""),
        "1.3.6.1.4.1.8072.3.2.8",
        "FreeBSD host.example.com 10.1-RELEASE FreeBSD 10.1-RELEASE #0 r274401: Tue Nov 11 amd64",
        {},
    ),
    (
        ("VyOS", "VyOS", "VyOS", "1.3.0-rc6", ""),
        "1.3.6.1.4.1.44641",
        "VyOS 1.3.0-rc6",
        {},
    ),
    (
        ("VyOS", "VyOS", "VyOS", "1.1.7", ""),
        "1.3.6.1.4.1.30803",
        "Vyatta VyOS 1.1.7",
        {},
    ),
    (
        ("Vyatta", "Vyatta", "Vyatta", "VC6.5R1", ""),
        "1.3.6.1.4.1.30803",
        "Vyatta VC6.5R1",
        {},
    ),
    (
        ("Net-SNMP", "Linux", "", "4.15.0-70-generic", ""),
        "1.3.6.1.4.1.8072.3.2.10",
        "Linux host 4.15.0-70-generic #79-Ubuntu SMP Tue Nov 12 10:36:11 UTC 2019 x86_64",
        {},
    ),
    (
        ("Moxa", "EtherDevice", "EDS-408A-MM-SC", "3.9 build 19061410", ""),
        "1.3.6.1.4.1.8691.7.6",
        "EDS-408A-MM-SC",
        {"8691.7.6.1.2.0": "EDS-408A-MM-SC", "8691.7.6.1.4.0": "V3.9 build 19061410"},
    ),
    (
        ("Planet", "Planet", "WGSW-24040", "1.0b131015", ""),
        "1.3.6.1.4.1.10456.1.1516",
        "PLANET WGSW-24040 24-Port 10/100/1000Mbps + 4 Shared SFP Managed Switch v1.0b131015",
        {},
    ),
    (
        ("FiberHome", "FiberHome switch", "S4820-28T", "RP0112", ""),
        "1.3.6.1.4.1.3807.1.482001",
        "FiberHome S4820-28T Switch, Version RP0112",
        {},
    ),
    (
        ("Orion", "Alpha", "Alpha-A28", "V2.1", "O1"),
        "1.3.6.1.4.1.26592.1",
        "Orion Alpha-A28 switch version V2.1",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "O1"},
    ),
    (
        ("Teltonika", "RutOS", "RUT950", "RUT9XX_R_00.06.03", "1100"),
        "1.3.6.1.4.1.48690",
        "Linux Teltonika-RUT950 3.18.44 mips",
        {"48690.1.1.0": "1100", "48690.1.2.0": "RUT950", "48690.1.6.0": "RUT9XX_R_00.06.03"},
    ),
    (
        ("Maipu", "MyPower", "S3200-10TP", "6.2.3.10", ""),
        "1.3.6.1.4.1.5651.1.102.21",
        "MyPower S3200-10TP",
        {"5651.1.2.1.1.2.2.0": "MyPower S3200-10TP V6.2.3.10"},
    ),
    (
        ("ZTE", "ZXR10", "ZXR10 2826S", "V2.8.01.C.23", ""),
        "1.3.6.1.4.1.3902.15.2.2",
        "ZXR10 ROS Version V4.8.11 ZXR10_2826S Software, Version V2.8.01.C.23, Copyright (c) 2001-2010 by ZTE Corporation",
        {},
    ),
    (
        ("Ruijie", "RGOS", "S2928G-S", "RGOS 10.4(2b12)p1", "G1"),
        "1.3.6.1.4.1.4881.1.1.10.1.101",
        "Ruijie Gigabit Security & Intelligence Access Switch (S2928G-S) By Ruijie Networks",
        {"4881.1.1.10.2.21.1.2.1.8.1": "RGOS 10.4(2b12)p1", "=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "G1"},
    ),
    (
        ("Datacom", "DmOS", "DM4370 24GX", "", "D1"),
        "1.3.6.1.4.1.3709.1.2.103",
        "DATACOM DM4370 24GX+4XS+2QX",
        {"=1.3.6.1.2.1.47.1.1.1.1.5.1": 3, "=1.3.6.1.2.1.47.1.1.1.1.11.1": "D1"},
    ),
    (
        ("Ericsson", "SEOS", "SmartEdge", "6.1.5.7", ""),
        "1.3.6.1.4.1.2352.1.10",
        "Redback Networks SmartEdge OS Version SEOS-6.1.5.7-Release\nBuilt by sysbuild",
        {},
    ),
    (
        ("Calix", "E7", "E7-2", "", "C1"),
        "1.3.6.1.4.1.6321.1.2.2.5.3",
        "Calix E7-2",
        {"6321.1.2.2.2.1.7.10.0": "C1"},
    ),
    (
        ("ZTE", "ZXR10", "ZXR10 5250-52TM-H", "V2.05.11B23", ""),
        "0.0",
        "ZTE Ethernet Switch  ZXR10 5250-52TM-H, Version: V2.05.11B23",
        {},
    ),
    (
        ("Ubiquiti", "EdgeOS", "EP-54V-150W", "1.6.0", ""),
        "1.3.6.1.4.1.10002.1",
        "Linux 2.6.32.71 #1 Fri Jan 24 08:44:01 UTC 2020 mips",
        {"41112.1.5.1.1.0": "EP-54V-150W", "41112.1.5.1.3.0": "EP.v1.6.0"},
    ),
    (
        ("Cisco", "IOS", "C2950", "12.1(22)EA4", ""),
        "0.0",
        "Cisco Internetwork Operating System Software \r\nIOS (tm) C2950 Software (C2950-I6Q4L2-M), Version 12.1(22)EA4, RELEASE SOFTWARE(fc1)",
        {},
    ),
    (
        ("Cisco", "IOS XE", "", "16.9.4", ""),
        "0.0",
        "Cisco IOS Software [Fuji], Catalyst L3 Switch Software (CAT9K_IOSXE), Version 16.9.4, RELEASE SOFTWARE (fc2)",
        {},
    ),
    (
        ("Huawei", "VRP", "S5720-36C-EI-AC", "V200R019C10SPC500", ""),
        "0.0",
        "S5720-36C-EI-AC\r\nHuawei Versatile Routing Platform Software\r\nVRP (R) software,Version 5.170 (S5720 V200R019C10SPC500)",
        {},
    ),
    (
        ("Nokia", "SR OS", "", "9.0.R3", ""),
        "1.3.6.1.4.1.6527.1.3",
        "the operator wrote this",
        {"6527.3.1.2.1.1.5.0": 9, "6527.3.1.2.1.1.6.0": 0, "6527.3.1.2.1.1.7.0": "R3"},
    ),
    (
        ("Huawei", "VRP", "S5720-56C-PWR-EI-AC", "V200R010C00SPC600", ""),
        "1.3.6.1.4.1.2011.2.23.291",
        "S5720-56C-PWR-EI-AC\nHuawei Versatile Routing Platform Software \r\n VRP (R) software,Version 5.170 (S5720 V200R010C00SPC600) \r\n Copyright (C) 2007 Huawei Technologies Co., Ltd.",
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
