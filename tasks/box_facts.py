"""What a box says of itself in its sign of life: version, rights, segments, tools, the way to the core."""

import os
import shutil
import socket
from importlib import metadata
from pathlib import Path
from typing import Any

from netdiag import netlink, ping

_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}
_TOOLS = ("nft", "ip")
_MOST_INTERFACES = 24


class Facts:
    """What does not change while the worker runs is looked up once."""

    def __init__(self) -> None:
        access = ping.access()
        self._fixed: dict[str, Any] = {
            "is_box": True,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "user": os.geteuid(),
            "version": metadata.version("linecard"),
            "ping": {"is_allowed": access.is_allowed, "method": access.method, "advice": access.advice},
            "capabilities": capabilities(),
            "tools": [name for name in _TOOLS if _has(name)],
        }

    def now(self, round_trip_ms: float) -> dict[str, Any]:
        """Return the facts of this moment."""
        return {**self._fixed, "segments": segments(), "round_trip_ms": round_trip_ms}


def capabilities(status: str | None = None) -> list[str]:
    """Return which of the rights of the wire this process has (capabilities(7), CapEff)."""
    text = Path("/proc/self/status").read_text() if status is None else status
    held = next((int(line.split()[1], 16) for line in text.splitlines() if line.startswith("CapEff:")), 0)
    return [name for name, bit in _CAPABILITIES.items() if held >> bit & 1]


def segments() -> list[dict[str, Any]]:
    """Return the interfaces with their addresses: what is on these segments answers to ARP from here."""
    found = []
    for _, name in socket.if_nameindex()[:_MOST_INTERFACES]:
        addresses = [address for version in (4, 6) for address in _addresses(name, version)]
        if name != "lo" and addresses:
            found.append({"name": name, "addresses": addresses[:8]})
    return found


def _addresses(name: str, version: int) -> list[str]:
    try:
        return [one for one in netlink.addresses(name, version) if not one.startswith("fe80")]
    except OSError:
        return []


def _has(program: str) -> bool:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None
