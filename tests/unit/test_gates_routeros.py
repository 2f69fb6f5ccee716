"""A MikroTik router as a gate, through both of its doors, against the fake router that is shipped."""

import threading
from collections.abc import Iterator, Mapping

import pytest

import gates
from gates import Access, LineAccess, Mixed, Outcome
from tests.routeros_site import DOORS, LISTS, V4, Site, applied, line_of, serve


@pytest.fixture(params=DOORS)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with serve(request.param) as made:
        yield made


def test_each_access_has_its_list_and_a_line_is_on_one_at_most(site: Site) -> None:
    line = line_of(1, "192.0.2.7", "2001:db8:0:7::/64", "2001:db8::7")
    written = {"192.0.2.7", "2001:db8:0:7::/64", "2001:db8::7/128"}
    for access in (*LISTS, *reversed(LISTS)):
        assert site.gate.apply({line: access}) == {1: Outcome(1, access)}
        assert site.gate.read([line]) == {1: access}
        for other in LISTS:
            assert site.router.on_list(f"linecard-{other}") == (written if other == access else set())
    assert site.gate.held() == dict.fromkeys(("192.0.2.7", "2001:db8:0:7::/64", "2001:db8::7"), "closed")
    assert site.gate.apply({line: "open"}) == {1: Outcome(1, "open")}
    assert site.gate.held() == {}


def test_a_line_whose_addresses_differ_is_neither_open_nor_closed(site: Site) -> None:
    site.gate.apply({line_of(1, "192.0.2.7"): "walled"})
    line = line_of(2, "192.0.2.7", "2001:db8::7")
    assert site.gate.read([line]) == {2: Mixed("open", "walled")}
    assert site.gate.apply({line: "open"}) == {2: Outcome(2, "open")}
    assert site.gate.read([line]) == {2: "open"}


def test_what_is_so_already_is_not_written_again(site: Site) -> None:
    wanted = {line_of(number): LISTS[number % 4] for number in range(1, 9)}
    site.gate.apply(wanted)
    before = dict(site.router.seen)
    assert applied(site.gate.apply(wanted)) == {line.line_id: access for line, access in wanted.items()}
    after = site.router.seen
    assert {verb: after[verb] - before.get(verb, 0) for verb in ("add", "set", "remove")} == {
        "add": 0,
        "set": 0,
        "remove": 0,
    }


def test_nothing_of_others_is_touched_and_what_it_does_is_told(site: Site) -> None:
    theirs = site.router.entry("linecard-closed", "10.0.0.1", comment="abuse desk")
    site.router.entry("linecard-closed", "10.0.0.2", comment="linecards are fine")
    site.router.entry("customers", "10.0.0.3", comment="linecard 3")
    wide = site.router.entry("linecard-walled", "10.0.0.96-10.0.0.111")
    lines = [line_of(1), line_of(2), line_of(3), line_of(100)]
    outcomes = site.gate.apply(dict.fromkeys(lines, "open"))
    assert applied(outcomes) == {1: None, 2: None, 3: "open", 100: None}
    assert outcomes[1].needs_person
    assert outcomes[1].error == (
        "10.0.0.1 is on the list linecard-closed by an entry that is not ours (10.0.0.1, abuse desk): "
        "it has to be removed on the router"
    )
    assert site.gate.apply(dict.fromkeys(lines[:2], "closed")) == {
        1: Outcome(1, "closed"),
        2: Outcome(2, "closed"),
    }
    assert site.gate.held() == {}
    assert {theirs, wide} < set(site.router.tables["/ip/firewall/address-list"])
    assert site.router.on_list("customers") == {"10.0.0.3"}


def test_what_a_line_left_behind_is_removed_and_what_changed_hands_is_kept(site: Site) -> None:
    site.gate.apply({line_of(1, "10.0.0.1"): "closed", line_of(2, "10.0.0.2"): "closed"})
    moved = {line_of(1, "10.0.0.2"): "closed", line_of(2, "10.0.0.3"): "open"}
    assert applied(site.gate.apply(moved)) == {1: "closed", 2: "open"}
    assert site.gate.held() == {"10.0.0.2": "closed"}
    (row,) = (
        row for row in site.router.tables["/ip/firewall/address-list"].values() if row["dynamic"] == "false"
    )
    assert row["comment"] == "linecard 1"


