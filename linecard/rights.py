"""What this user may send: raw sockets for ARP and ping, or the kernel's unprivileged ping."""

import os
from collections.abc import Iterator
from pathlib import Path

_CAP_NET_RAW = 13  # capabilities(7)
_RANGE = Path("/proc/sys/net/ipv4/ping_group_range")


def has_raw_sockets() -> bool:
    """Whether this process may open raw sockets (CAP_NET_RAW is effective)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_NET_RAW & 1)
    return False


def may_ping() -> bool:
    """Whether the kernel lets one of this user's groups ping without rights (icmp(7), ping_group_range)."""
    try:
        first, last = map(int, _RANGE.read_text().split())
    except (OSError, ValueError):
        return False
    return any(first <= group <= last for group in {os.getegid(), *os.getgroups()})


_NO_PING = (
    "this user may not ping. As root: sysctl -w net.ipv4.ping_group_range='0 2147483647' "
    "(and in /etc/sysctl.d/ to keep it), or give the probe worker CAP_NET_RAW"
)
_NO_ARP = (
    "no raw sockets: ARP is not sent; MACs come from the kernel's table and by SNMP. "
    "The unit in deploy/ gives the probe worker CAP_NET_RAW"
)


def look() -> Iterator[tuple[bool | None, str]]:
    """Say what diagnostics will be able to do when this user runs the probe worker."""
    if has_raw_sockets():
        yield True, "raw sockets are allowed: ping and ARP work"
        return
    yield (True, "ping works without rights (ping_group_range)") if may_ping() else (False, _NO_PING)
    yield None, _NO_ARP
