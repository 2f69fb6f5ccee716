"""The nftables table as data: what is closed, what is refused, what a listing means."""

import ipaddress
import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates import ACCESSES, Access, LineAccess, Mixed, Outcome, Seen, addresses, chains, ruleset
from gates.addresses import Network
from gates.chains import Terms

TERMS = Terms()
GARDEN = Terms(
    garden4=ipaddress.IPv4Address("192.0.2.80"),
    allowed=(ipaddress.ip_network("198.51.100.0/25"), ipaddress.ip_network("198.51.100.7/32")),
)


def _network(text: str) -> Network:
    return ipaddress.ip_network(text)


def _networks(*texts: str) -> frozenset[Network]:
    return frozenset(map(_network, texts))


def _moves(batch: ruleset.Batch, access: Access) -> frozenset[Network]:
    return frozenset(network for network, to in batch.moves.items() if to == access)


def _listed(terms: Terms = TERMS, /, **members: list[Any]) -> list[dict[str, Any]]:
    """Return a whole listing, as nft would print it after our own transaction."""
    return [
        {"metainfo": {}},
        {"counter": {"name": ruleset.MARKER, "packets": 10, "bytes": 11}},
        *({"set": {"name": name, "elem": elements}} for name, elements in members.items()),
        *(
            {"chain": {"name": chain.name, **({"hook": chain.hook} if chain.hook else {})}}
            for chain in chains.chains(terms)
        ),
        *({"rule": {"chain": chain, "comment": comment}} for chain, _, comment in chains.comments(terms)),
    ]


def _access(objects: list[dict[str, Any]], *addresses: str, terms: Terms = TERMS) -> Seen | None:
    return ruleset.listing(objects, terms).access(LineAccess(1, addresses))


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
    with pytest.raises(addresses.BadAddress, match=words):
        addresses.parse([address], [_network("192.0.2.0/28"), _network("2001:db8:ffff::/48")])


def test_a_host_with_its_full_mask_is_a_host() -> None:
    assert addresses.parse(["10.0.0.5/32", "2001:db8::1/128"]) == addresses.parse(["10.0.0.5", "2001:db8::1"])
    assert ruleset.set_of(_network("10.0.0.5"), "closed") == "closed4"
    assert ruleset.set_of(_network("10.0.0.0/30"), "walled") == "walled4_nets"
    assert ruleset.set_of(_network("2001:db8::/56"), "slow") == "slow6_nets"


@pytest.mark.parametrize(("mild", "strict"), list(itertools.combinations(ACCESSES, 2)))
def test_of_two_lines_with_one_address_the_one_that_is_cut_off_more_is_refused(
    mild: Access, strict: Access
) -> None:
    batch = ruleset.sort({LineAccess(2, ("10.0.0.1",)): strict, LineAccess(1, ("10.0.0.1",)): mild}, (), {})
    assert batch.moves == {_network("10.0.0.1"): mild}
    assert batch.outcomes[1].applied == mild
    assert batch.outcomes[2].applied is None
    assert "shared with another line" in (batch.outcomes[2].error or "")


def test_an_address_inside_a_neighbours_prefix_is_shared_too_whichever_is_the_milder() -> None:
    office, single = LineAccess(1, ("10.0.0.0/29",)), LineAccess(2, ("10.0.0.3",))
    cut = ruleset.sort({office: "closed", single: "notice"}, (), {})
    assert (cut.outcomes[1].applied, cut.outcomes[2].applied) == (None, "notice")
    other = ruleset.sort({office: "open", single: "closed"}, (), {})
    assert (other.outcomes[1].applied, other.outcomes[2].applied) == ("open", None)
    both = ruleset.sort({office: "closed", single: "closed"}, (), {})
    assert (both.outcomes[1].applied, both.outcomes[2].applied) == ("closed", "closed")


def test_a_protected_address_can_still_be_opened() -> None:
    line, keep = LineAccess(1, ("10.0.0.1",)), [_network("10.0.0.0/24")]
    assert _moves(ruleset.sort({line: "open"}, keep, {}), "open") == _networks("10.0.0.1")
    assert "protected" in (ruleset.sort({line: "slow"}, keep, {}).outcomes[1].error or "")


def test_a_line_without_address_is_done_with_whatever_is_wanted_of_it() -> None:
    batch = ruleset.sort({LineAccess(1): "open", LineAccess(2): "closed"}, (), {})
    assert batch.outcomes[1].applied == "open"
    assert batch.outcomes[2] == Outcome(2, "closed", is_bare=True)


