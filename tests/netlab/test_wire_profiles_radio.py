"""Radios by their profiles: who they are, and what each makes of its link or its stations."""

import pytest

from tests.profile_walks import LINUX, column, read, said, table, walk

MAC = bytes.fromhex("687251003425")
COLON_MAC = "68:72:51:00:34:25"
NAMES = "=1.3.6.1.2.1.31.1.1.1.1"

CASES = {
    "airOS": (
        walk(
            "Linux 2.6.32.54 #1 Wed Sep 7 14:30:40 EEST 2016 mips",
            "1.3.6.1.4.1.10002.1",
            column("=1.2.840.10036.3.1.2.1.3", {5: "NanoStation M5"}),
            column("=1.2.840.10036.3.1.2.1.4", {5: "XM.ar7240.v5.6.9.29546.160819.1146"}),
            table("41112.1.4.1.1", 1, c2=2, c4=5860, c6=27, c7=600),
            table("41112.1.4.5.1", 1, c2="attic", c5=-64, c7=99, c8=-101, c9=162000000, c14=40, c15=1),
            table("41112.1.4.7.1", "1.104.114.81.0.52.37", c1=MAC, c2="barn", c3=-66, c5=630, c15=4200),
        ),
        ("Ubiquiti", "airOS", "NanoStation M5", "5.6.9.29546.160819.1146", None),
        [
            {
                "index": "1", "mode": "access point", "frequency_mhz": 5860, "tx_power_dbm": 27,
                "distance_m": 600, "ssid": "attic", "signal_dbm": -64, "ccq_percent": 99, "noise_dbm": -101,
                "tx_rate_bps": 162000000, "width_mhz": 40, "clients": 1,
            },
            {
                "index": "1.104.114.81.0.52.37", "mac": COLON_MAC, "name": "barn", "signal_dbm": -66,
                "distance_m": 630, "uptime_s": 42,
            },
        ],
    ),
    "airFiber": (
        walk(
            "Linux 2.6.33 #1 mips",
            "1.3.6.1.4.1.10002.1",
            column("=1.2.840.10036.3.1.2.1.3", {5: "AF-5X"}),
            table("41112.1.3.1.1", 1, c3=2, c5=5745, c9=26),
            table("41112.1.3.2.1", 1, c4=5300, c5=218000000, c6=217000000, c8=43, c11=-61, c40="v3.2.2"),
        ),
        ("Ubiquiti", "airFiber", "AF-5X", "v3.2.2", None),
        [
            {
                "index": "1", "mode": "slave", "frequency_mhz": 5745, "tx_power_dbm": 26, "distance_m": 5300,
                "rx_rate_bps": 218000000, "tx_rate_bps": 217000000, "signal_dbm": -61,
            }
        ],
    ),
    "LTU": (
        walk(
            "Linux roof 3.14.65 #7 SMP PREEMPT RT armv7l",
            LINUX,
            {"41112.1.10.1.3.2.0": "airFiber 5XHD", "41112.1.10.1.3.4.0": ".v1.1.1-BETA2.00015.180314.0503"},
            {"41112.1.10.1.2.1.0": 0, "41112.1.10.1.2.2.0": 5600},
        ),
        ("Ubiquiti", "LTU", "airFiber 5XHD", "1.1.1-BETA2.00015.180314.0503", None),
        [{"index": "", "mode": "access point", "frequency_mhz": 5600}],
    ),
    "GigaBeam": (
        walk(
            "Linux roof 4.4.60 #1 armv7l",
            LINUX,
            {"41112.1.11.1.2.2.1": "GBE-Plus", "41112.1.11.1.2.4.1": "GBE.v1.4.1.51728.200727.1510"},
            {"41112.1.11.1.1.1.1": 1, "41112.1.11.1.1.2.1": 64800},
            table("41112.1.11.1.3.1", "1.104.114.81.0.52.37", c3=-48, c4=15),
        ),
        ("Ubiquiti", "airFiber 60", "GBE-Plus", "v1.4.1", None),
        [
            {"index": "1", "mode": "station", "frequency_mhz": 64800},
            {"index": "1.104.114.81.0.52.37", "signal_dbm": -48, "snr_db": 15},
        ],
    ),
    "ePMP": (
        walk(
            "Cambium",
            "1.3.6.1.4.1.17713.21",
            {"17713.21.1.1.1.0": "4.4.3", "17713.21.1.1.2.0": 36, "17713.21.1.1.31.0": "W8XC00G4L9B1"},
            {"17713.21.1.2.1.0": 5180, "17713.21.1.2.3.0": -58, "17713.21.1.2.18.0": 31, "17713.21.1.2.10.0": 0},
        ),
        ("Cambium", "ePMP", "Force 300-25", "4.4.3", "W8XC00G4L9B1"),
        [{"index": "", "frequency_mhz": 5180, "signal_dbm": -58, "snr_db": 31, "clients": 0}],
    ),
    "PMP 450 access point": (
        walk(
            "CANOPY 15.0.0.1 AP-DES",
            "1.3.6.1.4.1.161.19.250.256",
            {"161.19.3.3.1.6.0": "5.7GHz MU-MIMO OFDM - Multipoint - Access Point", "161.19.3.1.7.37.0": 5755000},
            table("161.19.3.1.4.1", 2, c33="mill", c84=36, c88="-60.8"),
        ),
        ("Cambium", "PMP", "PMP 450 AP", "15.0.0.1", None),
        [
            {"index": "", "frequency_mhz": 5755},
            {"index": "2", "name": "mill", "snr_db": 36, "signal_dbm": -60.8},
        ],
    ),
    "Mimosa": (
        walk(
            "Mimosa B5c Firmware v92329ce",
            "1.3.6.1.4.1.43356.1.1.1",
            {"43356.2.1.2.1.2.0": "2119632000", "43356.2.1.2.1.3.0": "2.3.3"},
            table("43356.2.1.2.6.1.1", 1, c2=240, c3=-553, c4=-880, c5=327, c6=5290),
        ),
        ("Mimosa", "Mimosa", "B5c", "2.3.3", "2119632000"),
        [
            {
                "index": "1", "tx_power_dbm": 24, "signal_dbm": -55.3, "noise_dbm": -88, "snr_db": 32.7,
                "frequency_mhz": 5290,
            }
        ],
    ),
    "Siklu": (
        walk(
            "EH-1200TL",
            "1.3.6.1.4.1.31926",
            {"31926.1.6.0": "3.7.6.24444 2018-07-19 15:13:12"},
            column("=1.3.6.1.2.1.47.1.1.1.1.5", {1: 3}),
            column("=1.3.6.1.2.1.47.1.1.1.1.11", {1: "F410060602"}),
            table("31926.2.1.1", 1, c4=72375, c18=23, c19=-38, c42=5),
        ),
        ("Siklu", "EtherHaul", "EH-1200TL", "3.7.6.24444", "F410060602"),
        [{"index": "1", "frequency_mhz": 72375, "snr_db": 23, "signal_dbm": -38, "tx_power_dbm": 5}],
    ),
    "Ceragon": (
        walk(
            "High capacity packet radio outdoor unit",
            "1.3.6.1.4.1.2281.1.20.2.2",
            {"2281.10.1.2.10.1.1.6.127": "F217305963", "2281.10.4.1.13.1.1.4.1": "9.0.0.0.0.295"},
            column("=1.3.6.1.2.1.2.2.1.2", {268451969: "Radio"}),
            column(NAMES, {268451969: "Radio: Slot 2, Port 1"}),
            {"2281.10.5.1.1.2.268451969": -34, "2281.10.5.1.1.3.268451969": 16},
            {"2281.10.7.4.1.1.7.268451969": 445020},
        ),
        ("Ceragon", "CeraOS", "IP-20C", "9.0.0.0.0.295", "F217305963"),
        [
            {
                "index": "268451969", "port_name": "Radio: Slot 2, Port 1", "signal_dbm": -34, "tx_power_dbm": 16,
                "tx_rate_bps": 445020000,
            }
        ],
    ),
    "RAy of an old firmware, without .0": (
        walk(
            "RAy - Microwave Link",
            "1.3.6.1.4.1.33555.1.1",
            {"33555.1.1.1.1": "RAY10EU", "33555.1.1.1.2": 9879015, "33555.1.1.2.2": "4.1.51.0"},
            {"33555.1.2.1.4": 10518000, "33555.1.2.1.12": 10, "33555.1.3.2.1": -609, "33555.1.3.2.2": 295},
        ),
        ("RACOM", "RAy", "RAY10EU", "4.1.51.0", "9879015"),
        [{"index": "", "frequency_mhz": 10518, "tx_power_dbm": 10, "signal_dbm": -60.9, "snr_db": 29.5}],
    ),
    "SIAE": (
        walk(
            "ALFOplus80HD - SIAE Microelettronica",
            "1.3.6.1.4.1.3373.1103",
            {"3373.1103.39.2.1.12.1": -41, "3373.1103.39.2.1.13.1": 12},
        ),
        ("SIAE", "ALFOplus", "ALFOplus80HD", None, None),
        [{"index": "1", "signal_dbm": -41, "tx_power_dbm": 12}],
    ),
    "PTP 650": (
        walk("Cambium PTP 650 650-01-47", "1.3.6.1.4.1.17713.7", {"17713.7.12.4.0": 150, "17713.7.12.12.0": -583}),
        ("Cambium", "PTP", "PTP 650", "650-01-47", None),
        [{"index": "", "tx_power_dbm": 15.0, "signal_dbm": -58.3}],
    ),
    "RADWIN": (
        walk(
            "Wireless Link",
            "1.3.6.1.4.1.4458.20.3.1.2",
            {"4458.1000.1.1.2.0": "8", "4458.1000.1.1.3.0": "4.9.35", "4458.1000.1.1.29.0": "P14650E500A00123"},
            {"4458.1000.1.1.30.0": "RW-2050-A150", "4458.1000.1.5.2.0": 5840, "4458.1000.1.5.9.1.0": -58},
        ),
        ("RADWIN", "RADWIN", "RW-2050-A150", "4.9.35", "P14650E500A00123"),
        [{"index": "", "frequency_mhz": 5840, "signal_dbm": -58}],
    ),
    "airFiber 60": (
        walk(
            "Linux LR 4.4.60 armv7l",
            "1.3.6.1.4.1.41112.1.11",
            table("41112.1.11.1.1", 1, c1=1, c2=60480),
            table("41112.1.11.1.2", 1, c2="airFiber 60 LR", c4="GMP.v2.6.0"),
            table("41112.1.11.1.3.1", "1.1", c1=MAC, c3=-49, c4=17, c7=1925000, c8=1540000, c15=812),
        ),
        ("Ubiquiti", "airFiber 60", "airFiber 60 LR", "v2.6.0", None),
        [
            {"index": "1", "mode": "station", "frequency_mhz": 60480},
            {
                "index": "1.1", "mac": COLON_MAC, "signal_dbm": -49, "snr_db": 17, "tx_rate_bps": 1925000000,
                "rx_rate_bps": 1540000000, "distance_m": 812,
            },
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_radio_tells_who_it_is_and_how_its_link_is(case):
    values, identity, radios = case
    found = read(values)
    assert (found.vendor, found.family, found.model, found.version, found.serial) == identity
    assert [said(radio) for radio in found.radio] == radios
