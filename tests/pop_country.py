"""A core and three POPs, each a network of its own, with a customer on a segment behind each POP."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

DOOR = "10.88.0.1"
POPS = ("north", "east", "south")


def _ip(namespace: str, *lines: str) -> None:
    argv = ["ip", "-n", namespace, "-batch", "-"]
    subprocess.run(argv, input="\n".join(lines), text=True, check=True, capture_output=True, timeout=20)


@dataclass
class Country:
    """The namespaces by their places, and the customers by their POPs."""

    tag: str

    def of(self, place: str) -> str:
        return f"{self.tag}{place}"

    def mac(self, pop: str) -> str:
        return f"02:00:00:00:0{POPS.index(pop) + 1}:02"

    def address(self, pop: str, last: int = 2) -> str:
        return f"10.77.{POPS.index(pop) + 1}.{last}"


@contextmanager
def standing() -> Iterator[Country]:
    """Build them for a block: a bridge at the core, a line from it to each POP, and the segments."""
    made = Country(f"b{os.urandom(3).hex()}")
    names = [made.of(place) for place in ("core", *POPS, *(f"{pop}-c" for pop in POPS))]
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True, capture_output=True, timeout=20)
            _ip(name, "link set lo up")
        core = made.of("core")
        _ip(core, "link add br0 type bridge", f"addr add {DOOR}/24 dev br0", "link set br0 up")
        for number, pop in enumerate(POPS, 1):
            here, there = made.of(pop), made.of(f"{pop}-c")
            _ip(
                core,
                f"link add p{number} type veth peer name wan netns {here}",
                f"link set p{number} master br0 up",
            )
            _ip(
                here,
                f"addr add 10.88.0.{10 + number}/24 dev wan",
                "link set wan up",
                f"link add seg type veth peer name v0 netns {there}",
                f"addr add {made.address(pop, 1)}/24 dev seg",
                "link set seg up",
            )
            _ip(
                there,
                f"link set v0 address {made.mac(pop)} up",
                f"addr add {made.address(pop)}/24 dev v0",
            )
        yield made
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
