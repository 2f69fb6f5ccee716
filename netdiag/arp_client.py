"""ARP from here: speaks to the ARP program, one per process, started when first needed."""

import atexit
import contextlib
import functools
import ipaddress
import itertools
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from netdiag import errors, icmp, mac, neighbours, netlink, packet
from netdiag.results import MacFinding, MacSeen

# Starting the program loads scapy, on a slow machine that is long.
_START_S = 15.0
_ROOT = str(Path(__file__).resolve().parents[1])
# An interface without an address of its own asks as one that looks for a free one does (RFC 5227).
_NO_SOURCE = str(ipaddress.IPv4Address(0))

Answer = dict[str, Any]


class _Program:
    """The running program: one thread starts it and reads its answers until it ends.

    The thread stays because the kernel ends the program with the thread that started it.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[int, queue.SimpleQueue[Answer | None]] = {}
        self._lock = threading.Lock()
        self._started = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self.is_dead = False
        self._keeper = threading.Thread(target=self._keep, name="arp-keeper", daemon=True)
        self._keeper.start()
        self._started.wait(_START_S)

    def ask(self, request: dict[str, Any], timeout_s: float) -> Answer | None:
        """Send a request and wait for its answer; None if the program died meanwhile."""
        box: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        with self._lock:
            number = next(self._numbers)
            if self.is_dead or self._process is None or self._process.stdin is None:
                return None
            self._waiting[number] = box
            try:
                self._process.stdin.write(json.dumps({"id": number, **request}).encode() + b"\n")
            except OSError:
                del self._waiting[number]
                return None
        try:
            return box.get(timeout=timeout_s + _START_S)
        except queue.Empty:
            self.stop()
            raise errors.WireError("the ARP program does not answer") from None
        finally:
            with self._lock:
                self._waiting.pop(number, None)

    def stop(self) -> None:
        """End the program."""
        process = self._process
        if process is not None and not self.is_dead:
            with contextlib.suppress(OSError):
                process.kill()
            self._keeper.join(2)

    def abandon(self) -> None:
        """Let go of a program that belongs to the parent of this forked process."""
        self.is_dead = True
        process = self._process
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()
            process.returncode = 0  # not ours to wait for

    def _keep(self) -> None:
        path = os.pathsep.join([_ROOT, *filter(None, [os.environ.get("PYTHONPATH")])])
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "netdiag.arp", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={**os.environ, "PYTHONPATH": path},
            )
        except OSError:
            self.is_dead = True
            self._started.set()
            return
        self._started.set()
        with self._process as process:
            self._read(process)
            with self._lock:
                self.is_dead = True
                for box in self._waiting.values():
                    box.put(None)

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        rest = b""
        while process.stdout is not None:
            part = os.read(process.stdout.fileno(), 65536)
            if not part:
                return
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                answer: Answer = json.loads(line)
                box = self._waiting.get(answer["id"])
                if box is not None:
                    box.put(answer)


class _Keeper:
    """Holds this process's program, if one was started."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.program: _Program | None = None

    def running(self) -> _Program:
        """Return the program, started anew if there is none or it has died."""
        with self.lock:
            if self.program is None or self.program.is_dead:
                self.program = _Program()
            return self.program

    def is_running(self) -> bool:
        """Tell whether there is a program that lives."""
        program = self.program
        return program is not None and not program.is_dead

    def stop(self) -> None:
        """End the program if there is one."""
        with self.lock:
            if self.program is not None:
                self.program.stop()
            self.program = None

    def forget(self) -> None:
        """Begin anew in a forked child."""
        if self.program is not None:
            self.program.abandon()
        self.lock = threading.Lock()
        self.program = None


_KEEPER = _Keeper()
atexit.register(_KEEPER.stop)
os.register_at_fork(after_in_child=_KEEPER.forget)


def _request(request: dict[str, Any], timeout_s: float) -> Answer:
    for _ in range(2):
        answer = _KEEPER.running().ask(request, timeout_s)
        if answer is not None:
            return answer
    raise errors.WireError("the ARP program ends as soon as it is asked")


def stop() -> None:
    """End the program now; the next request starts it again."""
    _KEEPER.stop()


def lookup(
    address: str,
    *,
    interface: str | None = None,
    timeout_s: float = 1.0,
    count: int = 3,
    is_first: bool = False,
) -> MacFinding:
    """Ask the segment by ARP (RFC 826) who has an IPv4 address; two MACs answering is a duplicate.

    `count` probes within `timeout_s` seconds; with `is_first` the first answer is enough, which takes a
    few milliseconds and sees no duplicate. Raises BadAddress, NoInterface (the address is not on a
    directly connected segment, or there is no such interface), NotPermitted, WireError. No answer is
    a finding without MACs.
    """
    target = icmp.parse_address(address)
    if target.version != 4:
        raise errors.BadAddress(f"{address} is not an IPv4 address; IPv6 has no ARP")
    if count < 1 or timeout_s <= 0:
        raise ValueError("count or timeout_s is out of range")
    where = interface or neighbours.segment(address)
    if where is None:
        raise errors.NoInterface(f"{address} is not on a segment this machine is connected to")
    route = netlink.route(address)
    request = {
        "job": "lookup",
        "address": str(target),
        "interface": where,
        "source": route.source if route and route.source and route.interface == where else _NO_SOURCE,
        "timeout_s": timeout_s,
        "count": count,
        "is_first": is_first,
    }
    answer = _request(request, timeout_s)
    _raise_fault(answer, where)
    macs = tuple(
        MacSeen(seen, mac.vendor(seen), mac.is_random(seen), times) for seen, times in answer["macs"]
    )
    return MacFinding(
        address=address,
        method="arp" if macs else None,
        macs=macs,
        interface=where,
        is_duplicate=len(macs) > 1,
        why_not=None if macs else f"nobody answers for {address} on {where}",
        tried=(f"ARP on {where}",),
    )


def _raise_fault(answer: Answer, interface: str) -> None:
    fault = answer.get("error")
    if fault == "not permitted":
        raise errors.NotPermitted(packet.ADVICE)
    if fault == "no interface":
        raise errors.NoInterface(answer["text"] or f"ARP is not possible on {interface}")
    if fault:
        raise errors.WireError(f"the ARP program failed: {answer['text']}")


@functools.lru_cache(maxsize=4096)
def _vendor_of_block(block: str) -> str | None:
    answer = _request({"job": "vendor", "mac": block}, 1.0)
    _raise_fault(answer, "")
    found: str | None = answer["vendor"]
    return found


def vendor(address: str) -> str | None:
    """Return what the program's list says of a MAC in colon spelling; None if unknown or if none runs."""
    if not _KEEPER.is_running():
        return None
    try:
        # Nine hexadecimal digits decide: the smallest blocks the IEEE gives have 36 bits.
        return _vendor_of_block(f"{address[:13]}0:00")
    except errors.WireError:
        return None
