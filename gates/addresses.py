"""Addresses and prefixes of lines: how they are read, what is never closed, which hold one another."""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# A shorter prefix on one customer's line is a slip of the pen, not a customer.
SHORTEST_PREFIX = {4: 20, 6: 40}


class BadAddress(ValueError):
    """An address of a line that cannot be closed; the message says why."""


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


def is_host(network: Network) -> bool:
    """Tell a single address from a prefix."""
    return network.prefixlen == network.max_prefixlen


def written(network: Network) -> str:
    """Write an address without the length of its prefix, a prefix with it."""
    return str(network.network_address) if is_host(network) else str(network)


def order(network: Network) -> tuple[int, int, int]:
    """Sort by version, address and length."""
    return network.version, int(network.network_address), network.prefixlen


class Cover:
    """Which of the networks added so far is, holds or lies in another one, without comparing each with each.

    `lengths` are the lengths of prefix, with the version, that will ever be added or asked for.
    """

    def __init__(self, lengths: Iterable[tuple[int, int]]) -> None:
        known = set(lengths)
        self._lengths = {version: sorted(n for v, n in known if v == version) for version in (4, 6)}
        self._exact: set[Network] = set()
        self._within: dict[Network, Network] = {}

    def add(self, network: Network) -> None:
        """Know this network from now on."""
        self._exact.add(network)
        for wider in self._around(network):
            self._within.setdefault(wider, network)

    def overlap(self, network: Network) -> Network | None:
        """Return a known network that is this one, lies in it or holds it; None where there is none."""
        if network in self._exact:
            return network
        wider = (around for around in self._around(network) if around in self._exact)
        return self._within.get(network) or next(wider, None)

    def _around(self, network: Network) -> Iterator[Network]:
        for length in self._lengths[network.version]:
            if length < network.prefixlen:
                yield network.supernet(new_prefix=length)


def refuse_shared(networks: Iterable[Network], milder: Cover) -> None:
    """Raise BadAddress where cutting one of these would cut off, with it, a line that is to be milder."""
    for network in networks:
        other = milder.overlap(network)
        if other is not None:
            raise BadAddress(
                f"{written(network)} is shared with another line that is not cut off as much"
                + ("" if other == network else f" ({written(other)})")
            )
