"""The nftables table `inet linecard`, as data: what is written to nft and what is read out of its listing.

Pure: no process is started here. Written in the words of nft(8), read as the JSON of libnftables-json(5).
"""

import functools
import ipaddress
import secrets
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gates import chains
from gates.addresses import BadAddress, Cover, Network, is_host, order, parse, refuse_shared, written
from gates.chains import HOME, Terms
from gates.contract import ACCESSES, Access, LineAccess, Outcome, Seen, seen

# A counter that counts nothing: it keeps the random value it was made with until the table is gone, and
# adding it again changes nothing.
MARKER = "marker"
RESTRICTED: tuple[Access, ...] = tuple(access for access in reversed(ACCESSES) if access != "open")
# Host addresses sit in hash sets, which never conflict; prefixes need interval sets, which must not overlap.
# By name: the access, the type of the members, whether they are prefixes. The strictest come first.
SETS: Mapping[str, tuple[Access, str, bool]] = {
    name: (access, f"ipv{version}_addr", name.endswith("_nets"))
    for access in RESTRICTED
    for version in (4, 6)
    for name in chains.sets_of(access, version)
}
Held = Mapping[str, frozenset[Network]]


def set_of(network: Network, access: Access = "closed") -> str:
    """Return the name of the set that holds this address or prefix."""
    hosts, prefixes = chains.sets_of(access, network.version)
    return hosts if is_host(network) else prefixes


@dataclass(frozen=True)
class Listing:
    """What the gateway really holds: the members of each set, and the sets whose rules are in force."""

    held: Held
    enforced: frozenset[str]
    marker: str = ""

    def access(self, line: LineAccess) -> Seen | None:
        """Say how this line passes, by all of its addresses; None when it has none."""
        try:
            networks = parse(line.addresses)
        except BadAddress:
            return None
        return seen(map(self._of, networks))

    def addresses(self) -> dict[str, Access]:
        """Return everything that is held, by address or prefix, with the strictest access it is held for."""
        return {written(network): access for network, access in self._strictest(SETS).items()}

    def _of(self, network: Network) -> Access:
        lengths = self._lengths[network.version]
        around = [network.supernet(new_prefix=length) for length in lengths if length < network.prefixlen]
        found = [self._in_force[item] for item in (network, *around) if item in self._in_force]
        return max(found, key=ACCESSES.index, default="open")

    @functools.cached_property
    def _in_force(self) -> dict[Network, Access]:
        return self._strictest(self.enforced)

    @functools.cached_property
    def _lengths(self) -> Mapping[int, frozenset[int]]:
        return {
            version: frozenset(item.prefixlen for item in self._in_force if item.version == version)
            for version in (4, 6)
        }

    def _strictest(self, names: Container[str]) -> dict[Network, Access]:
        found: dict[Network, Access] = {}
        for name, (access, _, _) in SETS.items():
            if name in names:
                for network in self.held.get(name, ()):
                    found.setdefault(network, access)
        return found


@dataclass(frozen=True)
class Batch:
    """A sorted batch: what becomes of each address, and the outcome of every line if nft agrees."""

    moves: Mapping[Network, Access]
    outcomes: dict[int, Outcome]


def sort(wanted: Mapping[LineAccess, Access], protected: Sequence[Network], held: Held) -> Batch:
    """Say what becomes of each address; a line that cannot be served gets its error here.

    Two lines may have an address in common: the milder access is the one that counts, and the line that was
    to be cut off more is refused, for the other one would be cut off with it. `held` are the prefixes that
    the gateway holds now: interval sets refuse what overlaps them.
    """
    parsed: dict[LineAccess, tuple[Network, ...]] = {}
    outcomes: dict[int, Outcome] = {}
    for line, access in wanted.items():
        try:
            parsed[line] = parse(line.addresses, () if access == "open" else protected)
        except BadAddress as error:
            outcomes[line.line_id] = _refused(line, error)
    everything = [network for networks in (*parsed.values(), *held.values()) for network in networks]
    lengths = {(network.version, network.prefixlen) for network in everything}
    milder, taken = Cover(lengths), _prefixes_of(held, lengths)
    moves: dict[Network, Access] = {}
    for access in ACCESSES:
        lines = sorted((line for line in parsed if wanted[line] == access), key=lambda line: line.line_id)
        for line in lines:
            try:
                refuse_shared(parsed[line], milder)
                _refuse_overlap(parsed[line], access, taken)
            except BadAddress as error:
                outcomes[line.line_id] = _refused(line, error)
            else:
                moves |= dict.fromkeys(parsed[line], access)
                outcomes[line.line_id] = Outcome(line.line_id, access, is_bare=not parsed[line])
        for network, moved_to in moves.items():
            if moved_to == access:
                milder.add(network)
    return Batch(moves, outcomes)


def _refused(line: LineAccess, error: BadAddress) -> Outcome:
    return Outcome(line.line_id, None, str(error), needs_person=True)


def _prefixes_of(held: Held, lengths: Iterable[tuple[int, int]]) -> dict[str, Cover]:
    """Return what the interval sets hold, by name, to ask for overlaps."""
    taken = {name: Cover(lengths) for name, (_, _, is_wide) in SETS.items() if is_wide}
    for name, cover in taken.items():
        for network in held.get(name, ()):
            cover.add(network)
    return taken


