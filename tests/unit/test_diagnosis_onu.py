"""The customer's ONU among those of an OLT: by which spelling it is known, and why it went."""

import pytest

from netdiag.results import Onu
from tasks import diagnosis_onu

ROWS = [
    Onu(index="1", serial="485754431A2B3C4D", state="online", rx_dbm=-19.0),
    Onu(index="2", serial="ZTEGC0FFEE01", mac="50:c7:bf:10:00:01", state="los"),
    Onu(index="3", name="Koval", serial="ZTEGC0FFEE02", state="offline", last_down="power lost"),
]


@pytest.mark.parametrize(
    ("macs", "serials", "index"),
    [
        ((), ("HWTC1A2B3C4D",), "1"),
        ((), ("hwtc-1a2b3c4d",), "1"),
        ((), ("48575443 1A2B3C4D",), "1"),
        (("50:c7:bf:10:00:01",), (), "2"),
        ((), ("ZTEGC0FFEE02",), "3"),
        ((), ("ZTEGC0FFEE99",), None),
        ((), (), None),
        # Two ONUs by what is on file: neither is taken for the customer's.
        (("50:c7:bf:10:00:01",), ("ZTEGC0FFEE02",), None),
    ],
)
def test_an_onu_is_known_by_mac_or_serial_however_written(
    macs: tuple[str, ...], serials: tuple[str, ...], index: str | None
) -> None:
    found = diagnosis_onu.pick(ROWS, macs, serials)
    assert (found.index if found else None) == index


def test_why_it_went_is_one_of_the_causes() -> None:
    said = [diagnosis_onu.evidence(row, "olt-2") for row in ROWS]
    assert [(one.name, one.state, one.down_cause) for one in said] == [
        ("1", "online", None),
        ("2", "los", "fibre"),
        ("Koval", "offline", "power"),
    ]
    other = diagnosis_onu.evidence(Onu(index="4", state="offline", last_down="ranging failed"), "olt-2")
    assert (other.down_cause, other.down_cause_words) == ("other", "ranging failed")
