"""What a box of a POP says of itself is input from outside: only what a page can show is believed."""

import json
from typing import Any

import pytest

from tasks import box_facts, pops


def test_what_our_own_boxes_say_is_understood_as_it_was_said() -> None:
    said = {**box_facts.Facts().now(1.5), "at": 12.0}
    assert pops.understand(json.dumps(said).encode()) == {
        name: value for name, value in said.items() if name not in ("at", "is_box")
    }
    assert pops.understand(b'{"is_leaving": true}') == {"is_leaving": True}


@pytest.mark.parametrize(
    "said",
    [
        [],
        {"segments": "every one"},
        {"segments": [7]},
        {"segments": [{"name": "eth0", "addresses": [{}]}]},
        {"ping": 7},
        {"ping": None},
        {"tools": {"nft": 1}},
        {"host": "north\0box"},
        {"version": "9" * 300},
        {"round_trip_ms": float("inf")},
        {"capabilities": ["CAP_NET_RAW"] * 100},
    ],
)
def test_what_no_page_could_show_and_no_table_keep_is_not_believed(said: Any) -> None:
    with pytest.raises(ValueError, match="validation error"):
        pops.understand(json.dumps(said).encode())
