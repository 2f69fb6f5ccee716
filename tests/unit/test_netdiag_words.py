"""ICMP errors in words."""

import errno
import socket
import struct

import pytest

from netdiag import icmp, icmp_options, icmp_words


def extended(kind: int, code: int, *, origin: int = 2, number: int = 0, router: str = "10.0.0.1") -> bytes:
    head = struct.pack("=IBBBBII", number, origin, kind, code, 0, 0, 0)
    if ":" in router:
        return head + struct.pack("=HHI", 10, 0, 0) + socket.inet_pton(socket.AF_INET6, router) + bytes(4)
    return head + struct.pack("=HH", 2, 0) + socket.inet_aton(router) + bytes(8)


@pytest.mark.parametrize(
    ("version", "kind", "code", "router", "words"),
    [
        (4, 3, 1, "10.0.0.1", "host unreachable from 10.0.0.1"),
        (4, 3, 13, "10.0.0.1", "packet filtered from 10.0.0.1"),
        (4, 11, 0, "10.0.0.1", "time to live exceeded from 10.0.0.1"),
        (4, 40, 2, "10.0.0.1", "ICMP type 40 code 2 from 10.0.0.1"),
        (6, 1, 3, "fd00::1", "host unreachable from fd00::1"),
        (6, 2, 0, "fd00::1", "packet too big from fd00::1"),
        (6, 3, 0, "fd00::1", "hop limit exceeded from fd00::1"),
    ],
)
def test_an_error_names_its_cause_and_its_router(version, kind, code, router, words):
    assert icmp_words.reason(extended(kind, code, router=router), version) == (words, router)


def test_an_error_of_this_machine_names_no_router():
    text, router = icmp_words.reason(extended(0, 0, origin=1, number=errno.EMSGSIZE), 4)
    assert (text, router) == ("packet larger than the path allows (found by this machine)", None)


def test_an_offender_of_no_known_family_is_said_to_be_unknown():
    unknown = struct.pack("=IBBBBII", 0, 2, 3, 1, 0, 0, 0) + bytes(16)
    assert icmp_words.reason(unknown, 4)[0] == "host unreachable from an unknown router"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENETUNREACH, "no route to this network from here"),
        (errno.EPERM, "the local packet filter forbids it"),
        (errno.EIO, "[Errno 5] broken"),
    ],
)
def test_a_packet_that_does_not_leave_says_why(number, words):
    assert icmp._send_fault(OSError(number, "broken")) == words


def test_control_blocks_give_stamp_ttl_and_error():
    stamp = struct.pack("=qq", 1700000000, 500_000_000)
    found = icmp_options.read_controls(
        [(1, 35, stamp), (0, 2, struct.pack("=i", 63)), (0, 11, b"x"), (7, 7, b""), (1, 37, stamp)]
    )
    assert found == icmp_options.Controls(1700000000.5, 63, b"x", 1700000000.5)
