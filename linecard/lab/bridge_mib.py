"""BRIDGE-MIB and Q-BRIDGE-MIB for Net-SNMP's `pass_persist`: what this namespace's Linux bridges really know.

Run by snmpd as a program of its own (`python bridge_mib.py`): it imports nothing of ours. Each bridge named
vlanN is VLAN N; the bridge port number of a port is its ifIndex less 100. Protocol: snmpd.conf(5), MIBs:
RFC 4188 (dot1dBase, dot1dTp) and RFC 4363 (dot1qFdbTable, dot1qTpFdbTable, dot1qVlanStaticName, dot1qPvid).
"""

import bisect
import json
import subprocess
import sys
import time
from typing import Any

Oid = tuple[int, ...]
Value = tuple[str, str]
Entry = dict[str, Any]

BRIDGE: Oid = (1, 3, 6, 1, 2, 1, 17)
FRESH_S = 1.0
LEARNED, SELF = 3, 4
OTHER_PROTOCOL, TRANSPARENT_ONLY = 1, 2


def ask(*command: str) -> list[Entry]:
    """Return what an iproute2 program prints as JSON."""
    finished = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    return json.loads(finished.stdout or "[]") if finished.returncode == 0 else []


def octets(mac: str) -> Oid:
    """Return the six bytes of a MAC as sub-identifiers."""
    return tuple(int(part, 16) for part in mac.split(":"))


def hexadecimal(mac: str) -> Value:
    """Return a MAC as a value of `pass_persist`: an octet string in hexadecimal."""
    return "octet", mac.replace(":", " ").upper()


def tree(links: list[Entry], entries: list[Entry]) -> dict[Oid, Value]:
    """Return every object, by OID, from the listings of `ip -j link` and `bridge -j fdb`."""
    ports = {
        link["ifname"]: (link["ifindex"] - 100, int(link["master"].removeprefix("vlan")), link)
        for link in links
        if link.get("master", "").startswith("vlan")
    }
    bridges = [link for link in links if link["ifname"].startswith("vlan")]
    found: dict[Oid, Value] = {}
    if bridges:
        found[(1, 1, 0)] = hexadecimal(bridges[0]["address"])
    found[(1, 2, 0)] = ("integer", str(len(ports)))
    found[(1, 3, 0)] = ("integer", str(TRANSPARENT_ONLY))
    for number, vlan, link in ports.values():
        found[(1, 4, 1, 1, number)] = ("integer", str(number))
        found[(1, 4, 1, 2, number)] = ("integer", str(link["ifindex"]))
        found[(7, 1, 4, 5, 1, 1, number)] = ("gauge", str(vlan))
    for vlan in {vlan for _, vlan, _ in ports.values()}:
        found[(7, 1, 4, 3, 1, 1, vlan)] = ("string", f"vlan{vlan}")
        found[(7, 1, 4, 2, 1, 3, 0, vlan)] = ("gauge", str(vlan))
    return found | _forwarding(ports, entries)


def _forwarding(ports: dict[str, tuple[int, int, Entry]], entries: list[Entry]) -> dict[Oid, Value]:
    found: dict[Oid, Value] = {}
    learned: dict[int, int] = {}
    for entry in entries:
        if entry.get("ifname") not in ports or "master" not in entry or "vlan" in entry:
            continue
        number, vlan, _ = ports[entry["ifname"]]
        status = SELF if entry.get("state") == "permanent" else LEARNED
        learned[vlan] = learned.get(vlan, 0) + (status == LEARNED)
        mac = octets(entry["mac"])
        found[(4, 3, 1, 1, *mac)] = hexadecimal(entry["mac"])
        found[(4, 3, 1, 2, *mac)] = ("integer", str(number))
        found[(4, 3, 1, 3, *mac)] = ("integer", str(status))
        found[(7, 1, 2, 2, 1, 2, vlan, *mac)] = ("integer", str(number))
        found[(7, 1, 2, 2, 1, 3, vlan, *mac)] = ("integer", str(status))
    for vlan, count in learned.items():
        found[(7, 1, 2, 1, 1, 2, vlan)] = ("gauge", str(count))
    return found


class Agent:
    """Answers get and getnext from a view of the bridges that is at most FRESH_S old."""

    def __init__(self) -> None:
        self.objects: dict[Oid, Value] = {}
        self.order: list[Oid] = []
        self.read_at = float("-inf")

    def refresh(self) -> None:
        """Ask the kernel again when the view is old."""
        if time.monotonic() - self.read_at < FRESH_S:
            return
        relative = tree(ask("ip", "-j", "link", "show"), ask("bridge", "-j", "fdb", "show"))
        self.objects = {BRIDGE + oid: value for oid, value in relative.items()}
        self.order = sorted(self.objects)
        self.read_at = time.monotonic()

    def answer(self, verb: str, oid: Oid) -> list[str]:
        """Return the three lines of an answer, or NONE."""
        self.refresh()
        if verb == "getnext":
            place = bisect.bisect_right(self.order, oid)
            oid = self.order[place] if place < len(self.order) else ()
        value = self.objects.get(oid)
        return ["." + ".".join(map(str, oid)), *value] if value else ["NONE"]


def main() -> None:
    """Speak `pass_persist` on standard input and output until snmpd closes it."""
    agent = Agent()
    while line := sys.stdin.readline():
        match line.strip():
            case "PING":
                answer = ["PONG"]
            case "get" | "getnext" as verb:
                oid = tuple(int(part) for part in sys.stdin.readline().strip().strip(".").split(".") if part)
                answer = agent.answer(verb, oid)
            case "set":
                sys.stdin.readline()
                sys.stdin.readline()
                answer = ["not-writable"]
            case _:
                answer = ["NONE"]
        print("\n".join(answer), flush=True)


if __name__ == "__main__":
    main()