def _refuse_overlap(networks: Iterable[Network], access: Access, taken: Mapping[str, Cover]) -> None:
    """Refuse prefixes the interval set would not take beside what it holds; know the others from now on."""
    wide = [network for network in networks if not is_host(network)] if access != "open" else []
    for network in wide:
        other = taken[set_of(network, access)].overlap(network)
        if other not in (None, network):
            raise BadAddress(f"{network} overlaps {other}, which is held for another line")
    for network in wide:
        taken[set_of(network, access)].add(network)


def transaction(batch: Batch, held: Held, terms: Terms, *, is_anew: bool = False) -> str:
    """Return one atomic transaction: the table as it must be, then the changes of this batch."""
    return "\n".join((*_table(terms, is_anew=is_anew), *_elements(batch.moves, held), ""))


def _table(terms: Terms, *, is_anew: bool) -> Iterator[str]:
    yield f"add table {HOME}"
    yield f"add counter {HOME} {MARKER} {{ packets {_random()} bytes {_random()} ; }}"
    for name, (_, kind, is_wide) in SETS.items():
        yield f"add set {HOME} {name} {{ type {kind}; {'flags interval; ' if is_wide else ''}}}"
    yield from chains.written(terms, is_anew=is_anew)


def _random() -> int:
    return secrets.randbits(62)


def _elements(moves: Mapping[Network, Access], held: Held) -> Iterator[str]:
    """Yield the changes of the sets: each address ends in the set of its access and in no other.

    Deleting an absent element fails a whole transaction, so a host is added first and then deleted: what is
    added and deleted in one transaction is never seen by a packet. A prefix is deleted only if the gateway
    holds it (adding it could overlap another).
    """
    by_width: dict[tuple[str, bool], list[Network]] = {}
    for network in sorted(moves, key=order):
        by_width.setdefault((f"ipv{network.version}_addr", not is_host(network)), []).append(network)
    for name, (access, kind, is_wide) in SETS.items():
        members = by_width.get((kind, is_wide), [])
        here = held.get(name, frozenset())
        leaving = [item for item in members if moves[item] != access and (item in here or not is_wide)]
        coming = [item for item in members if moves[item] == access and (item not in here)]
        yield from _element("add", name, coming if is_wide else members)
        yield from _element("delete", name, leaving)


def _element(verb: str, name: str, networks: Sequence[Network]) -> Iterator[str]:
    if networks:
        yield f"{verb} element {HOME} {name} {{ {', '.join(map(written, networks))} }}"


def listing(objects: Iterable[Mapping[str, Any]], terms: Terms) -> Listing:
    """Read the listing of our table; a set is enforced when every rule that serves it is in force.

    `marker` is empty where the rules are not those we would make now.
    """
    held: dict[str, frozenset[Network]] = {}
    hooks: dict[str, str] = {}
    comments: set[tuple[str, str]] = set()
    marker = ""
    for item in objects:
        if "set" in item and item["set"]["name"] in SETS:
            elements = item["set"].get("elem", ())
            held[item["set"]["name"]] = frozenset(n for element in elements for n in _prefixes(element))
        elif "chain" in item:
            hooks[item["chain"]["name"]] = item["chain"].get("hook", "")
        elif "rule" in item:
            comments.add((item["rule"].get("chain", ""), item["rule"].get("comment", "")))
        elif "counter" in item and item["counter"].get("name") == MARKER:
            marker = f"{item['counter']['packets']:x}-{item['counter']['bytes']:x}"
    enforced, is_current = _in_force(hooks, comments, terms)
    return Listing(held, enforced, marker if is_current else "")


def _in_force(
    hooks: Mapping[str, str], comments: Iterable[tuple[str, str]], terms: Terms
) -> tuple[frozenset[str], bool]:
    """Say which sets' rules are all there, older ones of ours too, and whether none is missing or older."""
    there = set(comments)
    # An older garden or rate does not let anybody through: the mark at the end is not compared here.
    served_there = {(chain, comment.rpartition(" ")[0]) for chain, comment in there}
    hooked = {chain.name for chain in chains.chains(terms) if hooks.get(chain.name) == chain.hook}
    missing, is_current = set(), True
    for chain, served, comment in chains.comments(terms):
        if chain not in hooked or (chain, comment.rpartition(" ")[0]) not in served_there:
            missing.add(served)
        is_current = is_current and chain in hooked and (chain, comment) in there
    return frozenset(
        name for name, (access, _, _) in SETS.items() if not missing & {name, access}
    ), is_current


def _prefixes(element: Any) -> Iterable[Network]:
    """Read one element as nft prints it: an address, a prefix, a range, or one of them with attributes."""
    if isinstance(element, str):
        return (ipaddress.ip_network(element),)
    if "prefix" in element:
        return (ipaddress.ip_network(f"{element['prefix']['addr']}/{element['prefix']['len']}"),)
    if "range" in element:
        first, last = (ipaddress.ip_address(text) for text in element["range"])
        return tuple(ipaddress.summarize_address_range(first, last))
    return _prefixes(element["elem"]["val"])
