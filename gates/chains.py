"""The chains of the table `inet linecard`: what happens to the packets of its sets, in the words of nft(8).

Pure. Every rule bears a comment: which set or chain it serves, its place, and the fingerprint of all rules.
By them a listing tells whether what is installed is in force, and whether it is what we would install now.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gates.addresses import Network, order

FAMILY, TABLE = "inet", "linecard"
HOME = f"{FAMILY} {TABLE}"
# Counters of their own, so that figures outlive a new set of rules.
COUNTERS = ("rejected", "slowed", "redirected")
# The usual DNAT chains run at -100: who is to see a page sees it before his port is forwarded elsewhere.
_DNAT_PRIORITY = -110
# Each side of a slow address has its own bucket here; a new rate is taken when the old bucket is forgotten.
BUCKETS = {f"bucket{version}_{side}": f"ipv{version}_addr" for version in (4, 6) for side in ("from", "to")}
_BUCKET = "flags dynamic,timeout; timeout 1m; size 65535;"
# Who has a whole prefix of IPv6 has one bucket for each /64, however many addresses he makes up in it.
_KEYS = {4: "ip {side}", 6: "ip6 {side} and ffff:ffff:ffff:ffff::"}
_SIDES = (("saddr", "from"), ("daddr", "to"))


@dataclass(frozen=True)
class Terms:
    """What the rules depend on: where the garden is, what stays reachable, and how fast the slow lane is."""

    priority: int = -10
    garden4: ipaddress.IPv4Address | None = None
    garden6: ipaddress.IPv6Address | None = None
    garden_port: int = 80
    allowed: tuple[Network, ...] = ()
    dns: tuple[Network, ...] = ()
    slow_kbytes: int = 64


@dataclass(frozen=True)
class Chain:
    """A chain: what it hangs on (nothing: others lead to it), and its rules with the name each one serves."""

    name: str
    hook: str
    where: str
    rules: tuple[tuple[str, str], ...]


def chains(terms: Terms) -> tuple[Chain, ...]:
    """Return the chains, those that others lead to first."""
    return (
        Chain("walled_from", "", "", tuple(("walled", rule) for rule in _walled(terms, "daddr", "dport"))),
        Chain("walled_to", "", "", tuple(("walled", rule) for rule in _walled(terms, "saddr", "sport"))),
        Chain(
            "forward",
            "forward",
            f"type filter hook forward priority {terms.priority}; policy accept;",
            tuple(_forward(terms)),
        ),
        Chain(
            "prerouting",
            "prerouting",
            f"type nat hook prerouting priority {_DNAT_PRIORITY}; policy accept;",
            tuple(_prerouting(terms)),
        ),
    )


def sets_of(access: str, version: int) -> tuple[str, str]:
    """Return the names of the set of addresses and of the set of prefixes for an access."""
    return f"{access}{version}", f"{access}{version}_nets"


def _forward(terms: Terms) -> Iterator[tuple[str, str]]:
    """Yield the rules from the strictest access to the mildest.

    Every packet is meant, new or of a running connection: nothing is asked of connection tracking.
    """
    for name, ip in _members("closed"):
        for side, _ in _SIDES:
            rule = f'{ip} {side} @{name} counter name "rejected" reject with icmpx type admin-prohibited'
            yield name, rule
    for name, ip in _members("walled"):
        for side, word in _SIDES:
            yield name, f"{ip} {side} @{name} goto walled_{word}"
    # The kernel's bucket holds a second of the rate and the burst: a whole packet has to fit at any rate.
    rate = f"limit rate over {terms.slow_kbytes} kbytes/second burst 16 kbytes"
    for name, ip in _members("slow"):
        version = 6 if ip == "ip6" else 4
        for side, word in _SIDES:
            bucket = f"add @bucket{version}_{word} {{ {_KEYS[version].format(side=side)} {rate} }}"
            yield name, f'{ip} {side} @{name} {bucket} counter name "slowed" drop'


def _walled(terms: Terms, side: str, port: str) -> Iterator[str]:
    """Yield what passes in the walled garden, and how the rest is turned away.

    A browser told at once that nothing is there does not wait: a connection is reset, not left alone.
    """
    dns = f"meta l4proto {{ tcp, udp }} th {port} 53 accept"
    if not terms.dns:
        yield dns
    for ip, networks in _by_version(terms.dns):
        yield f"{ip} {side} {networks} {dns}"
    for ip, networks in _by_version(terms.allowed):
        yield f"{ip} {side} {networks} accept"
    for ip, garden in _gardens(terms):
        yield f"{ip} {side} {garden} tcp {port} {terms.garden_port} accept"
    yield 'meta l4proto tcp counter name "rejected" reject with tcp reset'
    yield 'counter name "rejected" reject with icmpx type admin-prohibited'


def _prerouting(terms: Terms) -> Iterator[tuple[str, str]]:
    """Yield the redirects of web requests; without a garden nobody is led anywhere."""
    allowed = dict(_by_version(terms.allowed))
    for ip, garden in _gardens(terms):
        to = f"[{garden}]:{terms.garden_port}" if ip == "ip6" else f"{garden}:{terms.garden_port}"
        spared = f"{ip} daddr != {allowed[ip]} " if ip in allowed else ""
        for access in ("walled", "notice"):
            for name, family in _members(access):
                if family == ip:
                    rule = f'{spared}tcp dport 80 counter name "redirected" dnat {ip} to {to}'
                    yield name, f"{ip} saddr @{name} {rule}"


def _members(access: str) -> Iterator[tuple[str, str]]:
    for version, ip in ((4, "ip"), (6, "ip6")):
        for name in sets_of(access, version):
            yield name, ip


def _gardens(terms: Terms) -> list[tuple[str, str]]:
    both = (("ip", terms.garden4), ("ip6", terms.garden6))
    return [(ip, str(garden)) for ip, garden in both if garden is not None]


def _by_version(networks: Sequence[Network]) -> Iterator[tuple[str, str]]:
    """Yield the networks of each version as an anonymous set, which must not hold what overlaps."""
    for version, ip in ((4, "ip"), (6, "ip6")):
        found = [network for network in networks if network.version == version]
        if found:
            merged: Iterable[Network] = ipaddress.collapse_addresses(found)  # type: ignore[type-var]
            yield ip, "{ " + ", ".join(str(network) for network in sorted(merged, key=order)) + " }"


def fingerprint(terms: Terms) -> str:
    """Return a short digest of all chains: another one means other rules."""
    return hashlib.sha256(repr(chains(terms)).encode()).hexdigest()[:12]


def comments(terms: Terms) -> Iterator[tuple[str, str, str]]:
    """Yield chain, name served and comment of every rule, in order."""
    mark = fingerprint(terms)
    for chain in chains(terms):
        for place, (served, _) in enumerate(chain.rules, start=1):
            yield chain.name, served, f"{served} {place} {mark}"


def written(terms: Terms, *, is_anew: bool = False) -> Iterator[str]:
    """Yield the commands that make the chains as they must be, for a table that may be there or not.

    Each chain is emptied and filled in the same transaction: never a moment without the rules, never a rule
    twice. `is_anew` also takes the chains off their hooks and hangs them there again: so another priority is
    taken, which nft refuses for a chain that stands.
    """
    found, mark = chains(terms), fingerprint(terms)
    for counter in COUNTERS:
        yield f"add counter {HOME} {counter}"
    for name, kind in BUCKETS.items():
        yield f"add set {HOME} {name} {{ type {kind}; {_BUCKET} }}"
    # Without rules a NAT chain would still make the kernel track every connection. Deleting what is not there
    # is an error, so it is added first.
    going = [chain for chain in reversed(found) if is_anew or not chain.rules]
    staying = [chain for chain in found if chain not in going]
    yield from (f"add chain {HOME} {chain.name}" for chain in going)
    yield from (_made(chain) for chain in staying)
    yield from (f"flush chain {HOME} {chain.name}" for chain in reversed(found))
    yield from (f"delete chain {HOME} {chain.name}" for chain in going)
    yield from (_made(chain) for chain in reversed(going) if chain.rules)
    for chain in found:
        for place, (served, rule) in enumerate(chain.rules, start=1):
            yield f'add rule {HOME} {chain.name} {rule} comment "{served} {place} {mark}"'


def _made(chain: Chain) -> str:
    return f"add chain {HOME} {chain.name}" + (f" {{ {chain.where} }}" if chain.where else "")
