"""Head ends of PON by their profiles: who they are, and each maker's table of ONUs decoded."""

import pytest

from tests.profile_walks import column, read, said, table, walk

SERIAL = b"HWTC\x12\x34\xab\xcd"
MAC = bytes.fromhex("00259eaabb01")
COLON_MAC = "00:25:9e:aa:bb:01"
IF_NAME, IF_DESCR = "=1.3.6.1.2.1.31.1.1.1.1", "=1.3.6.1.2.1.2.2.1.2"
ENTITY_DESCR = "=1.3.6.1.2.1.47.1.1.1.1.2"


HUAWEI = "2011.6.128.1.1.2"
CASES = {
    "huawei": (
        walk(
            "Huawei Integrated Access Software",
            "1.3.6.1.4.1.2011.2.133",
            {"2011.6.3.1.999.0": "MA5608V800R016C10"},
            column(ENTITY_DESCR, {36: "MA5608T, backplane"}),
            column(IF_DESCR, {4194304000: "GPON 0/0/0"}),
            table(f"{HUAWEI}.43.1", "4194304000.7", c3=SERIAL, c9="flat 12"),
            table(f"{HUAWEI}.46.1", "4194304000.7", c15=2, c20=1840, c24=13),
            table(f"{HUAWEI}.51.1", "4194304000.7", c1=41, c3=214, c4=-2178, c6=7611),
            table(f"{HUAWEI}.43.1", "4194304000.8", c3=b"ZTEG\0\0\0\1"),
            table(f"{HUAWEI}.46.1", "4194304000.8", c15=1, c20=-1),
            table(f"{HUAWEI}.51.1", "4194304000.8", c4=2147483647),
        ),
        ("Huawei", "SmartAX", "MA5608T", "MA5608V800R016C10"),
        [
            {
                "index": "4194304000.7", "kind": "gpon", "port_name": "GPON 0/0/0", "serial": "HWTC1234ABCD",
                "name": "flat 12", "state": "offline", "distance_m": 1840, "last_down": "power lost",
                "temperature_c": 41, "tx_dbm": 2.14, "rx_dbm": -21.78, "olt_rx_dbm": -23.89,
            },
            {
                "index": "4194304000.8", "kind": "gpon", "port_name": "GPON 0/0/0", "serial": "ZTEG00000001",
                "state": "online",
            },
        ],
    ),
    "zte, second tree": (
        walk(
            "C320 Version V2.1.0 Software, Copyright (c) by ZTE Corporation Compiled",
            "1.3.6.1.4.1.3902.1082.1001.320.2.1",
            table("3902.1082.500.10.2.3.3.1", "285278466.5", c2="house 4", c18="1,ZTEGC1234567"),
            table("3902.1082.500.10.2.3.8.1", "285278466.5", c4=5, c7=9),
            table("3902.1082.500.10.2.3.10.1", "285278466.5", c2=1235),
            table("3902.1082.500.1.2.4.2.1", "285278466.5", c2=-24500),
            table("3902.1082.500.20.2.2.2.1", "285278466.5.1", c10=4250, c14=65535),
        ),
        ("ZTE", "ZXA10", "C320", "V2.1.0"),
        [
            {
                "index": "285278466.5", "kind": "gpon", "port_name": "gpon-olt_1/1/2", "name": "house 4",
                "serial": "ZTEGC1234567", "state": "dying gasp", "last_down": "power lost", "distance_m": 1235,
                "olt_rx_dbm": -24.5, "rx_dbm": -21.5,
            }
        ],
    ),
    "zte, first tree": (
        walk(
            "ZXA10 C300 Version V1.2.5P2 Software, Copyright (c) by ZTE Corporation",
            "1.3.6.1.4.1.3902.1015.1018.1.1.1",
            table("3902.1012.3.28.1.1", "268567296.3", c2="flat 3", c5=SERIAL),
            table("3902.1012.3.28.2.1", "268567296.3", c4=3),
            table("3902.1012.3.11.4.1", "268567296.3", c2=840),
            table("3902.1012.3.50.12.1.1", "268567296.3.1", c10=5100),
        ),
        ("ZTE", "ZXA10", "C300", "V1.2.5P2"),
        [
            {
                "index": "268567296.3", "kind": "gpon", "port_name": "gpon-olt_1/2/3", "name": "flat 3",
                "serial": "HWTC1234ABCD", "state": "online", "distance_m": 840, "rx_dbm": -19.8,
            }
        ],
    ),
    "bdcom epon": (
        walk(
            "BDCOM(tm) P3310C Software, Version 10.1.0E Build 27187\r\nCompiled: 2014-9-12\r\n"
            "ROM: System Bootstrap,Version 0.4.5,Serial num:00054321",
            "1.3.6.1.4.1.3320.1.195.0",
            column(IF_DESCR, {15: "EPON0/1:7"}),
            table("3320.101.10.1.1", 15, c1="GOMA", c2="X9", c3=MAC, c26=3, c27=730),
            table("3320.101.10.5.1", 15, c2=11520, c5=-226, c6=17),
            table("3320.101.108.1", 15, c3=-251),
        ),
        ("BDCOM", "BDCOM OS", "P3310C", "10.1.0E Build 27187"),
        [
            {
                "index": "15", "kind": "epon", "port_name": "EPON0/1:7", "mac": COLON_MAC, "vendor": "GOMA",
                "model": "X9", "state": "online", "distance_m": 730, "temperature_c": 45, "rx_dbm": -22.6,
                "tx_dbm": 1.7, "olt_rx_dbm": -25.1,
            }
        ],
    ),
    "bdcom gpon": (
        walk(
            "BDCOM(tm) GP3600-08 Software, Version 10.1.0E Build 73182",
            "1.3.6.1.4.1.3320.1.396.0",
            table("3320.10.3.3.1", 21, c2="HWTC1234ABCD", c4=4),
            table("3320.10.3.1.1", 21, c33=7300, c35=8),
            table("3320.10.3.4.1", 21, c2=-65535, c3=0),
        ),
        ("BDCOM", "BDCOM OS", "GP3600-08", "10.1.0E Build 73182"),
        [
            {
                "index": "21", "kind": "gpon", "serial": "HWTC1234ABCD", "state": "los", "distance_m": 730,
                "last_down": "fibre lost",
            }
        ],
    ),
    "c-data epon and gpon of NSCRTV": (
        walk(
            "some-olt",
            "1.3.6.1.4.1.17409",
            {"17409.2.3.1.1.13.0": "AF2101-1901000029", "34592.1.3.1.5.2.1.1.5.0": "4.2.7.58"},
            {"17409.2.3.1.3.1.1.7.1.0": "FD1208S-B0"},
            column(IF_NAME, {16780544: "pon0/0/1"}),
            column(IF_DESCR, {16780544: "pon0/0/1"}),
            table("17409.2.3.4.1.1", 16780547, c2="shop", c7=MAC, c8=2, c15=91),
            table("17409.2.3.4.2.1", "16780547.0.0", c4=-2512, c5=201),
            {"34592.1.3.100.12.3.1.1.7.16780547": "dying-gasp"},
            table("17409.2.8.4.1.1", 16780545, c2="gpon 0/0/1 onu 1", c3=SERIAL, c6="0000", c7=1, c9=210),
            table("17409.2.8.4.4.1", "16780545.0.0", c4=-1955, c8=4510),
        ),
        ("C-Data", "FD OLT", "FD1208S-B0", "4.2.7.58"),
        [
            {
                "index": "16780547", "kind": "epon", "port_name": "pon0/0/1", "name": "shop", "mac": COLON_MAC,
                "state": "offline", "distance_m": 91, "last_down": "power lost", "rx_dbm": -25.12, "tx_dbm": 2.01,
            },
            {
                "index": "16780545", "kind": "gpon", "port_name": "pon0/0/1", "name": "gpon 0/0/1 onu 1",
                "serial": "HWTC1234ABCD", "state": "online", "distance_m": 210, "rx_dbm": -19.55,
                "temperature_c": 45.1,
            },
        ],
    ),
    "c-data's own tables": (
        walk(
            "FD1104S",
            "1.3.6.1.4.1.34592.1.3",
            table("34592.1.3.4.1.1", "1.2.9", c7=MAC, c11=1, c13=120, c36="-21.4", c37="2.1"),
            table("34592.1.5.1.1.2.18.1.1", "1.1.3.5", c4=SERIAL, c8="flat 5"),
            table("34592.1.5.1.1.2.18.2.1", "1.1.3.5", c1=2, c4=640),
            table("34592.1.5.1.1.2.18.6.1", "1.1.3.5", c4="-19.55", c6="44.2"),
        ),
        ("C-Data", "FD OLT", "FD1104S", None),
        [
            {
                "index": "1.2.9", "kind": "epon", "port_name": "EPON0/2", "mac": COLON_MAC, "state": "online",
                "distance_m": 120, "rx_dbm": -21.4, "tx_dbm": 2.1,
            },
            {
                "index": "1.1.3.5", "kind": "gpon", "port_name": "GPON0/3", "serial": "HWTC1234ABCD",
                "name": "flat 5", "state": "offline", "distance_m": 640, "rx_dbm": -19.55, "temperature_c": 44.2,
            },
        ],
    ),
    "v-sol": (
        walk(
            "V1600D",
            "1.3.6.1.4.1.37950.1.1.5",
            {"37950.1.1.5.10.14.1.0": "V1600D8", "37950.1.1.5.10.12.5.4.0": "V2.03.75R"},
            table("37950.1.1.5.12.1.25.1", "1.6", c4=1, c5="00:25:9E:AA:BB:01", c9="attic", c17="77"),
            table("37950.1.1.5.12.2.1.8.1", "1.6", c3="41.5", c6="1.7 mW (2.30 dBm)", c7="0.03 mW (-16.02 dBm)"),
            table("37950.1.1.6.1.1.1.1", "2.3", c5=1),
            table("37950.1.1.6.1.1.2.1", "2.3", c5="HWTC1234ABCD", c6="HG8310M"),
            table("37950.1.1.6.1.1.3.1", "2.3", c7="-19.32(dBm)"),
        ),
        ("V-SOL", "V1600", "V1600D8", "V2.03.75R"),
        [
            {
                "index": "1.6", "kind": "epon", "port_name": "EPON0/1", "name": "attic", "mac": COLON_MAC,
                "state": "online", "distance_m": 77, "temperature_c": 41.5, "tx_dbm": 2.3, "rx_dbm": -16.02,
            },
            {
                "index": "2.3", "kind": "gpon", "port_name": "GPON0/2", "serial": "HWTC1234ABCD",
                "model": "HG8310M", "state": "los", "rx_dbm": -19.32,
            },
        ],
    ),
    "fiberhome": (
        walk(
            "AN5516-01",
            "1.3.6.1.4.1.5875.800.1001.11",
            {"5875.800.3.9.4.3.0": "RP0700"},
            table("5875.800.3.10.1.1", 369623808, c7="user1", c10="FHTT1234abcd", c11=2),
            table("5875.800.3.9.3.3.1", 369623808, c6=-2216, c7=231),
        ),
        ("FiberHome", "AN5516", "AN5516-01", "RP0700"),
        [
            {
                "index": "369623808", "kind": "gpon", "port_name": "11/1", "name": "user1",
                "serial": "FHTT1234abcd", "state": "dying gasp", "rx_dbm": -22.16, "tx_dbm": 2.31,
            }
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_head_end_tells_who_it_is_and_how_its_onus_are(case):
    values, identity, onus = case
    found = read(values)
    assert (found.vendor, found.family, found.model, found.version) == identity
    assert [said(onu) for onu in found.pon] == onus
