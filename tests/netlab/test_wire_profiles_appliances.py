"""Firewalls, load balancers, servers, storage, industrial gear, PDUs and cameras: vendor, family, model, version, serial from small literal walks; never two profiles equally well."""

import pytest

from tests.profile_walks import assert_known_alone, read, walk

# Vendor, family, model, version, serial ("" for what it does not say); sysObjectID after 1.3.6.1.4.1; sysDescr; the rest of the walk.
KNOWN = [
    (
        ("3Com", "Switch", "SuperStack II Hub 10", "3.04", ""),
        "43.10.27.1",
        "3Com SuperStack II Hub 10, SW version:3.04",
        {},
    ),
    (
        ("3Com", "Switch", "5500G-EI 24-Port", "3.02.04s168", ""),
        "43.1.16.4.3.5",
        "3Com 3Com SuperStack 4 Switch 5500G-EI 24-Port Software Version 3Com OS V3.02.04s168",
        {},
    ),
    (
        ("3Com", "Switch", "2226-SFP Plus", "", ""),
        "43.1.16.4.3.9",
        "3Com Baseline Switch 2226-SFP Plus",
        {},
    ),
    (
        ("3Com", "Switch", "2928-PWR Plus", "5.20 Release 1101P10", ""),
        "43.1.16.4.3.12",
        "3Com Baseline Switch 2928-PWR Plus Software Version 5.20 Release 1101P10 Copyright (c) 2004-2010 3Com Corporation. All rights reserved.",
        {},
    ),
    (
        ("3Com", "Switch", "Router 3012", "1.10", ""),
        "43.1.16.1",
        "3Com Router Software V1.10, SNMP agent for Router 3012 with 1 MPC 860 Processor, Copyright (c) Reserved.",
        {},
    ),
    (
        ("Digi", "TransPort", "TransPort WR44-HXA3-DE1-XX", "5142", "176625"),
        "16378.10000",
        "Digi TransPort WR44-HXA3-DE1-XX Ser#:176625 Software Build Ver5142. Nov 28 2011 11:33:21 SW ARM Bios Ver 6.45 v39 400MHz B512-M512-F80-O1,0 MAC:00042d02b1f1",
        {},
    ),
    (
        ("HPE", "ProCurve", "7203dl", "14.04", ""),
        "11.2.3.7.11.60",
        "ProCurve Secure Router 7203dl, Version: 14.04, Date: Wed Oct 14 11:33:27 2009",
        {},
    ),
    (
        ("HPE", "ProCurve", "420", "2.0.38", "TW517QB0VM"),
        "11.2.3.7.11.37",
        "HP Procurve Access Point 420: v2.0.38 v1.1.8 SN:TW517QB0VM",
        {},
    ),
    (
        ("HPE", "ProCurve", "J9028A", "PB.03.04", ""),
        "11.2.3.7.11.80",
        "PROCURVE J9028A - PB.03.04",
        {},
    ),
    (
        ("Siemens", "SIMATIC", "SCALANCE X204-2", "4.01", ""),
        "4329.6.1.2",
        "Siemens, SIMATIC NET, SCALANCE X204-2, 6GK5 204-2BB10-2AA3, HW: 4, FW: V4.01",
        {},
    ),
    (
        ("Siemens", "SIMATIC", "CPU-1200", "2.0.2", "SZVX8YU9000553"),
        "4329.6.3",
        "Siemens, SIMATIC S7, CPU-1200, 6ES7 211-1BD30-0XB0, HW: 1, FW: V.2.0.2, SZVX8YU9000553",
        {},
    ),
    (
        ("Rockwell Automation", "Allen-Bradley", "1766-L32BWA", "10.0", ""),
        "95.1",
        "Allen-Bradley 1766-L32BWA B/10.00 MicroLogix1400 Series B Revision 10.0",
        {},
    ),
    (
        ("APC", "PowerNet", "16-port IP KVM", "2.0.0-2", ""),
        "318.1.3.99",
        "APC - 16-port IP KVM - version: V_2.0.0-2 (Oct/17/06)",
        {},
    ),
    (
        ("APC", "PowerNet", "AP9605", "2.2.4.a", "X"),
        "318.1.3.2.9",
        "APC Embedded PowerNet SNMP Agent (FW v3.0.2 SW v2.2.4.a, HW ged~, MOD: AP9605, Mfg: 06/24/1998, SN: X)",
        {},
    ),
    (
        ("AlaxalA", "AX", "AX2430S-24T", "11.1.C", ""),
        "21839.1.2.6",
        "ALAXALA AX2430 AX-2430-24TE-B [AX2430S-24T] Switching software Ver. 11.1.C [OS-L2]",
        {},
    ),
    (
        ("F5", "BIG-IP", "BIG-IP 4000", "13.1.1", "f5-abcd-efgh"),
        "3375.2.1.3.4.89",
        "Linux f5lb 3.10.0-514.26.2.el7.ve.x86_64 #1 SMP Wed Jun 27 09:22:00 PDT 2018 x86_64",
        {"3375.2.1.3.5.2.0": "BIG-IP 4000", "3375.2.1.4.2.0": "13.1.1", "3375.2.1.3.3.3.0": "f5-abcd-efgh"},
    ),
    (
        ("Citrix", "NetScaler", "NetScaler Virtual Appliance 450000", "10.5", "7V9ABCDE"),
        "5951.1",
        "NetScaler NS10.5: Build 52.11.nc, Date: Sep 19 2014, 19:00:10",
        {"5951.4.1.1.11.0": "NetScaler Virtual Appliance 450000", "5951.4.1.1.14.0": "7V9ABCDE", "5951.4.1.1.1.0": "NetScaler NS10.5: Build 52.11.nc, Date: Sep 19 2014, 19:00:10"},
    ),
    (
        ("SonicWall", "SonicOS", "NSA 2600", "6.2.5.1-26n", "C0EAE4000000"),
        "8741.1",
        "SonicWALL NSA 2600 (SonicOS Enhanced 6.2.5.1-26n)",
        {"8741.2.1.1.1.0": "NSA 2600", "8741.2.1.1.2.0": "C0EAE4000000", "8741.2.1.1.3.0": "SonicOS Enhanced 6.2.5.1-26n"},
    ),
    (
        ("Check Point", "Gaia", "Check Point 4400", "R77.30", "LR200000000"),
        "2620.1.6.123.1.28",
        "Linux gw 2.6.18-92cp #1 SMP Thu Nov 13 2014 i686",
        {"2620.1.6.16.7.0": "Check Point 4400", "2620.1.6.4.1.0": "R77.30", "2620.1.6.16.3.0": "LR200000000"},
    ),
    (
        ("Stormshield", "SNS", "SN510", "3.7.1", "SN510A17B0123A7"),
        "11256.2.0",
        "SN510",
        {"11256.1.0.1.0": "SN510", "11256.1.0.2.0": "3.7.1", "11256.1.0.3.0": "SN510A17B0123A7"},
    ),
    (
        ("Riverbed", "RiOS", "CX770", "9.1.2", "HA1AA00000001"),
        "17163.1.1",
        "Linux riverbed 2.6.32 #1 SMP x86_64",
        {"17163.1.1.1.1.0": "CX770", "17163.1.1.1.2.0": "HA1AA00000001", "17163.1.1.1.3.0": "rbt_sh 9.1.2 #84_32 2015-12-11 18:12:45 x86_64 root@paris"},
    ),
    (
        ("Infoblox", "NIOS", "IB-1410", "7.3.9", "000011112222"),
        "7779.1.1402",
        "Linux infoblox 3.14.25 #1 SMP x86_64",
        {"7779.3.1.1.2.1.4.0": "IB-1410", "7779.3.1.1.2.1.6.0": "000011112222", "7779.3.1.1.2.1.7.0": "7.3.9-350553"},
    ),
    (
        ("Aerohive", "HiveOS", "AP230", "6.5r8", ""),
        "26928.1",
        "AP230, HiveOS 6.5r8 build-158569",
        {},
    ),
    (
        ("Meraki", "Meraki", "MR18", "", ""),
        "29671.2.20",
        "Meraki MR18 Cloud Managed AP",
        {},
    ),
    (
        ("Meraki", "Meraki", "MX64", "", ""),
        "29671.2.104",
        "Meraki MX64 Router Appliance",
        {},
    ),
    (
        ("Ruckus", "Ruckus Wireless", "ZD1106", "9.8.1.0 build 101", "501208001234"),
        "25053.3.1.5.15",
        "Ruckus Wireless ZD1106",
        {"25053.1.2.1.1.1.1.9.0": "ZD1106", "25053.1.2.1.1.1.1.15.0": "501208001234", "25053.1.2.1.1.1.1.18.0": "9.8.1.0 build 101"},
    ),
    (
        ("Ruckus", "Ruckus Wireless", "R510", "110.0.0.0.663", "221703001234"),
        "25053.3.1.4.45",
        "Ruckus Wireless Inc (C) 2006",
        {"25053.1.1.2.1.1.1.1.0": "R510", "25053.1.1.2.1.1.1.2.0": "221703001234", "25053.1.1.3.1.1.1.1.1.3.1": "110.0.0.0.663", "25053.1.1.3.1.1.1.1.1.2.1": "main"},
    ),
    (
        ("NetApp", "ONTAP", "FAS2520", "8.3.2P5", "700002012345"),
        "789.2.5",
        "NetApp Release 8.3.2P5: Sat Aug 20 22:45:21 UTC 2016",
        {"789.1.1.5.0": "FAS2520", "789.1.1.9.0": "700002012345", "789.1.1.2.0": "NetApp Release 8.3.2P5: Sat Aug 20 22:45:21 UTC 2016"},
    ),
    (
        ("Dell", "iDRAC", "PowerEdge R730", "2.41.40.40", "ABC1234"),
        "674.10892.5",
        "",
        {"674.10892.5.1.3.12.0": "PowerEdge R730", "674.10892.5.1.3.2.0": "ABC1234", "674.10892.5.1.1.8.0": "2.41.40.40"},
    ),
    (
        ("HPE", "iLO", "ProLiant DL380p Gen8", "2.50", "CZJ0000000"),
        "232.9.4.10",
        "Integrated Lights-Out 4 2.50 Sep 23 2016",
        {"232.2.2.4.2.0": "ProLiant DL380p Gen8", "232.2.2.2.1.0": "CZJ0000000", "232.9.2.2.2.0": "2.50"},
    ),
    (
        ("Raritan", "PX", "PX2-1486", "3.3.10.5-43736", "PGO1234567"),
        "13742.6",
        "Raritan PX2 030410",
        {"13742.6.3.2.1.1.3.1": "PX2-1486", "13742.6.3.2.1.1.4.1": "PGO1234567", "13742.6.3.2.3.1.6.1.1.1": "3.3.10.5-43736"},
    ),
    (
        ("Server Technology", "Sentry", "Sentry Switched CDU", "7.0p", "ADEN1234567"),
        "1718.3",
        "Sentry Switched CDU",
        {"1718.3.1.1.0": "Sentry Switched CDU Version 7.0p", "1718.3.1.2.0": "ADEN1234567"},
    ),
    (
        ("Server Technology", "Sentry", "C2S48TE-YCLEAD", "8.0q", "AAAA0000001"),
        "1718.4",
        "Sentry Switched PDU",
        {"1718.4.1.1.1.1.0": "Sentry Switched PDU", "1718.4.1.1.1.3.0": "Sentry Switched PDU Version 8.0q", "1718.4.1.2.2.1.4.1": "AAAA0000001", "1718.4.1.2.2.1.5.1": "C2S48TE-YCLEAD"},
    ),
    (
        ("Vertiv", "NetSure", "NCU", "1.10", ""),
        "6302.2.1",
        "NetSure Control Unit",
        {"6302.2.1.1.1.0": "Vertiv", "6302.2.1.1.2.0": "NCU", "6302.2.1.1.3.0": "1.10"},
    ),
    (
        ("LANCOM", "LCOS", "1781EF+", "9.00.0221", "4004123456789012"),
        "2356.11.8.0",
        "LANCOM 1781EF+ 9.00.0221 / 21.08.2014 4004123456789012",
        {},
    ),
    (
        ("Peplink", "Peplink", "Balance 20", "6.3.3", "1824-AAAA-BBBB"),
        "23695",
        "Peplink Balance 20",
        {"23695.200.1.1.1.1.1.0": "Balance 20", "23695.200.1.1.1.1.2.0": "1824-AAAA-BBBB", "23695.200.1.1.1.1.3.0": "6.3.3"},
    ),
    (
        ("RuggedCom", "ROS", "RSG2100", "4.3.1", "RSG2100-0414-00001"),
        "15004.2.1",
        "RUGGEDCOM RSG2100",
        {"15004.4.2.3.1.0": "RSG2100-0414-00001", "15004.4.2.3.3.0": "v4.3.1 (Apr 10 2017 11:00)"},
    ),
    (
        ("Patton", "SmartWare", "SN4634/5BIS", "R6.T", ""),
        "1768.100.4",
        "SN4634/5BIS R6.T 2013-12-01 H323 SIP BRI",
        {},
    ),
    (
        ("Mellanox", "MLNX-OS", "SX1036", "3.4.0012", ""),
        "33049.1.1.1.1036",
        "Mellanox SX1036,MLNX-OS,SWv3.4.0012",
        {},
    ),
    (
        ("Mellanox", "MLNX-OS", "MSN2100", "3.6.4006", ""),
        "33049.1.1.1.2100",
        "Linux sw 3.10.0-327.36.1.el7.x86_64 #1 X86_64_POKY Mellanox MSN2100,Onyx,SWv3.6.4006",
        {},
    ),
    (
        ("Netonix", "WISP Switch", "WS-12-250-AC", "1.4.7", ""),
        "46242",
        "Netonix WS-12-250-AC",
        {"46242.1.0": "1.4.7"},
    ),
    (
        ("Alta Labs", "Alta", "S24", "2.0a", ""),
        "8072.3.2.10",
        "Alta S24 2.0a",
        {},
    ),
    (
        ("FS", "RGOS", "S3900-24T4S", "", ""),
        "52642.1.1.45",
        "S3900-24T4S",
        {},
    ),
    (
        ("Apple", "macOS", "", "15.6.0", ""),
        "8072.3.2.255",
        "Darwin mac.local 15.6.0 Darwin Kernel Version 15.6.0: Thu Jun 21 20:07:40 PDT 2018; root:xnu-3248.73.11~1/RELEASE_X86_64 x86_64",
        {},
    ),
    (
        ("OpenBSD", "OpenBSD", "", "6.4", ""),
        "8072.3.2.12",
        "OpenBSD bsd.example 6.4 GENERIC.MP#364 amd64",
        {},
    ),
    (
        ("Ciena", "SAOS", "3930 Service Delivery Switch", "", ""),
        "6141.1.92",
        "3930 Service Delivery Switch",
        {},
    ),
    (
        ("IBM", "IMM", "System x3650 M4", "", "06ABCDE"),
        "2.3.51.3",
        "IMM",
        {"2.3.51.3.1.5.2.1.5.0": "System x3650 M4", "2.3.51.3.1.5.2.1.3.0": "06ABCDE"},
    ),
    (
        ("HPE", "Onboard Administrator", "BladeSystem c7000 Enclosure G2", "3.60", "6CU0000001"),
        "11.5.7.1.2",
        "HP Onboard Administrator",
        {"232.22.2.3.1.1.1.3.1": "BladeSystem c7000 Enclosure G2", "232.22.2.3.1.1.1.7.1": "6CU0000001", "232.22.2.3.1.1.1.8.1": "3.60"},
    ),
    (
        ("Huawei", "iBMC", "RH5885 V3", "2.38", "2102311JWG0000000001"),
        "2011.2.235",
        "Hardware management system",
        {"2011.2.235.1.1.1.6.0": "RH5885 V3", "2011.2.235.1.1.1.7.0": "2102311JWG0000000001", "2011.2.235.1.1.11.50.1.1.4.67.80.76.68": "CPLD", "2011.2.235.1.1.11.50.1.4.4.67.80.76.68": "0.05", "2011.2.235.1.1.11.50.1.1.4.105.66.77.67": "Active iBMC", "2011.2.235.1.1.11.50.1.4.4.105.66.77.67": "2.38"},
    ),
    (
        ("Adtran", "AOS", "NetVanta 3430", "R10.9.3.HA", "LBADTN0808AB123"),
        "664.1.834",
        "NetVanta 3430, Version: R10.9.3.HA, Date: Tue Dec 17 16:07:10 2013",
        {"664.3.1.1.0": "NetVanta 3430", "664.3.1.4.0": "LBADTN0808AB123", "664.3.1.6.0": "R10.9.3.HA"},
    ),
    (
        ("Venustech", "VSOS", "USG-FW-1010DP", "V2.6", "11f79beba8eec38d"),
        "15227.9.1.2",
        "FIREWALL",
        {"15227.200.1.3.0": "11f79beba8eec38d", "15227.200.1.4.0": "V2.6 USG-FW-1010DP", "15227.200.1.5.0": "V2.6"},
    ),
    (
        ("Leadsec", "Firewall", "", "V3.0", "add57c5c7eb7a780"),
        "9833.1.1.1",
        "FIREWALL",
        {"9833.1.3.3.0": "add57c5c7eb7a780", "9833.1.3.5.0": "V3.0"},
    ),
    (
        ("Samsung Techwin", "iPolis", "SNO-7084R", "3.00_140915", ""),
        "36849.1.2.64",
        "SAMSUNG iPolis H.264 Premium Level IP Camera",
        {"36849.1.2.64.1.0": "SNO-7084R", "36849.1.2.64.2.1.1.0": "3.00_140915"},
    ),
    (
        ("Meru", "System Director", "MC1550", "5.3-132", ""),
        "15983.1.1.7.3",
        "controller",
        {"15983.1.1.3.1.13.1.0": "MC1550", "15983.1.1.3.1.13.3.0": "5.3-132"},
    ),
    (
        ("Juniper", "MSS", "WLC2800", "9.0.3.5", "LG0000000001"),
        "14525.3.3.1.16",
        "Juniper Networks, Inc WLC2800 9.0.3.5 REL",
        {"14525.4.2.1.1.0": "LG0000000001", "14525.4.2.1.4.0": "9.0.3.5.0"},
    ),
    (
        ("Vertiv", "UPS", "US11R0030L", "13.00", ""),
        "13400.2.1",
        "UPS Web/SNMP Agent, Emerson Network Power Co., Ltd.",
        {"13400.2.1.2.1.1.1.0": "US11R0030L", "13400.2.1.2.1.2.1.0": "13.00"},
    ),
    (
        ("Isilon", "OneFS", "", "7.2.1.0", ""),
        "12124.1",
        "Isilon OneFS nas-1 v7.2.1.0 Isilon OneFS v7.2.1.0 B_7_2_1_014(RELEASE) amd64",
        {},
    ),
    (
        ("Ruckus", "Ruckus Wireless", "SmartCell Gateway", "", "491436000001"),
        "25053.3.1.10",
        "SmartCell Gateway",
        {"25053.1.3.1.1.1.15.13.0": "491436000001"},
    ),
    (
        ("Ruckus", "Ruckus Wireless", "vSCG", "5.1.2.0.302", "96AA"),
        "25053.3.1.11.1",
        "SmartZone",
        {"25053.1.8.1.1.1.1.1.1.3.5.1.2": "vSCG", "25053.1.8.1.1.1.1.1.1.9.5.1.2": "5.1.2.0.302", "25053.1.4.1.1.1.15.13.0": "96AA"},
    ),
    (
        ("Data Domain", "DD OS", "DD2500", "5.4.3.0-430231", "AUD0000001"),
        "19746.3.1.1",
        "Data Domain OS 5.4.3.0-430231",
        {"19746.1.13.1.1.0": "AUD0000001", "19746.1.13.1.4.0": "DD2500"},
    ),
    (
        ("A10 Networks", "ACOS", "TH5630", "4.1.0-P5", "TH50000001"),
        "22610.1.3.28",
        "Thunder Series Unified Application Service Gateway TH5630, ACOS 4.1.0-P5,",
        {"22610.2.4.1.6.2.0": "TH50000001"},
    ),
    (
        ("ADVA", "FSP 150", "FSP150-XG304 OptiSwitch V8-F", "20_2_1 (17875)", ""),
        "629.22.37.4.8.3",
        "FSP150-XG304 OptiSwitch V8-F Ver. 20_2_1 (17875)",
        {},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("identity", "object_id", "description", "rest"),
    KNOWN,
    ids=lambda one: one[0] if isinstance(one, tuple) else "",
)
def test_an_appliance_tells_who_it_is(identity, object_id, description, rest):
    values = walk(description, f"1.3.6.1.4.1.{object_id}", rest)
    found = read(values)
    assert (
        tuple(field or "" for field in (found.vendor, found.family, found.model, found.version, found.serial))
        == identity
    )
    assert_known_alone(values, f"1.3.6.1.4.1.{object_id}", description)