def test_prefixes_that_overlap_in_one_batch_or_with_the_gateway_are_refused() -> None:
    first, inner = LineAccess(1, ("10.0.0.0/29",)), LineAccess(2, ("10.0.0.4/30",))
    batch = ruleset.sort({first: "closed", inner: "closed"}, (), {})
    assert _moves(batch, "closed") == _networks("10.0.0.0/29")
    assert "overlaps 10.0.0.0/29" in (batch.outcomes[2].error or "")
    wider = ruleset.sort({first: "closed"}, (), {"closed4_nets": _networks("10.0.0.4/30")})
    assert "overlaps 10.0.0.4/30" in (wider.outcomes[1].error or "")
    again = ruleset.sort({first: "closed"}, (), {"closed4_nets": _networks("10.0.0.0/29", "10.0.1.0/29")})
    assert again.outcomes[1].applied == "closed"
    elsewhere = ruleset.sort({inner: "walled"}, (), {"closed4_nets": _networks("10.0.0.0/29")})
    assert elsewhere.outcomes[2].applied == "walled"


def test_each_address_ends_in_the_set_of_its_access_and_in_no_other() -> None:
    line = LineAccess(1, ("10.0.0.1", "10.0.1.0/29", "10.0.2.0/29"))
    held = {"closed4_nets": _networks("10.0.2.0/29")}
    text = ruleset.transaction(ruleset.sort({line: "slow"}, (), held), held, TERMS)
    changes = [
        words.replace("element inet linecard ", "") for words in text.splitlines() if "element" in words
    ]
    assert changes == [
        "add closed4 { 10.0.0.1 }",
        "delete closed4 { 10.0.0.1 }",
        "delete closed4_nets { 10.0.2.0/29 }",
        "add walled4 { 10.0.0.1 }",
        "delete walled4 { 10.0.0.1 }",
        "add slow4 { 10.0.0.1 }",
        "add slow4_nets { 10.0.1.0/29, 10.0.2.0/29 }",
        "add notice4 { 10.0.0.1 }",
        "delete notice4 { 10.0.0.1 }",
    ], "an absent host is added before it is deleted, an absent prefix is left out"


def test_old_rules_go_in_the_transaction_that_brings_the_new_ones() -> None:
    words = ruleset.transaction(ruleset.sort({}, (), {}), {}, GARDEN).splitlines()
    for chain in chains.chains(GARDEN):
        flush = words.index(f"flush chain inet linecard {chain.name}")
        rules = [
            place
            for place, line in enumerate(words)
            if line.startswith(f"add rule inet linecard {chain.name} ")
        ]
        assert len(rules) == len(chain.rules) > 0
        assert min(rules) > flush
    assert " ct " not in " ".join(words), "running connections are meant as well"


def test_without_a_garden_nobody_is_led_anywhere_and_no_connection_is_tracked() -> None:
    words = ruleset.transaction(ruleset.sort({}, (), {}), {}, TERMS)
    assert "dnat" not in words
    assert "type nat" not in words
    assert "delete chain inet linecard prerouting" in words


def test_the_garden_and_what_is_always_reachable_are_in_the_rules_once() -> None:
    words = "\n".join(chains.written(GARDEN))
    assert "ip daddr { 198.51.100.0/25 } accept" in words, "overlaps are merged: nft refuses them"
    assert "ip daddr 192.0.2.80 tcp dport 80 accept" in words
    assert "ip saddr @notice4 ip daddr != { 198.51.100.0/25 } tcp dport 80" in words
    assert "dnat ip to 192.0.2.80:80" in words
    assert "ip6 to" not in words


def test_a_listing_without_hook_or_rules_closes_nothing() -> None:
    whole = _listed(closed4=["10.0.0.1"])
    assert _access(whole, "10.0.0.1") == "closed"
    assert ruleset.listing(whole, TERMS).marker == "a-b"
    for lacking in (
        [item for item in whole if "rule" not in item],
        [item if "chain" not in item else {"chain": {"name": "forward"}} for item in whole],
        [item for item in whole if not item.get("rule", {}).get("comment", "").startswith("closed4 1 ")],
        [],
    ):
        assert _access(lacking, "10.0.0.1") == "open"
        assert ruleset.listing(lacking, TERMS).marker == ""


