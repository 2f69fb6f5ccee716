"""The ARP program: asks a segment who has an address, and whose a MAC is; JSON lines in and out.

It is the only code that loads scapy, and it is a process of its own (`python -m netdiag.arp`): scapy is
GPL-2.0-only and must not be loaded beside icmplib, which is LGPL-3. `netdiag.arp_client` speaks to it.
scapy writes the question and reads what may be an answer; the socket is one kept for each interface.
"""

import collections
import concurrent.futures
import ctypes
import json
import os
import signal
import socket
import sys
import threading
import time
from typing import Any

from netdiag import arp_frames, errors, packet

_PR_SET_PDEATHSIG = 1
_AT_ONCE = 64
# After the first answer the segment is listened to a little longer: a second owner answers late.
_GRACE_S = 0.12

Request = dict[str, Any]


def lookup(request: Request) -> dict[str, Any]:
    """Ask on an interface who has an address; returns the MACs and how often each answered.

    Probes are spread over `timeout_s`; once somebody has answered, the rest is sent quickly, or not at all
    when the first answer is enough.
    """
    from scapy.layers.l2 import ARP, Ether

    with packet.listening(request["interface"], packet.ARP) as listener:
        own = listener.hardware.hex(":")
        question = Ether(dst="ff:ff:ff:ff:ff:ff", src=own) / ARP(
            op=1, hwsrc=own, psrc=request["source"], pdst=request["address"]
        )
        seen = _converse(listener, bytes(question), request)
    return {"macs": list(seen.items())}


def _converse(listener: packet.Listener, question: bytes, request: Request) -> "collections.Counter[str]":
    """Send the probes and count the answers."""
    count, timeout_s = int(request["count"]), float(request["timeout_s"])
    seen: collections.Counter[str] = collections.Counter()
    now = time.monotonic()
    deadline, next_probe, sent = now + timeout_s, now, 0
    while now < deadline:
        if sent < count and now >= next_probe:
            listener.send(question)
            sent += 1
            next_probe = now + (_GRACE_S / 2 if seen else timeout_s / count)
        until = min(deadline, next_probe) if sent < count else deadline
        for frame in listener.take(max(0.0, until - now)):
            mac = _answer(frame, request["address"], listener.hardware)
            if mac is None:
                continue
            if not seen:
                next_probe = time.monotonic()
                deadline = min(deadline, next_probe + count * _GRACE_S)
            seen[mac] += 1
        if seen and request["is_first"]:
            break
        now = time.monotonic()
    return seen


def _answer(frame: bytes, address: str, own: bytes) -> str | None:
    """Return the MAC of a reply to us about this address."""
    # On a busy segment most frames are others': they are told by their bytes, before scapy reads them.
    glance = arp_frames.parse(frame)
    if glance is None or glance.sender != socket.inet_aton(address) or glance.target_mac != own:
        return None
    from scapy.layers.l2 import ARP, Ether

    reply = Ether(frame)[ARP]
    is_ours = reply.op == arp_frames.REPLY and reply.psrc == address
    return str(reply.hwsrc).lower() if is_ours else None


def vendor(request: Request) -> dict[str, Any]:
    """Return the maker of a MAC, for the blocks that the IEEE list of `netdiag.mac` leaves in parts."""
    return {"vendor": _vendor(request["mac"])}


def _vendor(mac: str) -> str | None:
    """Look a MAC up in scapy's copy of the IEEE list; the small blocks (36 and 28 bits) come first."""
    from scapy.config import conf

    upper = mac.upper()
    # The list of a Wireshark on the machine takes the place of scapy's, and writes blocks out in full.
    keys = (
        f"{upper[:13]}0/36",
        f"{upper[:13]}0:00/36",
        f"{upper[:10]}0/28",
        f"{upper[:10]}0:00:00/28",
        upper[:8],
    )
    for key in keys:
        found = conf.manufdb.d.get(key)
        if found and found[1] != "IEEE Registration Authority":
            return str(found[1])
    return None


_JOBS = {"lookup": lookup, "vendor": vendor}


def answer(line: str) -> dict[str, Any]:
    """Do what one line asks for; a fault becomes part of the answer."""
    request = json.loads(line)
    try:
        outcome = _JOBS[request["job"]](request)
    except errors.NotPermitted:
        outcome = {"error": "not permitted"}
    except (errors.NoInterface, ValueError) as fault:
        outcome = {"error": "no interface", "text": str(fault)}
    except Exception as fault:  # a fault of one request must not end the program
        outcome = {"error": "fault", "text": repr(fault)}
    return {"id": request["id"], **outcome}


def _end_with(parent: int) -> None:
    """Die when the parent does, even if it is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def main() -> None:
    """Answer lines until the input ends."""
    _end_with(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lock = threading.Lock()

    def work(line: str) -> None:
        made = json.dumps(answer(line)) + "\n"
        with lock:
            sys.stdout.write(made)
            sys.stdout.flush()

    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        for line in sys.stdin:
            pool.submit(work, line)


if __name__ == "__main__":
    main()
