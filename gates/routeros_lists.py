"""Address lists of a RouterOS router, as data: what is asked, what was found, and what that means.

Manual: help.mikrotik.com/docs, "Address-lists". Pure: nothing is sent from here. An entry is ours when its
comment is our mark, a space and the id of its line; nothing else on the router is ever changed.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gates import routeros_rules
from gates.addresses import BadAddress, Network, parse, written
from gates.contract import ACCESSES, Access, LineAccess, Seen, seen
from gates.routeros_door import Answer, Call, Row

MENUS = {4: "/ip/firewall/address-list", 6: "/ipv6/firewall/address-list"}
FAMILIES = {4: "IPv4", 6: "IPv6"}
_FIREWALL = {4: "/ip/firewall", 6: "/ipv6/firewall"}
_ENTRY = (".id", "list", "address", "comment", "dynamic", "disabled")
_YES = frozenset({"true", "yes"})
# A question of up to so many words asks for single lines, beyond for the lists as a whole.
FEW = 400
# Prefixes that may lie around an address of a line, and would restrict it with it.
_AROUND = {4: range(20, 32), 6: range(40, 128)}
# Kept in memory by the router and lost when it starts anew: the manual's way with a timeout.
MARKER_TIMEOUT = "10w"
MARKER_ADDRESS = "192.0.2.1"  # of TEST-NET-1 (RFC 5737): no rule and no customer has it


@dataclass(frozen=True)
class Names:
    """How the lists are called: one per access that restricts, and the mark of what is ours."""

    lists: Mapping[Access, str]
    mark: str

    @property
    def marker(self) -> str:
        """Return the name of the list with our sign of life in it."""
        return f"{self.mark}-marker"

    def comment(self, line_id: int) -> str:
        """Return the comment on an entry of this line."""
        return f"{self.mark} {line_id}"

    def access(self, name: str) -> Access | None:
        """Return what being on this list means."""
        return next((access for access, known in self.lists.items() if known == name), None)


@dataclass(frozen=True)
class Entry:
    """An entry of one of our lists, whoever made it; `networks` is empty for a name of DNS."""

    id: str
    version: int
    access: Access
    address: str
    networks: tuple[Network, ...]
    comment: str
    is_ours: bool
    is_dynamic: bool
    is_disabled: bool


@dataclass(frozen=True)
class Found:
    """What the router holds: entries, the lists its rules put in force, the families it lacks, our marker."""

    entries: tuple[Entry, ...] = ()
    enforced: frozenset[tuple[int, Access]] = frozenset()
    absent: frozenset[int] = frozenset()
    marker: str = ""
    _index: dict[Network, Access] = field(default_factory=dict, init=False, compare=False)
    _lengths: set[tuple[int, int]] = field(default_factory=set, init=False, compare=False)

    def __post_init__(self) -> None:
        for entry in self.entries:
            for network in () if entry.is_disabled else entry.networks:
                known = self._index.get(network, "open")
                self._index[network] = max(known, entry.access, key=ACCESSES.index)
                self._lengths.add((network.version, network.prefixlen))

    def listed(self, network: Network) -> Access:
        """Return the strictest list that covers this address or prefix as a whole."""
        found: Access = "open"
        for version, length in self._lengths:
            if version == network.version and length <= network.prefixlen:
                wider = network.supernet(new_prefix=length)
                found = max(found, self._index.get(wider, "open"), key=ACCESSES.index)
        return found

    def in_force(self, network: Network) -> Access:
        """Return what the router does to it: a list no rule puts in force does nothing."""
        listed = self.listed(network)
        return listed if (network.version, listed) in self.enforced else "open"

    def access(self, line: LineAccess) -> Seen | None:
        """Return what a line has, by all of its addresses; None when it has none."""
        try:
            networks = parse(line.addresses)
        except BadAddress:
            return None
        return seen(map(self.in_force, networks))


def questions(names: Names, lines: Iterable[LineAccess] | None, *, with_rules: bool = True) -> list[Call]:
    """Return the calls that find out what is: lists of both families, rules, marker; `lines` None for all."""
    query = (*_any(f"list={name}" for name in names.lists.values()), *_narrow(names, lines))
    calls = [Call(menu, query=query, properties=_ENTRY) for menu in MENUS.values()]
    calls.append(marker_question(names))
    if with_rules:
        calls += [
            # Whole rows: only by all its conditions it shows whether a rule is for every packet.
            Call(f"{firewall}/{table}", query=routeros_rules.question(table))
            for firewall in _FIREWALL.values()
            for table in routeros_rules.TABLES
        ]
    return calls


def marker_question(names: Names) -> Call:
    """Return the call that finds our marker."""
    return Call(MENUS[4], query=(f"list={names.marker}",), properties=_ENTRY)


def _any(words: Iterable[str]) -> tuple[str, ...]:
    """Return a query that is true when any of the words is."""
    found = tuple(words)
    return (*found, "#" + "|" * (len(found) - 1)) if len(found) > 1 else found


def _narrow(names: Names, lines: Iterable[LineAccess] | None) -> tuple[str, ...]:
    """Return the query for these lines alone: their addresses and what is marked as theirs, () for all."""
    if lines is None:
        return ()
    words: dict[str, None] = {}
    for line in lines:
        try:
            networks = parse(line.addresses)
        except BadAddress:
            continue
        words[f"comment={names.comment(line.line_id)}"] = None
        for network in networks:
            lengths = (length for length in _AROUND[network.version] if length < network.prefixlen)
            around = (network, *(network.supernet(new_prefix=length) for length in lengths))
            words |= dict.fromkeys(f"address={shown(wider)}" for wider in around)
        if len(words) > FEW:
            return ()
    return _any(words)


def shown(network: Network) -> str:
    """Write an address as the router lists it: an IPv6 host keeps its length, an IPv4 host has none."""
    return str(network) if network.version == 6 else written(network)


def understand(names: Names, answers: Sequence[Answer], *, with_rules: bool = True) -> Found:
    """Return what the answers to `questions` say."""
    entries = []
    for version, answer in zip(MENUS, answers, strict=False):
        entries += [found for row in answer.rows if (found := _entry(names, version, row))]
    enforced: set[tuple[int, Access]] = set()
    if with_rules:
        lists = {name: access for access, name in names.lists.items()}
        places = [(version, table) for version in _FIREWALL for table in routeros_rules.TABLES]
        for (version, table), answer in zip(places, answers[3:], strict=True):
            enforced |= {(version, one) for one in routeros_rules.enforced(lists, table, answer.rows)}
    return Found(
        entries=tuple(entries),
        enforced=frozenset(enforced),
        absent=frozenset(v for v, answer in zip(MENUS, answers, strict=False) if answer.is_absent),
        marker=next((row.get("comment", "") for row in answers[2].rows if is_ours(names, row)), ""),
    )


def is_ours(names: Names, row: Row) -> bool:
    """Tell what we made from what others made, by the comment."""
    return row.get("comment", "").startswith(f"{names.mark} ")


def _entry(names: Names, version: int, row: Row) -> Entry | None:
    access = names.access(row.get("list", ""))
    if access is None or ".id" not in row:
        return None
    address = row.get("address", "")
    return Entry(
        id=row[".id"],
        version=version,
        access=access,
        address=address,
        networks=_networks(address),
        comment=row.get("comment", ""),
        is_ours=is_ours(names, row),
        is_dynamic=row.get("dynamic", "") in _YES,
        is_disabled=row.get("disabled", "") in _YES,
    )


def _networks(address: str) -> tuple[Network, ...]:
    """Read an address, a prefix or a range; a name of DNS is none, its addresses are listed beside it."""
    first, dash, last = address.partition("-")
    try:
        if not dash:
            return (ipaddress.ip_network(address, strict=False),)
        low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
        return tuple(ipaddress.summarize_address_range(low, high))
    except (ValueError, TypeError):
        return ()
