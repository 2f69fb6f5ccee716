"""What becomes of packets under each access, on a real gateway between homes and the net, in both versions of IP."""

import os
import time
from collections.abc import Callable, Iterator

import pytest

import gates
from gates import ACCESSES, Access, LineAccess
from tests import gateway_town
from tests.gateway_town import BANK4, BANK6, GARDEN4, GARDEN6, SITE4, SITE6, Town, call, fetch, home, speak

SETTINGS = {
    "garden4": GARDEN4,
    "garden6": GARDEN6,
    "allowed": ["198.51.100.96/29", f"{BANK6}/128"],
    "slow_kbytes": 50,
}
KEYS: tuple[Access, ...] = ACCESSES
HOMES = {access: (home(number), f"2001:db8:90::{number}") for number, access in enumerate(KEYS, start=1)}
LINES = {access: LineAccess(number, HOMES[access]) for number, access in enumerate(KEYS, start=1)}


@pytest.fixture(scope="module")
def town(need: Callable[..., None]) -> Iterator[Town]:
    """One home of each access stands behind the gateway."""
    need("root", "ip", "nft")
    with gateway_town.build(f"t{os.urandom(3).hex()}") as built:
        yield built


@pytest.fixture
def gate(town: Town) -> Iterator[gates.Gate]:
    made = gates.make("nftables", {"namespace": town.gateway, **SETTINGS})
    outcomes = made.apply({line: access for access, line in LINES.items()})
    assert {number: outcome.error for number, outcome in outcomes.items()} == dict.fromkeys(range(1, 6))
    yield made
    town.nft("flush", "ruleset")


@pytest.mark.usefixtures("gate")
@pytest.mark.parametrize(
    ("place", "site", "bank"), [(0, SITE4, BANK4), (1, SITE6, BANK6)], ids=["ipv4", "ipv6"]
)
def test_each_access_lets_through_what_it_says(town: Town, place: int, site: str, bank: str) -> None:
    assert {access: fetch(town, HOMES[access][place], site) for access in KEYS} == {
        "open": "site",
        "notice": "garden",
        "slow": "site",
        "walled": "garden",
        "closed": "refused",
    }
    assert {access: fetch(town, HOMES[access][place], site, 443) for access in KEYS[:3]} == dict.fromkeys(
        KEYS[:3], "secret"
    )
    began = time.monotonic()
    assert fetch(town, HOMES["walled"][place], site, 443) == "refused"
    assert time.monotonic() - began < 0.8, "a browser is told at once and does not try again"
    assert fetch(town, HOMES["walled"][place], bank, 443) == "secret"
    assert fetch(town, HOMES["walled"][place], bank, 80) == "site", "not the garden"
    everybody = [HOMES[access][place] for access in KEYS]
    spared = frozenset(everybody[:3])
    assert speak(town, everybody, site) == spared
    assert speak(town, everybody, site, 53) == spared | {HOMES["walled"][place]}, "names can be asked for"
    assert speak(town, everybody, bank) == spared | {HOMES["walled"][place]}
    assert call(town, everybody, site) == spared
    assert call(town, everybody, bank) == spared | {HOMES["walled"][place]}


def test_what_was_told_is_read_back_and_every_change_from_one_access_to_another_works(
    town: Town, gate: gates.Gate
) -> None:
    assert gate.read(LINES.values()) == dict(enumerate(KEYS, start=1))
    assert gate.held() == {text: access for access in KEYS[1:] for text in HOMES[access]}
    line, prefix = LineAccess(9, (home(9),)), LineAccess(10, ("10.90.9.0/29",))
    # Every ordered pair of accesses is a step of this walk.
    walk = [access for first in KEYS for second in KEYS if first != second for access in (first, second)]
    for access in walk:
        gate.apply({line: access, prefix: access})
        assert gate.read([line, prefix]) == {9: access, 10: access}
        assert gate.held()[home(9)] == access if access != "open" else home(9) not in gate.held()


@pytest.mark.usefixtures("gate")
def test_the_slow_lane_is_slow_for_each_address_by_itself(town: Town) -> None:
    slow, free = HOMES["slow"][0], HOMES["open"][0]
    offered = 400_000
    passed = gateway_town.pour(town, slow, seconds=1.2, bytes_a_second=offered)
    # 66 kB at once and 50 kB each second, in packets that weigh 1,028 bytes and hold 1,000.
    assert 80_000 <= passed <= 200_000
    assert gateway_town.pour(town, free, seconds=0.5, bytes_a_second=offered) >= 0.45 * offered


def test_other_settings_are_taken_with_the_next_batch_and_an_unset_garden_leads_nobody(
    town: Town, gate: gates.Gate
) -> None:
    first = gate.epoch()
    assert first
    plain = gates.make("nftables", {"namespace": town.gateway, "priority": 5})
    assert plain.epoch() == "", "the rules are not those of these settings"
    assert "missing or old" in gates.said(plain.check())
    assert plain.read([LINES["closed"]]) == {5: "closed"}, "and yet they close"
    plain.apply({LINES["open"]: "open"})
    assert plain.epoch() == first
    assert fetch(town, HOMES["notice"][0], SITE4) == "site"
    assert fetch(town, HOMES["walled"][0], SITE4) == "refused"
    assert "priority filter + 5" in town.nft("list", "chain", "inet", "linecard", "forward")
    assert "prerouting" not in town.nft("list", "table", "inet", "linecard")
    assert plain.read(LINES.values()) == dict(enumerate(KEYS, start=1))


def test_two_lines_with_one_address_are_not_cut_by_one(town: Town, gate: gates.Gate) -> None:
    shared = home(20)
    one, other = LineAccess(20, (shared,)), LineAccess(21, (shared, home(21)))
    outcomes = gate.apply({one: "closed", other: "open"})
    assert "shared with another line" in (outcomes[20].error or "")
    assert outcomes[21].applied == "open"
    assert speak(town, [shared, home(21)]) == {shared, home(21)}
    gate.apply({one: "closed", other: "closed"})
    assert speak(town, [shared, home(21)]) == frozenset()
