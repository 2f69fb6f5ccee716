"""A private loopback network for the demo, where some addresses stay silent and raw ping is allowed to all.

Linux answers an echo request to every address of 127.0.0.0/8. In a network namespace of our own (and, for an
ordinary user, a user namespace around it) policy routing black-holes what the kernel answers from the
customers' networks; what linecard.demo.echo answers there, late or not at all, carries a mark and passes.
Programs inside may open raw sockets. Unix sockets of the same user cross the border unhindered; nothing else
of the machine's network is reachable from inside.

For the supervisor:

    try:
        made = pocket.open()              # before the first child; about 70 ms
    except pocket.Unavailable as error:   # its text says why, in words for the operator
        prefix = []                       # then every demo address answers at once
    else:
        prefix = made.prefix              # before the argv of the probe worker and of linecard.demo.agents
    ...
    made.close()                          # after the last child

The namespace lives as long as the process that called `open` (which holds it by two file descriptors) or a
program inside: there is no keeper that could die. This file is run by path and imports nothing of ours.
"""

import contextlib
import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
MARK = 1  # packets with this mark leave even from a silenced address: the demo's own programs set it
INSIDE = "LINECARD_DEMO_POCKET"  # set in the environment of every program inside
# The customers' networks of the three POPs (linecard.demo.plan): Ethernet, fibre, radio.
SILENT = tuple(f"127.{pop}.{third}.0/24" for pop in (20, 21, 22) for third in (1, 2, 3))

_NET_ADMIN, _NET_RAW = 12, 13
_CAPABILITIES_3 = 0x20080522  # _LINUX_CAPABILITY_VERSION_3, capget(2)
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_GET_FLAGS, _SET_FLAGS, _IFF_UP = 0x8913, 0x8914, 1  # netdevice(7)
_NEW_RULE, _DEL_RULE = 32, 33  # rtnetlink(7), linux/fib_rules.h
_REQUEST_ACK, _CREATE_EXCLUSIVE = 0x5, 0x600
_SOURCE, _PRIORITY, _MARK_ATTRIBUTE, _MARK_MASK = 2, 6, 10, 16
_TO_TABLE, _BLACKHOLE = 1, 6
_LOCAL_TABLE = 255
_READY_S = 5.0


class Unavailable(Exception):
    """This machine gives no namespace to this user; the message says why."""


@dataclass(frozen=True)
class Pocket:
    """A made namespace, held open by this process."""

    descriptors: tuple[int, int]  # of the user namespace (-1: none) and of the network namespace

    @property
    def prefix(self) -> list[str]:
        """Return what to put before a command line so that the program runs inside."""
        place = ":".join(str(number) for number in (os.getpid(), *self.descriptors))
        return [sys.executable, "-I", "-S", os.path.abspath(__file__), "enter", place, "--"]  # noqa: PTH100

    def close(self) -> None:
        """Let go; the namespace ends with the last program inside."""
        for descriptor in self.descriptors:
            if descriptor >= 0:
                os.close(descriptor)


def open(*, silent: Iterable[str] = SILENT) -> Pocket:
    """Make a namespace where the kernel answers nothing from these prefixes; raises Unavailable."""
    if sys.platform != "linux":
        raise Unavailable("network namespaces exist on Linux only")
    command = [sys.executable, "-I", "-S", os.path.abspath(__file__), "make", *silent]  # noqa: PTH100
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        ready, _, _ = select.select([maker.stdout], [], [], _READY_S)
        word, _, rest = (maker.stdout.readline().strip() if ready else "").partition(" ")
        if word != "made":
            maker.kill()
            raise Unavailable(rest or "the namespace was not made in time")
        # It waits for us, so its entries in /proc are there.
        folder = f"/proc/{maker.pid}/ns"
        user = os.open(f"{folder}/user", os.O_RDONLY) if rest == "user" else -1
        net = os.open(f"{folder}/net", os.O_RDONLY)
        maker.communicate("")
    return Pocket((user, net))


def _make(silent: list[str]) -> None:
    """Be the short-lived maker: unshare, set the network up, say so, wait to be told to go."""
    try:
        kind = _unshare()
        _raise_loopback()
        _silence(silent)
    except OSError as error:
        print("no", _words(error), flush=True)
        return
    print("made", kind, flush=True)
    sys.stdin.read()


