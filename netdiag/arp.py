"""The ARP program: asks a segment who has an address, and whose a MAC is; JSON lines in and out.

It is the only code that loads scapy, and it is a process of its own (`python -m netdiag.arp`): scapy is
GPL-2.0-only and must not be loaded beside icmplib, which is LGPL-3. `netdiag.arp_client` speaks to it.
"""

import collections
import concurrent.futures
import ctypes
import json
import os
import select
import signal
import sys
import threading
import time
from typing import Any

_PR_SET_PDEATHSIG = 1
_ETH_P_ARP = 0x0806
_REPLY = 2
_AT_ONCE = 64
# After the first answer the segment is listened to a little longer: a second owner answers late.
_GRACE_S = 0.12

Request = dict[str, Any]


def lookup(request: Request) -> dict[str, Any]:
    """Ask on an interface who has an address; returns the MACs and how often each answered.

    Probes are spread over `timeout_s`; once somebody has answered, the rest is sent quickly.
    """
    from scapy.arch import get_if_hwaddr
    from scapy.arch.linux import L2Socket
    from scapy.layers.l2 import ARP, Ether

    address, interface = request["address"], request["interface"]
    own = get_if_hwaddr(interface)
    question = Ether(dst="ff:ff:ff:ff:ff:ff", src=own) / ARP(
        op=1, hwsrc=own, psrc=request["source"], pdst=address
    )
    sock = L2Socket(iface=interface, type=_ETH_P_ARP, promisc=False, nofilter=1)
    try:
        seen = _converse(sock, question, request)
    finally:
        sock.close()
    return {"macs": [[mac, answers, _vendor(mac)] for mac, answers in seen.items()]}


def _converse(sock: Any, question: Any, request: Request) -> "collections.Counter[str]":
    """Send the probes and count the answers."""
    count, timeout_s = int(request["count"]), float(request["timeout_s"])
    seen: collections.Counter[str] = collections.Counter()
    now = time.monotonic()
    deadline, next_probe, sent = now + timeout_s, now, 0
    while now < deadline:
        if sent < count and now >= next_probe:
            sock.send(question)
            sent += 1
            next_probe = now + (_GRACE_S / 2 if seen else timeout_s / count)
        until = min(deadline, next_probe) if sent < count else deadline
        if select.select([sock], [], [], max(0.0, until - now))[0]:
            mac = _answer(sock.recv(256), request["address"], question.src)
            if mac:
                if not seen:
                    next_probe = time.monotonic()
                    deadline = min(deadline, next_probe + count * _GRACE_S)
                seen[mac] += 1
        now = time.monotonic()
    return seen


def _answer(packet: Any, address: str, own: str) -> str | None:
    """Return the MAC of a reply to us about this address."""
    from scapy.layers.l2 import ARP

    if packet is None or ARP not in packet:
        return None
    reply = packet[ARP]
    is_ours = reply.op == _REPLY and reply.psrc == address and reply.hwdst.lower() == own.lower()
    return str(reply.hwsrc).lower() if is_ours else None


def vendor(request: Request) -> dict[str, Any]:
    """Return the maker of a MAC."""
    return {"vendor": _vendor(request["mac"])}


def _vendor(mac: str) -> str | None:
    """Look a MAC up in scapy's copy of the IEEE list; the small blocks (36 and 28 bits) come first."""
    from scapy.config import conf

    upper = mac.upper()
    keys = (f"{upper[:13]}0/36", f"{upper[:10]}0/28", upper[:8])
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
    except PermissionError:
        outcome = {"error": "not permitted"}
    except (OSError, ValueError) as fault:
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
