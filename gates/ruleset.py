"""The nftables table `inet linecard`, as data: what is written to nft and what is read out of its listing.

Pure: no process is started here. The JSON is that of libnftables-json(5).
"""

import ipaddress
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gates.contract import Access, LineAccess, Outcome

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Command = dict[str, Any]

# A counter that counts nothing: it keeps the random value it was made with until the table is gone, and
# adding it again changes nothing.
MARKER = "marker"
FAMILY, TABLE, CHAIN = "inet", "linecard", "forward"
# Host addresses sit in hash sets, which never conflict; prefixes need interval sets, which must not overlap.
SETS = {
    "closed4": ("ipv4_addr", False),
    "closed6": ("ipv6_addr", False),
    "closed4_nets": ("ipv4_addr", True),
    "closed6_nets": ("ipv6_addr", True),
}
# A shorter prefix on one customer's line is a slip of the pen, not a customer.
SHORTEST_PREFIX = {4: 20, 6: 40}


class BadAddress(ValueError):
    """An address of a line that cannot be closed; the message says why."""


@dataclass(frozen=True)
class Listing:
    """What the gateway really holds: the closed prefixes, and the sets whose rules are in force."""

    closed: frozenset[Network]
    enforced: frozenset[str]

    def access(self, line: LineAccess) -> Access | None:
        """Say whether this line passes: closed when each of its addresses is, None when it has none."""
        try:
            networks = parse(line.addresses)
        except BadAddress:
            return None
        if not networks:
            return None
        return "closed" if all(self._is_closed(network) for network in networks) else "open"

    def _is_closed(self, network: Network) -> bool:
        if network in self.closed:
            return set_of(network) in self.enforced
        lengths = range(SHORTEST_PREFIX[network.version], network.prefixlen)
        around = (network.supernet(new_prefix=length) for length in lengths)
        return any(wider in self.closed and set_of(wider) in self.enforced for wider in around)


def parse(addresses: Iterable[str], protected: Sequence[Network] = ()) -> tuple[Network, ...]:
    """Read the addresses and prefixes of a line; raises BadAddress for what must not be closed."""
    return tuple(_parse_one(address, protected) for address in addresses)


def _parse_one(address: str, protected: Sequence[Network]) -> Network:
    try:
        network = ipaddress.ip_network(address, strict=True)
    except ValueError as error:
        # 10.0.0.5/24 is a host with its mask as often as a prefix: never guess on somebody's neighbours.
        raise BadAddress(f"{address} is neither an address nor a prefix") from error
    if network.is_multicast or network.is_unspecified or network.is_loopback or network.is_link_local:
        raise BadAddress(f"{address} is not an address a gateway forwards")
    if network.prefixlen < SHORTEST_PREFIX[network.version]:
        raise BadAddress(f"{address} is too wide for one line")
    for keep in protected:
        if keep.version == network.version and keep.overlaps(network):
            raise BadAddress(f"{address} is protected by the gate's settings ({keep})")
    return network


def written(network: Network) -> str:
    """Write an address without the length of its prefix, a prefix with it."""
    return str(network.network_address) if is_host(network) else str(network)


def is_host(network: Network) -> bool:
    """Tell a single address from a prefix."""
    return network.prefixlen == network.max_prefixlen


def set_of(network: Network) -> str:
    """Return the name of the set that holds this address or prefix."""
    return f"closed{network.version}" + ("" if is_host(network) else "_nets")


@dataclass(frozen=True)
class Batch:
    """A sorted batch: which prefixes to close and to open, and the outcome of every line if nft agrees."""

    close: frozenset[Network]
    open: frozenset[Network]
    outcomes: dict[int, Outcome]


def sort(
    wanted: Mapping[LineAccess, Access], protected: Sequence[Network], held: frozenset[Network]
) -> Batch:
    """Split a batch into prefixes to close and to open; a line that cannot be served gets its error here.

    `held` are the prefixes the gateway holds now: interval sets refuse what overlaps them.
    """
    close: dict[Network, int] = {}
    to_open: set[Network] = set()
    outcomes: dict[int, Outcome] = {}
    wide = {network for network in held if not is_host(network)}
    for line, access in sorted(wanted.items(), key=lambda pair: (pair[1], pair[0].line_id)):
        try:
            networks = parse(line.addresses, protected if access == "closed" else ())
            if access == "closed":
                _refuse_overlap(networks, wide)
                if not networks:
                    raise BadAddress("the line has no address to close")
            _refuse_shared(networks, close if access == "open" else {})
        except BadAddress as error:
            outcomes[line.line_id] = Outcome(line.line_id, None, str(error), needs_person=True)
            continue
        if access == "closed":
            close |= dict.fromkeys(networks, line.line_id)
            wide |= {network for network in networks if not is_host(network)}
        else:
            to_open |= set(networks)
        outcomes[line.line_id] = Outcome(line.line_id, access)
    return Batch(frozenset(close), frozenset(to_open), outcomes)


