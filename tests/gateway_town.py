"""A town behind a real Linux gateway: thousands of homes in one namespace, the net in another, both IP versions.

Homes answer and speak from any address of 10.90.0.0/16 and 2001:db8:90::/48. The net is every address of
192.0.2.0/24, 198.51.100.0/24 and 2001:db8:ff::/48, and serves what `Net` says.
"""

import ctypes
import errno
import ipaddress
import selectors
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Answer = TypeVar("Answer")

HOMES4, HOMES6 = ipaddress.ip_network("10.90.0.0/16"), ipaddress.ip_network("2001:db8:90::/48")
NET4, NET6 = ("192.0.2.0/24", "198.51.100.0/24"), "2001:db8:ff::/48"
GARDEN4, GARDEN6, GARDEN_PORT = "192.0.2.80", "2001:db8:ff::80", 8766
SITE4, SITE6 = "198.51.100.10", "2001:db8:ff::10"
BANK4, BANK6 = "198.51.100.99", "2001:db8:ff::99"
ECHO_PORT = 7
_PAGES = {80: b"site", GARDEN_PORT: b"garden", 443: b"secret"}
_CLONE_NEWNET, SO_RCVBUFFORCE = 0x4000_0000, 33
# An address is ours by its route alone (ipv6(7)).
_IPV6_FREEBIND = 78
_PATIENCE_S, _QUIET_S = 3.0, 0.3
_REFUSALS = (errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.EACCES)


@dataclass(frozen=True)
class Town:
    """The namespaces of a town."""

    homes: str
    gateway: str
    net: str

    def within(self, namespace: str, call: Callable[[], Answer]) -> Answer:
        """Run a call in a namespace, in a thread of its own."""
        with ThreadPoolExecutor(1, initializer=enter, initargs=(namespace,)) as pool:
            return pool.submit(call).result()

    def nft(self, *words: str) -> str:
        """Run nft on the gateway."""
        return _sh("ip", "netns", "exec", self.gateway, "nft", *words)


@contextmanager
def build(prefix: str) -> Iterator[Town]:
    """Build the town, serve its net, and take both away at the end."""
    town = Town(f"{prefix}homes", f"{prefix}gw", f"{prefix}net")
    try:
        for name in (town.homes, town.gateway, town.net):
            _sh("ip", "netns", "add", name)
            _sh("ip", "netns", "exec", name, "sh", "-ec", _NO_DAD)
            _sh("ip", "-n", name, "link", "set", "lo", "up")
        _wire(town.gateway, town.homes, _HOMES)
        _wire(town.gateway, town.net, _NET)
        _sh("ip", "netns", "exec", town.gateway, "sh", "-ec", _FORWARDING)
        with _Net(town):
            yield town
    finally:
        for name in (town.homes, town.gateway, town.net):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


# Nobody waits to see whether his link-local address is taken (RFC 4862).
_NO_DAD = "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad"
_FORWARDING = "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding"


@dataclass(frozen=True)
class _Leg:
    """A wire of the gateway: its name, the beginnings of its addresses, and what lies behind it."""

    name: str
    v4: str
    v6: str
    own4: tuple[str, ...]
    own6: str


_HOMES = _Leg("homes", "10.91.0", "fd91:", (str(HOMES4),), str(HOMES6))
_NET = _Leg("net", "10.92.0", "fd92:", NET4, NET6)