def _unshare() -> str:
    """Leave the machine's network; return `net`, or `user` where a user namespace was needed for it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0 and libc.unshare(CLONE_NEWNET) == 0:
        return "net"
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    # We stay who we are: our files and sockets are ours inside too, and nothing takes us for root.
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(descriptor, line.encode())
        os.close(descriptor)
    return "user"


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        asked = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(channel, _GET_FLAGS, asked))[1]
        fcntl.ioctl(channel, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def _silence(prefixes: list[str]) -> None:
    """Black-hole what leaves from these prefixes, unless it is marked.

    The kernel's first rule (priority 0, the local table) would win over ours: it is added again below them,
    then removed.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as channel:
        channel.bind((0, 0))
        _rule(channel, _NEW_RULE, 100, table=_LOCAL_TABLE)
        _rule(channel, _NEW_RULE, 5, table=_LOCAL_TABLE, mark=MARK)
        for prefix in prefixes:
            _rule(channel, _NEW_RULE, 10, source=prefix)
        _rule(channel, _DEL_RULE, 0, table=_LOCAL_TABLE)


def _rule(
    channel: socket.socket, kind: int, priority: int, *, source: str = "", table: int = 0, mark: int = 0
) -> None:
    """Add or delete one rule and wait for the kernel's word; raises OSError."""
    network, _, length = source.partition("/")
    header = struct.pack(
        "8BI",
        socket.AF_INET,
        0,
        int(length or 32) if source else 0,
        0,
        table,
        0,
        0,
        _TO_TABLE if table else _BLACKHOLE,
        0,
    )
    body = header + _attribute(_PRIORITY, struct.pack("I", priority))
    if source:
        body += _attribute(_SOURCE, socket.inet_aton(network))
    if mark:
        body += _attribute(_MARK_ATTRIBUTE, struct.pack("I", mark))
        body += _attribute(_MARK_MASK, struct.pack("I", 0xFFFFFFFF))
    flags = _REQUEST_ACK | (_CREATE_EXCLUSIVE if kind == _NEW_RULE else 0)
    channel.send(struct.pack("IHHII", 16 + len(body), kind, flags, 1, 0) + body)
    answer = channel.recv(4096)
    code = -struct.unpack_from("i", answer, 16)[0]
    if code:
        raise OSError(code, "policy routing")


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("HH", 4 + len(value), kind) + value


def _words(error: OSError) -> str:
    reason = os.strerror(error.errno or 0)
    where = "" if error.errno is None else f" ({error.strerror}: {reason})"
    return (
        "this machine lets this user have no network namespace of its own"
        f"{where}; the demo runs on the plain loopback, where every address answers"
    )


def _enter(place: str, command: list[str]) -> None:
    """Join the namespaces that another process holds, keep the right to raw sockets, become the command."""
    pid, user, net = place.split(":")
    libc = ctypes.CDLL(None, use_errno=True)
    # Both are opened before the first is joined: from inside the user namespace the holder is out of sight.
    held = [
        (os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY), kind)
        for number, kind in ((user, CLONE_NEWUSER), (net, CLONE_NEWNET))
        if number != "-1"
    ]
    for descriptor, kind in held:
        if libc.setns(descriptor, kind) != 0:
            sys.exit(f"the demo's private network cannot be entered: {os.strerror(ctypes.get_errno())}")
        os.close(descriptor)
    if user != "-1":
        _keep_capabilities(libc)
    try:
        os.execvpe(command[0], command, {**os.environ, INSIDE: "1"})  # noqa: S606 - a shell is what it must not be
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


def _keep_capabilities(libc: ctypes.CDLL) -> None:
    """Let CAP_NET_RAW and CAP_NET_ADMIN survive the exec of an ordinary user's program (capabilities(7))."""
    wanted = 1 << _NET_ADMIN | 1 << _NET_RAW
    header = ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITIES_3, 0))
    sets = ctypes.create_string_buffer(struct.pack("6I", wanted, wanted, wanted, 0, 0, 0))
    if libc.capset(header, sets) != 0:
        return
    for number in (_NET_ADMIN, _NET_RAW):
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, number, 0, 0)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        if sys.argv[1] == "make":
            _make(sys.argv[2:])
        else:
            _enter(sys.argv[2], sys.argv[4:])
