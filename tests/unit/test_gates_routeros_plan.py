"""Whatever was on the lists before: what is wanted comes true, what is others' stays, and a second go does nothing."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates import ACCESSES, Access, GateMisconfigured, LineAccess, routeros_lists, routeros_plan
from gates.routeros_door import Answer, Call, refuse_forbidden
from gates.routeros_lists import Found, Names
from gates.testing_routeros_tables import LISTS, Router, Trap
from tests.routeros_site import configured

NAMES = Names({access: f"linecard-{access}" for access in ACCESSES if access != "open"}, "linecard")
HOSTS = [f"192.0.2.{number}" for number in range(6)] + [f"2001:db8::{number}" for number in range(1, 4)]
NETS = ["192.0.2.0/30", "192.0.2.4/31", "2001:db8::/126", "2001:db8:1::/64"]
COMMENTS = ["", "abuse desk", "linecardinal 3", "linecard 1", "linecard 2", "linecard 9", "linecard x"]

entries = st.lists(
    st.tuples(
        st.sampled_from([*NAMES.lists.values(), "customers"]),
        st.sampled_from([*HOSTS, *NETS, "192.0.2.1-192.0.2.6", "portal.example.net"]),
        st.sampled_from(COMMENTS),
        st.sampled_from(["yes", "no"]),
    ),
    max_size=12,
)
wishes = st.lists(
    st.tuples(st.lists(st.sampled_from(HOSTS + NETS), max_size=3, unique=True), st.sampled_from(ACCESSES)),
    min_size=1,
    max_size=4,
)


class Inside:
    """A door that is no wire at all."""

    name = "inside"

    def __init__(self, router: Router) -> None:
        self.router = router

    def run(self, calls: Sequence[Call]) -> list[Answer]:
        return [self._run(call) for call in calls]

    def close(self) -> None:
        """Nothing is open."""

    def _run(self, call: Call) -> Answer:
        listed = {".proplist": ",".join(call.properties)} if call.properties else {}
        try:
            rows = self.router.command("", call.menu, call.verb, {**call.values, **listed}, call.query)
        except Trap as trap:
            return Answer(fault=trap.message)
        return Answer(rows)


def _look(door: Inside, lines: Mapping[LineAccess, Access] | None) -> Found:
    return routeros_lists.understand(NAMES, door.run(routeros_lists.questions(NAMES, lines)))


def _others(router: Router, concerned: set[str]) -> dict[str, dict[str, str]]:
    """Return every row that is not ours, or of a line and an address nobody asked about."""
    rows = {id: dict(row) for menu in LISTS for id, row in router.tables[menu].items()}
    return {
        id: row
        for id, row in rows.items()
        if not row.get("comment", "").startswith("linecard ")
        or row["list"] not in NAMES.lists.values()
        or not {row["address"], row["comment"]} & concerned
    }


@settings(max_examples=150, deadline=None)
@given(before=entries, written=wishes)
def test_what_is_wanted_comes_true_and_nothing_else(
    before: list[tuple[str, str, str, str]], written: list[tuple[list[str], Access]]
) -> None:
    door = Inside(configured())
    for name, address, comment, disabled in before:
        try:
            door.router.command(
                "",
                LISTS[":" in address],
                "add",
                {"list": name, "address": address, "comment": comment, "disabled": disabled},
            )
        except Trap:
            continue  # the same place twice
    wanted = {LineAccess(n, tuple(addresses)): access for n, (addresses, access) in enumerate(written, 1)}
    concerned = {NAMES.comment(line.line_id) for line in wanted}
    concerned |= {
        address + ("/128" if ":" in address and "/" not in address else "")
        for line in wanted
        for address in line.addresses
    }
    others = _others(door.router, concerned)

    made = routeros_plan.plan(wanted, _look(door, wanted), NAMES, (), "epoch 1")
    routeros_plan.carry_out(door, made)

    seen = _look(door, None)
    outcomes = routeros_plan.outcomes(made, seen, NAMES)
    assert set(outcomes) == {line.line_id for line in wanted}
    assert _others(door.router, concerned).items() >= others.items()
    for line, access in wanted.items():
        outcome = outcomes[line.line_id]
        if outcome.applied:
            assert outcome.applied == access
            assert seen.access(line) in (access, None)
        else:
            assert outcome.error
            assert outcome.needs_person
    again = routeros_plan.plan(wanted, _look(door, wanted), NAMES, (), "epoch 2")
    assert (again.first, again.second) == ([], [])


def test_who_shares_an_address_with_a_milder_line_is_refused_and_the_milder_one_passes() -> None:
    door = Inside(configured())
    wanted: dict[LineAccess, Access] = {
        LineAccess(1, ("192.0.2.0/30",)): "closed",
        LineAccess(2, ("192.0.2.1",)): "open",
        LineAccess(3, ("192.0.2.5",)): "walled",
        LineAccess(4, ("192.0.2.5",)): "slow",
    }
    made = routeros_plan.plan(wanted, _look(door, wanted), NAMES, (), "epoch 1")
    routeros_plan.carry_out(door, made)
    seen = _look(door, None)
    assert [seen.access(line) for line in wanted] == ["open", "open", "slow", "slow"]
    outcomes = routeros_plan.outcomes(made, seen, NAMES)
    assert [outcomes[number].applied for number in (1, 2, 3, 4)] == [None, "open", None, "slow"]
    assert "shared with another line" in (outcomes[1].error or "")


@given(before=entries, addresses=st.lists(st.sampled_from(HOSTS), min_size=1, max_size=2, unique=True))
@settings(max_examples=100, deadline=None)
def test_what_is_asked_of_a_few_lines_shows_them_as_the_whole_lists_do(
    before: list[tuple[str, str, str, str]], addresses: list[str]
) -> None:
    door = Inside(configured())
    for name, address, comment, _ in before:
        if "-" not in address:  # a range of somebody else's is found only among the whole lists
            try:
                door.router.entry(name, address, comment=comment)
            except Trap:
                continue
    line = LineAccess(1, tuple(addresses))
    assert _look(door, {line: "open"}).access(line) == _look(door, None).access(line)


def test_a_forbidden_call_ends_the_batch_unless_it_may_fail() -> None:
    calls = [Call("/user", may_fail=True), Call("/ip/firewall/address-list", "add")]
    refused = Answer(fault="not enough permissions (9)")
    refuse_forbidden("linecard", calls, [refused, Answer()])
    with pytest.raises(GateMisconfigured, match="add /ip/firewall/address-list"):
        refuse_forbidden("linecard", calls, [Answer(), refused])
