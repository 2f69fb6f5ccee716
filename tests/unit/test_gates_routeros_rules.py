"""Which rules of a RouterOS firewall cut: a table of firewalls as operators write them."""

import pytest

from gates.contract import Access
from gates.routeros_rules import enforced

LISTS: dict[str, Access] = {"C": "closed", "W": "walled", "S": "slow", "N": "notice"}
ESTABLISHED = "action=accept connection-state=established,related,untracked"
CUT = "action=reject src-address-list=C"


def found(table: str, *rules: str, chain: str = "forward") -> set[Access]:
    """Read rules as `name=value name=value`; each is in the chain unless it names another."""
    rows = [
        {".id": "*1", "chain": chain} | dict(part.split("=", 1) for part in rule.split()) for rule in rules
    ]
    return enforced(LISTS, table, rows)


@pytest.mark.parametrize(
    "rules",
    [
        (CUT,),
        ("action=drop dst-address-list=C",),
        ("action=tarpit src-address-list=C protocol=tcp",),
        (CUT, ESTABLISHED),
        ("action=accept protocol=icmp", CUT, ESTABLISHED),
        ("action=accept connection-state=new", CUT),
        ("action=fasttrack-connection connection-state=established", CUT),
        (CUT + " connection-state=!invalid", ESTABLISHED),
        ("action=accept src-address-list=!C connection-state=new", "action=drop"),
        ("action=jump jump-target=cut in-interface=lan", ESTABLISHED, CUT + " chain=cut"),
        ("action=jump jump-target=cut src-address-list=C", "action=drop chain=cut"),
        ("action=jump jump-target=cut", "action=return chain=cut", CUT, "action=accept chain=cut"),
        ("action=jump jump-target=forward", CUT),
        (ESTABLISHED + " disabled=true", CUT),
        (ESTABLISHED + " chain=input", CUT),
    ],
)
def test_what_drops_or_rejects_running_connections_in_forward_cuts(rules: tuple[str, ...]) -> None:
    assert found("filter", *rules) == {"closed"}


@pytest.mark.parametrize(
    "rules",
    [
        (),
        (ESTABLISHED, CUT),
        ("action=accept", CUT),
        ("action=accept connection-state=!invalid,new log=true comment=all", CUT),
        (CUT + " connection-state=new",),
        (CUT + " chain=input",),
        (CUT + " chain=cut",),
        (CUT + " disabled=true",),
        (CUT + " invalid=true",),
        ("action=log src-address-list=C",),
        ("action=passthrough src-address-list=C",),
        ("action=accept src-address-list=C",),
        ("action=fasttrack-connection src-address-list=C",),
        ("action=drop src-address-list=!C",),
        ("action=accept src-address-list=!C",),
        ("action=jump jump-target=cut", "action=accept chain=cut", CUT),
        (ESTABLISHED, "action=jump jump-target=cut src-address-list=C", "action=drop chain=cut"),
        ("action=jump jump-target=cut src-address-list=C", "action=log chain=cut"),
    ],
)
def test_what_comes_too_late_stands_elsewhere_or_stops_nothing_does_not_count(rules: tuple[str, ...]) -> None:
    assert found("filter", *rules) == set()


def test_each_table_does_what_it_can_and_only_in_the_chains_customers_take() -> None:
    assert found("raw", CUT, chain="prerouting") == {"closed"}
    assert found("raw", CUT, chain="output") == set()
    assert found("raw", "action=accept", CUT, chain="prerouting") == set()
    leads = [f"action=dst-nat src-address-list={name} protocol=tcp dst-port=80" for name in LISTS]
    assert found("nat", *leads, chain="dstnat") == {"walled", "notice"}, "what is led elsewhere is not closed"
    assert found("nat", *leads, chain="srcnat") == set()
    marks = [f"action=mark-packet src-address-list={name} new-packet-mark=x" for name in LISTS]
    assert found("mangle", *marks) == {"slow", "notice"}, "what is marked passes"
    assert found("mangle", "action=change-ttl src-address-list=C", "action=drop src-address-list=C") == set()
    assert found("mangle", *marks, chain="input") == set()