def test_an_entry_somebody_switched_off_is_switched_on_again(site: Site) -> None:
    line = line_of(1)
    site.gate.apply({line: "closed"})
    for row in site.router.tables["/ip/firewall/address-list"].values():
        row["disabled"] = "true"
    assert site.gate.read([line]) == {1: "open"}
    assert site.gate.apply({line: "closed"}) == {1: Outcome(1, "closed")}
    assert site.gate.read([line]) == {1: "closed"}


def test_bad_lines_have_their_error_and_hold_up_no_other(site: Site) -> None:
    site.settings["protected"] = ["10.0.9.0/24"]
    wanted: dict[LineAccess, Access] = {
        line_of(1, "10.0.0.1"): "closed",
        LineAccess(2): "closed",
        line_of(3, "10.0.0.300"): "closed",
        line_of(4, "10.0.9.4"): "slow",
        line_of(5, "10.0.0.0/8"): "closed",
        line_of(6, "10.0.0.6"): "closed",
        line_of(7, "10.0.0.6"): "open",
        LineAccess(8): "open",
    }
    outcomes = site.gate.apply(wanted)
    done = {1: "closed", 2: "closed", 7: "open", 8: "open"}
    assert applied(outcomes) == {**done, **dict.fromkeys((3, 4, 5, 6))}
    assert [outcomes[number].is_bare for number in (2, 8)] == [True, True]
    assert all(outcome.needs_person for outcome in outcomes.values() if outcome.error)
    assert "10.0.0.6 is shared with another line" in (outcomes[6].error or "")
    assert "10.0.9.0/24" in (outcomes[4].error or "")
    assert site.router.on_list("linecard-closed") == {"10.0.0.1"}
    assert site.gate.read([LineAccess(2), line_of(3, "10.0.0.300")]) == {2: None, 3: None}


def test_what_the_router_refuses_is_the_error_of_that_line_alone(site: Site) -> None:
    site.router.refuse = {"10.0.0.2": "failure: no more entries fit"}
    outcomes = site.gate.apply({line_of(number): "closed" for number in (1, 2, 3)})
    assert applied(outcomes) == {1: "closed", 2: None, 3: "closed"}
    assert outcomes[2].error == "the router refuses: failure: no more entries fit"