def _wire(gateway: str, far: str, leg: _Leg) -> None:
    """Lay a wire between the gateway and a namespace that is a whole lot of addresses."""
    _sh("ip", "link", "add", "up0", "netns", far, "type", "veth", "peer", "name", leg.name, "netns", gateway)
    for name, port, host in ((far, "up0", 2), (gateway, leg.name, 1)):
        _sh("ip", "-n", name, "addr", "add", f"{leg.v4}.{host}/30", "dev", port)
        _sh("ip", "-n", name, "addr", "add", f"{leg.v6}:{host}/64", "dev", port, "nodad")
        _sh("ip", "-n", name, "link", "set", port, "up")
    for own in leg.own4:
        _sh("ip", "-n", far, "route", "add", "local", own, "dev", "lo", "table", "local")
        _sh("ip", "-n", gateway, "route", "add", own, "via", f"{leg.v4}.2")
    _sh("ip", "-n", far, "-6", "route", "add", "local", leg.own6, "dev", "lo", "table", "local")
    _sh("ip", "-n", gateway, "-6", "route", "add", leg.own6, "via", f"{leg.v6}:2")
    _sh("ip", "-n", far, "route", "add", "default", "via", f"{leg.v4}.1")
    _sh("ip", "-n", far, "-6", "route", "add", "default", "via", f"{leg.v6}:1")


def home(number: int) -> str:
    """Return the address of a home."""
    return str(HOMES4.network_address + 256 + number)


def enter(namespace: str) -> None:
    """Bring this thread into a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/run/netns/{namespace}").open("rb") as name:
        if libc.setns(name.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")


def _sh(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


class _Net:
    """Serves the net: a site on 80, the garden on its port, a secret on 443, echoes on UDP 53 and 7."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="net")

    def __enter__(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        enter(self._town.net)
        with selectors.DefaultSelector() as selector:
            for port, page in _PAGES.items():
                listener = socket.create_server(
                    ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64
                )
                selector.register(listener, selectors.EVENT_READ, (self._serve, page))
            for port in (53, ECHO_PORT):
                selector.register(_udp(port), selectors.EVENT_READ, (self._echo, b""))
            self._ready.set()
            while not self._stop.is_set():
                for key, _ in selector.select(0.05):
                    call, page = key.data
                    call(key.fileobj, page)
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]

    def _serve(self, listener: socket.socket, page: bytes) -> None:
        peer, _ = listener.accept()
        with peer, suppress(OSError):
            peer.settimeout(1)
            peer.recv(1000)
            peer.sendall(b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n" + page)

    def _echo(self, echo: socket.socket, _page: bytes) -> None:
        with suppress(BlockingIOError):
            for _ in range(500):
                text, source, own = _receive(echo)
                with suppress(OSError):
                    _send(echo, text, own, source)


def _udp(port: int) -> socket.socket:
    """Return a socket for any address of ours, in either version, that tells which one was meant."""
    one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    one.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
    # Ten thousand datagrams at once must not be lost in a buffer of ours.
    one.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
    one.bind(("::", port))
    one.setblocking(False)
    return one


def _mapped(address: str) -> str:
    return address if ":" in address else f"::ffff:{address}"


def _plain(address: str) -> str:
    return address.removeprefix("::ffff:")


def _send(one: socket.socket, text: bytes, source: str, target: tuple[str, int]) -> None:
    chosen = socket.inet_pton(socket.AF_INET6, _mapped(source)) + bytes(4)
    one.sendmsg(
        [text], [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, chosen)], 0, (_mapped(target[0]), target[1])
    )


def _receive(one: socket.socket) -> tuple[bytes, tuple[str, int], str]:
    """Return a datagram, who sent it, and to which address."""
    text, ancillary, _, source = one.recvmsg(2048, 256)
    own = next(data[:16] for level, kind, data in ancillary if kind == socket.IPV6_PKTINFO)
    return text, (_plain(source[0]), source[1]), _plain(socket.inet_ntop(socket.AF_INET6, own))


def speak(town: Town, sources: Iterable[str], target: str = SITE4, port: int = ECHO_PORT) -> frozenset[str]:
    """Send a datagram from each address into the net; return those to whom the echo came back."""
    return town.within(
        town.homes, lambda: _exchange(list(sources), lambda one, own: _send(one, b"?", own, (target, port)))
    )