def test_rules_of_older_settings_are_in_force_but_the_table_is_to_be_told_again() -> None:
    listed = _listed(TERMS, closed4=["10.0.0.1"], slow4=["10.0.0.2"])
    faster = replace(TERMS, slow_kbytes=500)
    assert ruleset.listing(listed, faster).marker == ""
    assert [_access(listed, f"10.0.0.{n}", terms=faster) for n in (1, 2, 3)] == ["closed", "slow", "open"]


def test_a_line_whose_addresses_differ_is_neither_the_one_nor_the_other() -> None:
    """A payer's own IPv6 passes while his IPv4, that was another's, is still in the set."""
    listed = _listed(closed4=["10.0.0.1"], closed6=["2001:db8::1"], slow4=["10.0.0.2"])
    assert _access(listed, "10.0.0.1", "2001:db8::1") == "closed"
    assert _access(listed, "10.0.0.1", "10.0.0.2") == Mixed("slow", "closed")
    assert _access(listed, "10.0.0.1", "2001:db8::2", "10.0.0.2") == Mixed("open", "closed")
    assert _access(listed) is None


def test_the_strictest_of_several_sets_counts_and_a_prefix_counts_for_what_lies_in_it() -> None:
    listed = _listed(
        notice4=["10.0.0.1", "10.0.1.1"],
        walled4_nets=[{"prefix": {"addr": "10.0.1.0", "len": 29}}],
        closed4=["10.0.0.1"],
    )
    assert [_access(listed, text) for text in ("10.0.0.1", "10.0.1.1", "10.0.1.4/30", "10.0.1.9")] == [
        "closed",
        "walled",
        "walled",
        "open",
    ]
    assert ruleset.listing(listed, TERMS).addresses() == {
        "10.0.0.1": "closed",
        "10.0.1.1": "notice",
        "10.0.1.0/29": "walled",
    }


def test_every_way_nft_prints_an_element_is_understood() -> None:
    elements = [
        "10.0.0.1",
        {"prefix": {"addr": "10.0.1.0", "len": 29}},
        {"range": ["10.0.2.0", "10.0.2.2"]},
        {"elem": {"val": "10.0.3.1", "comment": "by hand"}},
    ]
    found = ruleset.listing(
        [{"set": {"name": "closed4", "elem": elements}}, {"set": {"name": "other"}}], TERMS
    )
    assert found.held == {
        "closed4": _networks("10.0.0.1", "10.0.1.0/29", "10.0.2.0/31", "10.0.2.2", "10.0.3.1")
    }


_NETWORKS = st.sampled_from(
    ["10.0.0.1", "10.0.0.2", "10.0.0.0/30", "10.0.0.0/29", "10.0.0.4/30", "2001:db8::1", "2001:db8::/64"]
)


@given(st.lists(st.tuples(st.lists(_NETWORKS, max_size=3), st.sampled_from(ACCESSES)), max_size=12))
def test_every_line_of_a_batch_has_an_outcome_and_none_is_cut_off_more_than_it_was_to_be(
    wanted: list[tuple[list[str], Access]],
) -> None:
    lines = {LineAccess(number, tuple(texts)): access for number, (texts, access) in enumerate(wanted)}
    batch = ruleset.sort(lines, (), {})
    assert set(batch.outcomes) == {line.line_id for line in lines}
    for line, access in lines.items():
        outcome = batch.outcomes[line.line_id]
        assert (outcome.applied == access) is (outcome.error is None)
        for network, moved_to in batch.moves.items():
            if any(
                network.overlaps(own)
                for own in addresses.parse(line.addresses)
                if own.version == network.version
            ):
                assert outcome.applied is None or ACCESSES.index(moved_to) <= ACCESSES.index(access)


def test_cover_finds_what_comparing_each_with_each_finds() -> None:
    known = [_network(text) for text in ("10.0.0.0/29", "10.0.1.1", "2001:db8::/56")]
    asked = [
        _network(text)
        for text in (
            "10.0.0.3",
            "10.0.0.0/28",
            "10.0.0.8",
            "10.0.1.1",
            "10.0.1.0/24",
            "2001:db8::1",
            "::ffff:0:0/96",
        )
    ]
    cover = addresses.Cover((item.version, item.prefixlen) for item in (*known, *asked))
    for network in known:
        cover.add(network)
    assert [cover.overlap(item) for item in asked] == [
        next((one for one in known if one.version == item.version and one.overlaps(item)), None)
        for item in asked
    ]