def test_an_entry_that_appeared_meanwhile_is_found_by_looking_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = threading.Event()
    command = site.router.command

    def racing(user: str, menu: str, verb: str, *rest: object) -> object:
        if verb == "add" and user and not entered.is_set():
            entered.set()
            site.router.entry("linecard-closed", "10.0.0.1", comment="somebody was faster")
        return command(user, menu, verb, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(site.router, "command", racing)
    outcomes = site.gate.apply({line_of(1): "closed", line_of(2): "closed"})
    assert applied(outcomes) == {1: "closed", 2: "closed"}
    assert site.gate.held() == {"10.0.0.2": "closed"}


def test_one_entry_that_went_by_itself_does_not_keep_the_others_of_its_removal(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line_of(number) for number in range(1, 6)]
    site.gate.apply(dict.fromkeys(lines, "closed"))
    command = site.router.command

    def racing(user: str, menu: str, verb: str, values: Mapping[str, str], *rest: object) -> object:
        if verb == "remove" and "," in values[".id"]:
            first = values[".id"].split(",")[0]
            command("", menu, "remove", {".id": first})
        return command(user, menu, verb, values, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(site.router, "command", racing)
    assert set(applied(site.gate.apply(dict.fromkeys(lines, "open"))).values()) == {"open"}
    assert site.gate.held() == {}


def test_a_list_no_rule_refers_to_is_not_in_force_and_the_line_is_told_so(site: Site) -> None:
    for table in site.router.tables.values():
        for row in table.values():
            if row.get("src-address-list") == "linecard-closed":
                row["disabled"] = "true"
    line = line_of(1)
    outcome = site.gate.apply({line: "closed"})[1]
    assert outcome.applied is None
    assert outcome.needs_person
    assert "no rule of the router's IPv4 firewall puts that list in force" in (outcome.error or "")
    assert site.router.on_list("linecard-closed") == {"10.0.0.1"}
    assert site.gate.read([line]) == {1: "open"}
    with pytest.raises(
        gates.GateMisconfigured, match=r"nothing would be cut\. .* before any .* place-before=0$"
    ):
        site.gate.check()
    site.router.rule(f"{V4}/raw", chain="prerouting", action="drop", src_address_list="linecard-closed")
    assert site.gate.apply({line: "closed"}) == {1: Outcome(1, "closed")}
    assert site.gate.read([line]) == {1: "closed"}


def test_a_rule_behind_what_is_established_is_read_from_the_router_as_none(site: Site) -> None:
    for row in site.router.tables[f"{V4}/filter"].values():
        row["disabled"] = "true"
    site.router.rule(f"{V4}/filter", action="accept", connection_state="established,related", packets="7")
    site.router.rule(f"{V4}/filter", action="reject", src_address_list="linecard-closed")
    assert site.gate.apply({line_of(1): "closed"})[1].applied is None
    assert site.gate.read([line_of(1)]) == {1: "open"}


def test_the_check_says_what_is_there_and_changes_nothing(site: Site) -> None:
    site.gate.apply({line_of(1): "closed", line_of(2): "slow"})
    site.router.entry("linecard-closed", "10.9.9.9")
    site.router.rule("/ip/firewall/filter", action="fasttrack-connection")
    for row in site.router.tables["/ipv6/firewall/mangle"].values():
        row["invalid"] = "true"
    before = dict(site.router.seen)
    said = gates.said(site.gate.check())
    assert "RouterOS 7.16.2 (stable) (CHR, up " in said
    assert "Our entries: 1 closed, 1 slow, beside 1 that are not ours" in said
    assert "No IPv6 rule puts linecard-slow in force (" in said
    assert "IPv4 rule" not in said
    assert "FastTrack is on" in said
    written = {verb: site.router.seen[verb] - before.get(verb, 0) for verb in ("add", "set", "remove")}
    assert set(written.values()) == {0}


def test_a_restart_and_a_wiped_list_each_begin_another_epoch(site: Site) -> None:
    assert site.gate.epoch() == ""
    site.gate.apply({line_of(1): "open"})
    first = site.gate.epoch()
    assert first
    site.gate.apply({line_of(1): "closed"})
    assert site.gate.epoch() == first
    site.router.reboot()
    assert site.gate.epoch() == ""
    assert site.gate.read([line_of(1)]) == {1: "closed"}, "lists without a timeout outlive a restart"
    site.gate.apply({line_of(1): "closed"})
    assert site.gate.epoch() not in ("", first)
    for menu in ("/ip/firewall/address-list", "/ipv6/firewall/address-list"):
        site.router.wipe(menu)
    assert site.gate.epoch() == ""


def test_a_router_without_ipv6_serves_the_lines_that_have_none(site: Site) -> None:
    site.router.has_ipv6 = False
    lines = [line_of(1), line_of(2, "10.0.0.2", "2001:db8::2")]
    outcomes = site.gate.apply(dict.fromkeys(lines, "closed"))
    assert outcomes[1] == Outcome(1, "closed")
    assert "has no IPv6 firewall" in (outcomes[2].error or "")
    assert "It has no IPv6 firewall" in gates.said(site.gate.check())
    assert set(applied(site.gate.apply(dict.fromkeys(lines, "open"))).values()) == {"open"}


@pytest.mark.parametrize(("door", "count"), [("api", 10_000), ("api-ssl", 1000), ("rest", 1000)])
def test_thousands_of_addresses_are_cut_and_restored_in_few_commands(door: str, count: int) -> None:
    lines = [line_of(n, f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(1, count + 1)]
    spared = line_of(99_999, "10.200.0.1")
    with serve(door, limit_s=120) as site:
        for access in ("closed", "open"):
            outcomes = site.gate.apply(dict.fromkeys(lines, access))
            assert set(applied(outcomes).values()) == {access}
            assert site.gate.read([spared]) == {spared.line_id: "open"}
        assert site.gate.held() == {}
        assert site.router.seen["add"] == count + 1
        assert site.router.seen["remove"] == count / 100