def _refuse_overlap(networks: Iterable[Network], wide: Iterable[Network]) -> None:
    for network in networks:
        for other in () if is_host(network) else wide:
            if other != network and other.version == network.version and other.overlaps(network):
                raise BadAddress(f"{network} overlaps {other}, which is closed for another line")


def _refuse_shared(networks: Iterable[Network], close: Mapping[Network, int]) -> None:
    for network in networks:
        if network in close:
            raise BadAddress(f"{network} is also of line {close[network]}, which is to be closed")


def transaction(batch: Batch, held: frozenset[Network], priority: int) -> list[Command]:
    """Return one atomic transaction: the table as it must be, then the changes of this batch.

    Deleting an absent element fails a whole transaction, so a host is added first and then deleted;
    a prefix is deleted only if the gateway holds it (adding it could overlap another).
    """
    opening = frozenset(network for network in batch.open if is_host(network) or network in held)
    return [
        *_table(priority),
        *_elements("add", batch.close | {network for network in opening if is_host(network)}),
        *_elements("delete", opening),
    ]


def _table(priority: int) -> list[Command]:
    home = {"family": FAMILY, "table": TABLE}
    chain = {**home, "name": CHAIN}
    hook = {"type": "filter", "hook": "forward", "prio": priority, "policy": "accept"}
    return [
        {"add": {"table": {"family": FAMILY, "name": TABLE}}},
        *(
            {
                "add": {
                    "set": {**home, "name": name, "type": kind, **({"flags": ["interval"]} if wide else {})}
                }
            }
            for name, (kind, wide) in SETS.items()
        ),
        {"add": {"counter": {**home, "name": MARKER, "packets": _random(), "bytes": _random()}}},
        {"add": {"chain": {**chain, **hook}}},
        # Flush and add in the same transaction: never a moment without the rules, never a rule twice.
        {"flush": {"chain": chain}},
        *({"add": {"rule": {**home, "chain": CHAIN, **rule}}} for rule in _rules()),
    ]


def _random() -> int:
    return secrets.randbits(62)


def _rules() -> list[dict[str, Any]]:
    """Return the rules: every packet of a closed address, new or of a running connection, is rejected."""
    return [
        {
            "comment": _comment(name, side),
            "expr": [
                {
                    "match": {
                        "op": "==",
                        "left": {"payload": {"protocol": "ip" if "4" in name else "ip6", "field": side}},
                        "right": f"@{name}",
                    }
                },
                {"counter": None},
                {"reject": {"type": "icmpx", "expr": "admin-prohibited"}},
            ],
        }
        for name in SETS
        for side in ("saddr", "daddr")
    ]


def _comment(name: str, side: str) -> str:
    return f"{TABLE}: {name} {side}"


def _elements(verb: str, networks: Iterable[Network]) -> list[Command]:
    by_set: dict[str, list[Any]] = {}
    for network in sorted(networks, key=lambda item: (item.version, item.network_address, item.prefixlen)):
        text = str(network.network_address)
        element = text if is_host(network) else {"prefix": {"addr": text, "len": network.prefixlen}}
        by_set.setdefault(set_of(network), []).append(element)
    return [
        {verb: {"element": {"family": FAMILY, "table": TABLE, "name": name, "elem": elements}}}
        for name, elements in by_set.items()
    ]


def listing(objects: Iterable[Mapping[str, Any]]) -> Listing:
    """Read the listing of our table; a set is enforced when both its rules hang on the forward hook."""
    closed: set[Network] = set()
    comments: set[str] = set()
    is_hooked = False
    for item in objects:
        if "set" in item and item["set"]["name"] in SETS:
            for element in item["set"].get("elem", ()):
                closed |= _prefixes(element)
        elif "chain" in item and item["chain"]["name"] == CHAIN:
            is_hooked = item["chain"].get("hook") == "forward"
        elif "rule" in item and item["rule"].get("chain") == CHAIN:
            comments.add(item["rule"].get("comment", ""))
    enforced = {name for name in SETS if {_comment(name, "saddr"), _comment(name, "daddr")} <= comments}
    return Listing(frozenset(closed), frozenset(enforced if is_hooked else ()))


def marker(objects: Sequence[Mapping[str, Any]]) -> str:
    """Return the marker of our table, the empty text where it or a rule is missing."""
    if len(listing(objects).enforced) < len(SETS):
        return ""
    counters = (item["counter"] for item in objects if "counter" in item)
    found = next((counter for counter in counters if counter.get("name") == MARKER), None)
    return f"{found['packets']:x}-{found['bytes']:x}" if found else ""


def _prefixes(element: Any) -> set[Network]:
    """Read one element as nft prints it: an address, a prefix, a range, or one of them with attributes."""
    if isinstance(element, str):
        return {ipaddress.ip_network(element)}
    if "prefix" in element:
        return {ipaddress.ip_network(f"{element['prefix']['addr']}/{element['prefix']['len']}")}
    if "range" in element:
        first, last = (ipaddress.ip_address(text) for text in element["range"])
        return set(ipaddress.summarize_address_range(first, last))
    return _prefixes(element["elem"]["val"])
