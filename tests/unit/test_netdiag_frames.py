"""Frames of ARP and neighbour discovery, netlink messages and table indexes: known ones, and any bytes at all."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdiag import arp_frames, arp_scan, errors, nd, nd_frames, netlink, packet
from netdiag.snmp import conversions, row_index

OWN, MAC = bytes.fromhex("001b21000001"), bytes.fromhex("001b21000002")
ME, HOST = socket.inet_aton("10.0.0.1"), socket.inet_aton("10.0.0.2")
ME6, HOST6 = socket.inet_pton(socket.AF_INET6, "fe80::1"), socket.inet_pton(socket.AF_INET6, "fe80::2:3")


def arp_reply(**changes):
    fields = {"operation": 2, "sender_mac": MAC, "sender": HOST, "target_mac": OWN, "target": ME} | changes
    head = struct.pack("!6s6sHHHBB", OWN, MAC, 0x0806, 1, 0x0800, 6, 4)
    return head + struct.pack("!H6s4s6s4s", *fields.values())


# --- ARP


def test_a_question_is_a_broadcast_of_42_bytes_that_reads_back():
    frame = arp_frames.question_head(OWN, ME) + HOST
    assert len(frame) == packet.ARP.frame_size
    read = arp_frames.parse(frame)
    assert read == (arp_frames.BROADCAST, OWN, 1, OWN, ME, bytes(6), HOST)
    assert not read.is_gratuitous


def test_an_answer_is_read_with_whatever_padding():
    read = arp_frames.parse(arp_reply() + bytes(18))
    assert (read.operation, read.sender_mac, read.sender, read.target_mac) == (2, MAC, HOST, OWN)


def test_an_announcement_is_gratuitous_and_a_probe_for_a_free_address_is_not():
    assert arp_frames.parse(arp_reply(target=HOST)).is_gratuitous
    assert not arp_frames.parse(arp_reply(sender=bytes(4), target=bytes(4))).is_gratuitous


@pytest.mark.parametrize("mac", [bytes(6), b"\xff" * 6, bytes.fromhex("01005e000001")])
def test_nobodys_mac_and_group_addresses_are_no_answer(mac):
    assert arp_frames.parse(arp_reply(sender_mac=mac)) is None


@given(st.binary(max_size=80) | st.binary(max_size=40).map(lambda tail: arp_reply()[:20] + tail))
def test_no_frame_however_odd_breaks_the_reading_of_arp(frame):
    read = arp_frames.parse(frame)
    assert read is None or (len(read.sender_mac), len(read.sender)) == (6, 4)


# --- ranges


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["10.0.0.7"], ["10.0.0.7"]),
        (["10.0.0.0/30"], ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        (["10.0.0.255 - 10.0.1.0", "10.0.0.255"], ["10.0.0.255", "10.0.1.0"]),
    ],
)
def test_a_range_is_an_address_a_network_or_two_ends(texts, found):
    assert [str(one) for one in arp_scan.addresses(texts)] == found


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.9-10.0.0.1", "10.0.0.0/33", "fe80::/64", "a-b", "10.0.0.1-9"]
)
def test_what_is_no_range_is_refused(text):
    with pytest.raises(errors.BadAddress):
        arp_scan.addresses([text])


def test_half_the_internet_is_no_segment():
    with pytest.raises(ValueError, match="no segment"):
        arp_scan.addresses(["10.0.0.0/8"])
    with pytest.raises(ValueError, match="no segment"):
        arp_scan.addresses(["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"])


# --- neighbour discovery


def advertisement(flags=0x60, *, source=HOST6, to=ME6, target=HOST6, options=b"\x02\x01" + MAC, **changes):
    content = (
        struct.pack("!BBHB3x16s", changes.get("kind", 136), changes.get("code", 0), 0, flags, target)
        + options
    )
    check = nd_frames.checksum(source, to, content) ^ changes.get("spoil", 0)
    content = content[:2] + struct.pack("!H", check) + content[4:]
    header = struct.pack("!IHBB16s16s", 6 << 28, len(content), 58, changes.get("hop_limit", 255), source, to)
    return struct.pack("!6s6sH", OWN, bytes.fromhex("001b21000009"), 0x86DD) + header + content


def test_a_solicitation_goes_to_the_targets_group_and_its_checksum_is_right():
    frame = nd_frames.question(OWN, ME6, HOST6)
    assert len(frame) == packet.ADVERTISEMENTS.frame_size
    assert frame[:6] == bytes.fromhex("3333ff020003")
    assert socket.inet_ntop(socket.AF_INET6, frame[38:54]) == "ff02::1:ff02:3"
    assert frame[21] == 255
    assert nd_frames.checksum(ME6, frame[38:54], frame[54:]) == 0
    assert frame[-8:] == b"\x01\x01" + OWN


def test_a_solicitation_from_nobody_names_no_mac_and_is_as_long():
    frame = nd_frames.question(OWN, nd_frames.NOBODY, HOST6)
    (length,) = struct.unpack_from("!H", frame, 18)
    assert (length, len(frame)) == (24, packet.ADVERTISEMENTS.frame_size)
    assert nd_frames.checksum(nd_frames.NOBODY, frame[38:54], frame[54:78]) == 0


def test_the_checksum_is_the_one_scapy_computes():
    # Built by scapy 2.8: IPv6(src="fe80::1", dst="fe80::2:3")/ICMPv6ND_NA(tgt="fe80::2:3", R=0, S=1, O=1).
    content = bytes.fromhex("8800") + bytes(2) + bytes.fromhex("60000000") + HOST6
    assert nd_frames.checksum(ME6, HOST6, content) == 0x1C1F


@pytest.mark.parametrize(
    ("flags", "words"),
    [(0x00, (False, False, False)), (0xE0, (True, True, True)), (0x20, (False, False, True))],
)
def test_an_advertisement_is_read_with_its_flags(flags, words):
    read = nd_frames.parse(advertisement(flags))
    assert (read.sender, read.target, read.mac) == (HOST6, HOST6, MAC)
    assert (read.is_router, read.is_solicited, read.is_override) == words


def test_without_the_option_the_frames_sender_is_the_mac():
    assert nd_frames.parse(advertisement(options=b"")).mac.hex(":") == "00:1b:21:00:00:09"
    other = b"\x0e\x01" + bytes(6)
    assert nd_frames.parse(advertisement(options=other + b"\x02\x01" + MAC)).mac == MAC


@pytest.mark.parametrize(
    "changes",
    [
        {"spoil": 1},
        {"hop_limit": 64},
        {"kind": 135},
        {"code": 1},
        {"to": socket.inet_pton(socket.AF_INET6, "ff02::1")},
        {"target": socket.inet_pton(socket.AF_INET6, "ff02::1")},
        {"options": b"\x02\x00" + MAC},
        {"options": b"\x02\x02" + MAC},
        {"options": b"\x02"},
        {"options": b"\x02\x01" + bytes(6)},
    ],
)
def test_what_rfc_4861_calls_invalid_is_dropped(changes):
    assert nd_frames.parse(advertisement(**changes)) is None


@given(
    st.binary(max_size=160)
    | st.binary(max_size=40).map(lambda options: advertisement(options=options))
    | st.integers(0, 85).map(lambda size: advertisement()[:size])
)
def test_no_frame_however_odd_breaks_the_reading_of_an_advertisement(frame):
    read = nd_frames.parse(frame)
    assert read is None or (len(read.target), len(read.mac)) == (16, 6)


@pytest.mark.parametrize("address", ["10.0.0.1", "ff02::1", "nowhere", ""])
def test_only_an_ipv6_host_can_be_discovered(address):
    with pytest.raises(errors.BadAddress):
        nd.lookup(address)


# --- netlink


def message(kind, payload, length=None):
    return struct.pack("=IHHII", 16 + len(payload) if length is None else length, kind, 0, 1, 0) + payload


def test_messages_stand_one_after_the_other_and_lies_about_length_end_it():
    wire = message(28, b"abcd") + message(28, b"efgh")
    assert list(netlink.messages(wire)) == [(28, b"abcd"), (28, b"efgh")]
    assert list(netlink.messages(message(28, b"abcd") + message(28, b"", length=0))) == [(28, b"abcd")]


def test_a_neighbour_is_read_and_one_without_an_address_is_none():
    body = struct.pack("=BBHiHBB", socket.AF_INET, 0, 0, 1, netlink.REACHABLE, 0, 0)
    address, lladdr = struct.pack("=HH4s", 8, 1, HOST), struct.pack("=HH6sxx", 10, 2, MAC)
    found = netlink.neighbour_of(body + address + lladdr)
    assert (found.address, found.mac, found.state) == ("10.0.0.2", "00:1b:21:00:00:02", netlink.REACHABLE)
    assert netlink.neighbour_of(body + lladdr) is None
    assert netlink.neighbour_of(body[:5]) is None


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda payload: message(28, payload)))
def test_no_netlink_message_however_odd_breaks_its_reading(wire):
    for _, payload in netlink.messages(wire):
        netlink.neighbour_of(payload)
        netlink.route_of(payload)


# --- a router's rows

INDEXES = [
    ["if_index", "inet"],
    ["if_index", "ip"],
    ["if_index", "ip6"],
    ["if_index", "skip", "ip"],
    ["if_index", "ip", "rest"],
    ["vlan", "mac", "bridge_port"],
]


@given(st.lists(st.integers(0, 2**32 - 1), max_size=24) | st.text(max_size=20))
def test_no_index_however_odd_breaks_its_reading(parts):
    index = parts if isinstance(parts, str) else ".".join(str(part) for part in parts)
    for words in INDEXES:
        found = row_index.read(index, words)
        assert found == row_index.NOTHING or found.if_index is not None or found.mac is not None


@given(st.integers(1, 2**31), st.ip_addresses())
def test_an_index_that_was_written_is_read_as_it_was(if_index, address):
    for words in INDEXES:
        written = row_index.write(words, if_index, address)
        if written is not None:
            assert row_index.read(written, words) == row_index.Named(ip=address, if_index=if_index)


@given(st.none() | st.integers() | st.binary(max_size=24) | st.text(max_size=20))
def test_no_value_however_odd_breaks_the_reading_of_a_mac(value):
    seen = conversions.mac(value)
    assert seen is None or len(seen) == 17
