"""More head ends of PON by their profiles: Ubiquiti, Eltex, Raisecom, Nokia, TP-Link, Dasan, Parks, HSGQ, GCOM, Datacom."""

import pytest

from tests.profile_walks import column, read, said, table, walk

SERIAL = b"HWTC\x12\x34\xab\xcd"
MAC = bytes.fromhex("00259eaabb01")
COLON_MAC = "00:25:9e:aa:bb:01"
IF_DESCR = "=1.3.6.1.2.1.2.2.1.2"

CASES = {
    "ubiquiti": (
        walk(
            "EdgeOS v4.4.2.4598.220304.1412",
            "1.3.6.1.4.1.41112.1.5",
            {"41112.1.5.1.1.0": "UFiber OLT", "41112.1.5.1.2.0": "B4FBE41B4808"},
            table("41112.1.5.6.2.1", 1, c1="UBNT1234abcd", c2="cafe", c3=2, c4="UF-Nano", c8=215, c9=-2101),
        ),
        ("Ubiquiti", "UFiber OLT", "UFiber OLT", "4.4.2.4598.220304.1412", "B4FBE41B4808"),
        {
            "serial": "UBNT1234abcd", "name": "cafe", "state": "offline", "model": "UF-Nano", "tx_dbm": 2.15,
            "rx_dbm": -21.01,
        },
    ),
    "eltex ltp": (
        walk(
            "Linux AT-LTP8X-BG-1 2.6.22.18 #1 Fri Sep 2 10:00:29 UTC 2016 armv5tejl",
            "1.3.6.1.4.1.35265.1.22",
            {"35265.1.22.1.1.5.0": "LTP-8X:rev.C software version 3.26.1 build 12 on 12.06.2018"},
            table("35265.1.22.3.1.1", "1.8.72.87.84.67.18.52.171.205", c2=SERIAL, c5=7, c11=-213),
        ),
        ("Eltex", "LTP", "LTP-8X", "3.26.1 build 12", None),
        {"serial": "HWTC1234ABCD", "state": "online", "rx_dbm": -21.3},
    ),
    "eltex lte": (
        walk(
            "ELTEX LTE-8ST rev.B",
            "1.3.6.1.4.1.35265.1.21",
            table("35265.1.21.6.1.1", "6.0.37.158.170.187.1", c6=7),
            table("35265.1.21.16.1.1", "6.0.37.158.170.187.1", c8="flat 9"),
        ),
        ("Eltex", "LTE", "LTE-8ST", None, None),
        {"kind": "epon", "name": "flat 9", "state": "online"},
    ),
    "raisecom": (
        walk(
            "ISCOM6820-GP Software Version ROAP_5.2.1",
            "1.3.6.1.4.1.8886.6.1",
            table("8886.18.3.1.3.1.1", 277020677, c2="HWTC1234ABCD", c15=6, c16=3170, c17=3, c20="mill"),
            table("8886.18.3.1.3.3.1", 277020677, c1=-243),
        ),
        ("Raisecom", "ROAP OLT", "ISCOM6820-GP", "ROAP_5.2.1", None),
        {
            "port_name": "gpon-olt 1/3", "serial": "HWTC1234ABCD", "name": "mill", "state": "offline",
            "last_down": "power lost", "distance_m": 3170, "olt_rx_dbm": -24.3,
        },
    ),
    "nokia": (
        walk(
            "R6.2.04g NFXS-F NOKIA ISAM",
            "1.3.6.1.4.1.637.61.1",
            {"637.61.1.23.2.1.4.17": "NFXS-F", "637.61.1.23.2.1.13.17": "ALCLFA123456"},
            column(IF_DESCR, {130023424: "ONT 1/1/1/1/1"}),
            {"=1.3.6.1.2.1.2.2.1.8.130023424": 1},
            table("637.61.1.35.10.1.1", 130023424, c5=SERIAL, c9="3FE45458", c24="school"),
            table("637.61.1.35.10.14.1", 130023424, c2=-9250, c4=1100),
            table("637.61.1.35.10.18.1", 130023424, c2=-221),
        ),
        ("Nokia", "ISAM", "NFXS-F", "R6.2.04g", "ALCLFA123456"),
        {
            "port_name": "ONT 1/1/1/1/1", "serial": "HWTC1234ABCD", "version": "3FE45458", "name": "school",
            "state": "online", "rx_dbm": -18.5, "tx_dbm": 2.2, "olt_rx_dbm": -22.1,
        },
    ),
    "tp-link": (
        walk(
            "DeltaStream GPON OLT",
            "1.3.6.1.4.1.11863.5.1",
            {"11863.6.1.1.5.0": "DS-P7001-08 1.0", "11863.6.1.1.6.0": "1.2.0 Build 2023", "11863.6.1.1.8.0": "2231"},
            table(
                "11863.6.100.1.7.2.1", "1.4.2", c5="farm", c6="TPLG1234ABCD", c11=0, c15="TPLG", c16="XZ000-G3",
                c18="420", c26="-20.15", c42="Dying Gasp",
            ),
        ),
        ("TP-Link", "DeltaStream", "DS-P7001-08", "1.2.0 Build 2023", "2231"),
        {
            "port_name": "gpon-port 4", "serial": "TPLG1234ABCD", "name": "farm", "state": "offline",
            "vendor": "TPLG", "model": "XZ000-G3", "distance_m": 420, "rx_dbm": -20.15, "last_down": "power lost",
        },
    ),
    "dasan": (
        walk(
            "V5824G",
            "1.3.6.1.4.1.6296.1.1.1.2",
            {"6296.9.1.1.1.3.0": "5.09 #2105", "6296.9.1.1.1.4.0": "MB7R0QD212A1249"},
            column(IF_DESCR, {7: "GPON 7"}),
            table("6296.101.23.3.1.1", "7.11", c2=1, c4="DSNW1234abcd", c16=-400, c17="H660", c18="barn", c45=3),
        ),
        ("Dasan", "NOS", "V5824G", "5.09", "MB7R0QD212A1249"),
        {
            "port_name": "GPON 7", "serial": "DSNW1234abcd", "name": "barn", "state": "offline", "model": "H660",
            "last_down": "fibre lost",
        },
    ),
    "parks": (
        walk(
            "Parks Fiberlink20008S",
            "1.3.6.1.4.1.6771.10.1",
            table("6771.10.1.5.1", "1.2.3", c5=3, c15=2638, c18="PRKS00C418A1", c23="Fiberlink 411", c62="ana"),
        ),
        ("Parks", "Fiberlink", "Fiberlink20008S", None, None),
        {
            "port_name": "gpon1/2", "serial": "PRKS00C418A1", "name": "ana", "state": "online",
            "model": "Fiberlink 411", "rx_dbm": -26.38,
        },
    ),
    "hsgq": (
        walk(
            "HSGQ-XE04ID",
            "1.3.6.1.4.1.50224.3",
            table("50224.3.3.2.1", 16777730, c2="ONU2", c7=MAC, c8=1, c15=33),
            table("50224.3.3.3.1", "16777730.0.0", c4=-1811, c8=4000),
        ),
        ("HSGQ", "HSGQ OLT", "HSGQ-XE04ID", None, None),
        {
            "kind": "epon", "port_name": "1/2", "mac": COLON_MAC, "name": "ONU2", "state": "online",
            "distance_m": 33, "rx_dbm": -18.11, "temperature_c": 40,
        },
    ),
    "gcom epon": (
        walk(
            "EL5610-08P",
            "1.3.6.1.4.1.13464",
            {"13464.1.2.1.1.2.2.0": "V1.1.7"},
            table("13464.1.13.3.1.1", "0.3.12", c5="x", c9=MAC, c18="15"),
            table("13464.1.13.3.3.1", "0.3.12", c7="2.11", c8="-17.94"),
        ),
        ("GCOM", "GCOM OLT", "EL5610-08P", "V1.1.7", None),
        {
            "kind": "epon", "port_name": "EPON0/3", "mac": COLON_MAC, "name": "x", "distance_m": 15,
            "tx_dbm": 2.11, "rx_dbm": -17.94,
        },
    ),
    "datacom": (
        walk(
            "DM4610 - OLT 8 ports, DmOS version 9.4.0",
            "1.3.6.1.4.1.3709.1.2.101",
            table("3709.3.6.2.1.1", 1001, c3="gpon-1/1/1-onu-1", c6=1, c7=1, c21="2.5", c22="-18.94", c23="joe"),
        ),
        ("Datacom", "DmOS", "DM4610", "9.4.0", None),
        {
            "id": "gpon-1/1/1-onu-1", "name": "joe", "admin": "up", "state": "online", "tx_dbm": 2.5,
            "rx_dbm": -18.94,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_head_end_tells_who_it_is_and_how_its_onu_is(case):
    values, identity, expected = case
    found = read(values)
    assert (found.vendor, found.family, found.model, found.version, found.serial) == identity
    (onu,) = found.pon
    assert {"kind": "gpon", "index": onu.index} | expected == said(onu)