def call(town: Town, targets: Iterable[str], source: str = SITE4) -> frozenset[str]:
    """Send a datagram nobody asked for from the net to each address; return those it arrived at."""
    listed = list(targets)
    with ThreadPoolExecutor(1, initializer=enter, initargs=(town.homes,)) as pool:
        ready = threading.Event()
        arrived = pool.submit(_exchange, listed, None, 4242, ready)
        assert ready.wait(10)
        town.within(town.net, lambda: _call(listed, source))
        return arrived.result()


def _call(targets: Sequence[str], source: str) -> None:
    with _udp(0) as one:
        for number, target in enumerate(targets):
            with suppress(OSError):
                _send(one, b"!", source, (target, 4242))
            if number % 200 == 199:
                time.sleep(0.01)


def _exchange(
    addresses: Sequence[str],
    send: Callable[[socket.socket, str], None] | None,
    port: int = 0,
    ready: threading.Event | None = None,
) -> frozenset[str]:
    """Send from each address and gather who heard something, until nothing comes any more."""
    heard: set[str] = set()
    with _udp(port) as one:
        if ready is not None:
            ready.set()
        for place in range(0, len(addresses), 200):
            for own in addresses[place : place + 200]:
                if send is not None:
                    # A reject of an earlier datagram may be told on this one.
                    with suppress(OSError):
                        send(one, own)
            _gather(one, heard, 0.02)
        quiet_at = time.monotonic() + _QUIET_S
        while time.monotonic() < quiet_at and len(heard) < len(addresses):
            if _gather(one, heard, 0.05):
                quiet_at = time.monotonic() + _QUIET_S
    return frozenset(heard & set(addresses))


def _gather(one: socket.socket, heard: set[str], wait_s: float) -> int:
    count, until = 0, time.monotonic() + wait_s
    while time.monotonic() < until:
        try:
            _, _, own = _receive(one)
        except OSError:
            time.sleep(0.002)
        else:
            heard.add(own)
            count += 1
    return count


def fetch(town: Town, source: str, target: str, port: int = 80) -> str:
    """Ask for a page from an address: what it says, "refused", or "nothing" when no answer came in time."""
    return town.within(town.homes, lambda: _fetch(source, target, port))


def _fetch(source: str, target: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as one:
            one.settimeout(_PATIENCE_S)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
            one.bind((source, 0))
            one.connect((target, port))
            one.sendall(b"GET / HTTP/1.0\r\n\r\n")
            text = b""
            while part := one.recv(4096):
                text += part
    except TimeoutError:
        return "nothing"
    except OSError as error:
        # By a reset, or by an ICMP message that it is prohibited (RFC 792, RFC 4443).
        if error.errno not in _REFUSALS:
            raise
        return "refused"
    return text.rpartition(b"\r\n")[2].decode()


def pour(town: Town, target: str, *, seconds: float, bytes_a_second: int) -> int:
    """Send datagrams of 1,000 bytes from the net to a home at a steady rate; return the bytes that arrived."""
    with ThreadPoolExecutor(1, initializer=enter, initargs=(town.homes,)) as pool:
        ready, over = threading.Event(), threading.Event()
        arrived = pool.submit(_count, ready, over)
        assert ready.wait(10)
        town.within(town.net, lambda: _pour(target, seconds, bytes_a_second))
        over.set()
        return arrived.result()


def _pour(target: str, seconds: float, bytes_a_second: int) -> None:
    with _udp(0) as one:
        began, sent = time.monotonic(), 0
        while (spent := time.monotonic() - began) < seconds:
            while sent < spent * bytes_a_second:
                with suppress(OSError):
                    _send(one, bytes(1000), SITE4, (target, 4242))
                sent += 1000
            time.sleep(0.002)


def _count(ready: threading.Event, over: threading.Event) -> int:
    total = 0
    with _udp(4242) as one:
        ready.set()
        while True:
            try:
                total += len(_receive(one)[0])
            except OSError:
                if over.is_set():
                    return total
                time.sleep(0.002)
