"""The nftables table as data: what is closed, what is refused, what a listing means."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates import LineAccess, ruleset

PRIORITY = -10


def _network(text: str) -> ruleset.Network:
    return ipaddress.ip_network(text)


def _held(*texts: str) -> frozenset[ruleset.Network]:
    return frozenset(map(_network, texts))


def _rules_of(commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"rule": command["add"]["rule"]} for command in commands if "rule" in command.get("add", {})]


def _listed(*closed: str) -> list[dict[str, Any]]:
    """Return a whole listing, as nft would print it after our own transaction."""
    batch = ruleset.sort({}, (), frozenset())
    chain = {"chain": {"name": "forward", "hook": "forward", "prio": -10}}
    sets = [
        {"set": {"name": name, "elem": [text for text in closed if ruleset.set_of(_network(text)) == name]}}
        for name in ("closed4", "closed6")
    ]
    return [{"metainfo": {}}, chain, *sets, *_rules_of(ruleset.transaction(batch, frozenset(), PRIORITY))]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("10.0.0.5/24", "neither an address nor a prefix"),
        ("port 5", "neither an address nor a prefix"),
        ("224.0.0.1", "not an address a gateway forwards"),
        ("127.0.0.1", "not an address a gateway forwards"),
        ("0.0.0.0", "not an address a gateway forwards"),
        ("fe80::1", "not an address a gateway forwards"),
        ("10.0.0.0/8", "too wide"),
        ("2001:db8::/32", "too wide"),
        ("192.0.2.7", "protected"),
    ],
)
def test_what_must_not_be_closed_is_refused_with_the_reason(address: str, words: str) -> None:
    with pytest.raises(ruleset.BadAddress, match=words):
        ruleset.parse([address], [_network("192.0.2.0/28"), _network("2001:db8:ffff::/48")])


def test_a_host_with_its_full_mask_is_a_host() -> None:
    assert ruleset.parse(["10.0.0.5/32", "2001:db8::1/128"]) == ruleset.parse(["10.0.0.5", "2001:db8::1"])
    assert ruleset.set_of(_network("10.0.0.5")) == "closed4"
    assert ruleset.set_of(_network("10.0.0.0/30")) == "closed4_nets"
    assert ruleset.set_of(_network("2001:db8::/56")) == "closed6_nets"


def test_the_open_one_of_two_lines_with_one_address_gets_the_error() -> None:
    closed, opened = LineAccess(2, ("10.0.0.1",)), LineAccess(1, ("10.0.0.1",))
    batch = ruleset.sort({opened: "open", closed: "closed"}, (), frozenset())
    assert batch.close == _held("10.0.0.1")
    assert batch.open == frozenset()
    assert batch.outcomes[2].applied == "closed"
    assert "also of line 2" in (batch.outcomes[1].error or "")


def test_a_protected_address_can_still_be_opened() -> None:
    line = LineAccess(1, ("10.0.0.1",))
    assert ruleset.sort({line: "open"}, [_network("10.0.0.0/24")], frozenset()).open == _held("10.0.0.1")


def test_a_line_without_address_is_open_but_cannot_be_closed() -> None:
    batch = ruleset.sort({LineAccess(1): "open", LineAccess(2): "closed"}, (), frozenset())
    assert batch.outcomes[1].applied == "open"
    assert batch.outcomes[2].needs_person


def test_prefixes_that_overlap_in_one_batch_or_with_the_gateway_are_refused() -> None:
    first, inner = LineAccess(1, ("10.0.0.0/29",)), LineAccess(2, ("10.0.0.4/30",))
    batch = ruleset.sort({first: "closed", inner: "closed"}, (), frozenset())
    assert batch.close == _held("10.0.0.0/29")
    assert "overlaps 10.0.0.0/29" in (batch.outcomes[2].error or "")
    held = ruleset.sort({inner: "closed"}, (), _held("10.0.0.0/29"))
    assert held.close == frozenset()
    again = ruleset.sort({first: "closed"}, (), _held("10.0.0.0/29", "2001:db8::/56"))
    assert again.outcomes[1].applied == "closed"


def test_an_absent_host_is_added_before_it_is_deleted_and_an_absent_prefix_is_left_out() -> None:
    opened = LineAccess(1, ("10.0.0.1", "10.0.1.0/29", "10.0.2.0/29"))
    held = _held("10.0.2.0/29")
    commands = ruleset.transaction(ruleset.sort({opened: "open"}, (), held), held, PRIORITY)
    changes = [
        (verb, command[verb]["element"]["name"], command[verb]["element"]["elem"])
        for command in commands
        for verb in ("add", "delete")
        if "element" in command.get(verb, {})
    ]
    assert changes == [
        ("add", "closed4", ["10.0.0.1"]),
        ("delete", "closed4", ["10.0.0.1"]),
        ("delete", "closed4_nets", [{"prefix": {"addr": "10.0.2.0", "len": 29}}]),
    ]


def test_every_rule_rejects_whatever_the_state_of_the_connection() -> None:
    commands = ruleset.transaction(ruleset.sort({}, (), frozenset()), frozenset(), PRIORITY)
    rules = [item["rule"] for item in _rules_of(commands)]
    assert len(rules) == 2 * len(ruleset.SETS)
    for rule in rules:
        assert "'ct'" not in str(rule["expr"])
        assert any("reject" in step for step in rule["expr"])
    verbs = [next(iter(command)) for command in commands]
    assert verbs.index("flush") < verbs.index("add", verbs.index("flush")), "old rules go first"


def test_a_listing_without_hook_or_rules_closes_nothing() -> None:
    line = LineAccess(1, ("10.0.0.1",))
    whole = _listed("10.0.0.1")
    assert ruleset.listing(whole).access(line) == "closed"
    no_rules = [item for item in whole if "rule" not in item]
    assert ruleset.listing(no_rules).access(line) == "open"
    no_hook = [item if "chain" not in item else {"chain": {"name": "forward"}} for item in whole]
    assert ruleset.listing(no_hook).access(line) == "open"
    one_side = [item for item in whole if "closed4 saddr" not in item.get("rule", {}).get("comment", "")]
    assert ruleset.listing(one_side).access(line) == "open"
    assert ruleset.listing([]).access(line) == "open"


def test_a_line_is_closed_only_when_all_its_addresses_are() -> None:
    found = ruleset.listing(_listed("10.0.0.1", "2001:db8::1"))
    assert found.access(LineAccess(1, ("10.0.0.1", "2001:db8::1"))) == "closed"
    assert found.access(LineAccess(1, ("10.0.0.1", "10.0.0.2"))) == "open"
    assert found.access(LineAccess(1)) is None
    assert found.access(LineAccess(1, ("nonsense",))) is None


def test_every_way_nft_prints_an_element_is_understood() -> None:
    elements = [
        "10.0.0.1",
        {"prefix": {"addr": "10.0.1.0", "len": 29}},
        {"range": ["10.0.2.0", "10.0.2.2"]},
        {"elem": {"val": "10.0.3.1", "comment": "by hand"}},
    ]
    found = ruleset.listing([{"set": {"name": "closed4", "elem": elements}}, {"set": {"name": "other"}}])
    assert found.closed == _held("10.0.0.1", "10.0.1.0/29", "10.0.2.0/31", "10.0.2.2", "10.0.3.1")


@given(st.dictionaries(st.integers(1, 40), st.sampled_from(["open", "closed"]), max_size=20))
def test_every_line_of_a_batch_has_an_outcome_and_no_address_is_both_closed_and_opened(
    wanted: dict[int, Any],
) -> None:
    lines = {LineAccess(number, (f"10.0.0.{number % 7 + 1}",)): access for number, access in wanted.items()}
    batch = ruleset.sort(lines, (), frozenset())
    assert set(batch.outcomes) == set(wanted)
    assert not batch.close & batch.open
    for line, access in lines.items():
        outcome = batch.outcomes[line.line_id]
        assert (outcome.applied == access) is (outcome.error is None)
