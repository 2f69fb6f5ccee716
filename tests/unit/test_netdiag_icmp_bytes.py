"""The bytes of ICMP: what is built is read again, and no bytes whatever break a reader."""

import socket
import struct

import icmplib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiag import icmp, icmp_batch, icmp_options, icmp_packets, icmp_words

HERE, THERE, ROUTER = "192.0.2.1", "198.51.100.7", "203.0.113.9"
HERE6, THERE6 = "2001:db8::1", "2001:db8::7"


def ip4(source: str, target: str, body: bytes, options: bytes = b"") -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(body), 0, 0, 61, 1, 0)
    return head + socket.inet_aton(source) + socket.inet_aton(target) + options + body


def ip6(source: str, target: str, body: bytes, protocol: int = 58) -> bytes:
    head = struct.pack("!IHBB", 6 << 28, len(body), protocol, 61)
    return head + socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target) + body


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(max_size=200))
def test_an_echo_is_built_as_the_library_builds_it(identifier, sequence, payload):
    icmplib_socket = icmplib.ICMPv4Socket.__new__(icmplib.ICMPv4Socket)
    icmplib_socket._sock = None
    built = icmp_packets.echo_request(4, identifier, sequence, payload)
    assert built == icmplib_socket._create_packet(identifier, sequence, payload)
    assert icmp_packets.checksum(built) in {0, 0xFFFF}


@given(st.binary(min_size=24, max_size=90), st.integers(0, 0xFFFFFFFF), st.integers(1, 0xFFFF))
def test_the_checksum_is_the_same_whatever_place_the_mark_holds(payload, place, sequence):
    def marked(number):
        whole = payload[:8] + icmp.Targets.mark(number) + payload[16:]
        return icmp_packets.echo_request(4, 77, sequence, whole)[2:4]

    assert marked(place) == marked(0)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(max_size=60), st.integers(0, 10))
def test_a_reply_is_read_with_and_without_ip_options(identifier, sequence, payload, words):
    echo = b"\0" + icmp_packets.echo_request(4, identifier, sequence, payload)[1:]
    whole = ip4(THERE, HERE, echo, bytes(4 * words))
    read = icmp_packets.read(4, whole, len(whole), has_ip_header=True)
    assert (read.identifier, read.sequence, read.head) == (identifier, sequence, payload[:16])
    assert (read.size, read.ttl, read.target) == (len(payload) + 8, 61, None)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(max_size=60), st.integers(0, 10))
def test_an_error_is_read_with_the_echo_it_quotes(identifier, sequence, payload, words):
    echo = icmp_packets.echo_request(4, identifier, sequence, payload)
    error = struct.pack("!BBHHH", 3, 4, 0, 0, 1400) + ip4(HERE, THERE, echo, bytes(4 * words))
    whole = ip4(ROUTER, HERE, error)
    read = icmp_packets.read(4, whole, len(whole), has_ip_header=True)
    assert (read.identifier, read.sequence, read.target, read.mtu) == (identifier, sequence, THERE, 1400)
    cut = whole[: 20 + 8 + 20 + 4 * words + 8]
    assert icmp_packets.read(4, cut, len(cut), has_ip_header=True).sequence == sequence
    assert icmp_packets.read(4, cut[:-1], len(cut) - 1, has_ip_header=True) is None


@pytest.mark.parametrize("is_fragmented", [False, True])
def test_an_error_of_version_6_is_read_also_where_it_quotes_a_fragment(is_fragmented):
    echo = icmp_packets.echo_request(6, 77, 5, b"x" * 40)
    original = ip6(HERE6, THERE6, bytes([58, 0, 0, 1, 0, 0, 0, 9]) + echo, 44) if is_fragmented else None
    error = struct.pack("!BBHI", 2, 0, 0, 1280) + (original or ip6(HERE6, THERE6, echo))
    read = icmp_packets.read(6, error, len(error), has_ip_header=False)
    assert (read.identifier, read.sequence, read.target, read.mtu) == (77, 5, THERE6, 1280)


def test_what_is_about_something_else_is_no_message_of_ours():
    echo = icmp_packets.echo_request(4, 77, 5, b"")
    udp = ip4(HERE, THERE, echo).replace(b"\x3d\x01", b"\x3d\x11", 1)
    about_udp = ip4(ROUTER, HERE, struct.pack("!BBHI", 3, 3, 0, 0) + udp)
    assert icmp_packets.read(4, about_udp, len(about_udp), has_ip_header=True) is None
    request = ip4(THERE, HERE, echo)
    assert icmp_packets.read(4, request, len(request), has_ip_header=True) is None


@settings(max_examples=400)
@given(st.sampled_from([4, 6]), st.booleans(), st.binary(max_size=160), st.integers(0, 70000))
def test_no_bytes_break_the_reader_of_packets(version, has_ip_header, content, size):
    read = icmp_packets.read(version, content, size, has_ip_header=has_ip_header)
    assert read is None or 0 <= read.sequence <= 0xFFFF
    icmp_packets.quoted(content, THERE)


@settings(max_examples=400)
@given(st.data())
def test_no_spoilt_error_breaks_the_reader_of_packets(data):
    echo = icmp_packets.echo_request(4, 77, 5, b"x" * 24)
    whole = bytearray(ip4(ROUTER, HERE, struct.pack("!BBHI", 11, 0, 0, 0) + ip4(HERE, THERE, echo)))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        whole[place] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(whole)))
    icmp_packets.read(4, bytes(whole[:length]), length, has_ip_header=True)


@settings(max_examples=400)
@given(st.sampled_from([4, 6]), st.binary(max_size=60))
def test_no_extended_error_breaks_the_reader_of_errors(version, content):
    text, router = icmp_words.reason(content, version)
    assert text
    assert router is None or router in text
    icmp_words.is_icmp(content)


@settings(max_examples=400)
@given(st.binary(max_size=100))
def test_no_control_blocks_break_their_reader(content):
    blocks = list(icmp_options.split_controls(content))
    icmp_options.read_controls(blocks)
    icmp_options.read_controls([(1, 35, content), (1, 37, content), (0, 2, content), (41, 52, content)])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.binary(max_size=30)), max_size=4))
def test_control_blocks_are_split_as_the_kernel_packs_them(blocks):
    packed = b"".join(
        struct.pack("@Nii", 16 + len(content), level, kind) + content + bytes(-len(content) % 8)
        for level, kind, content in blocks
    )
    assert list(icmp_options.split_controls(packed)) == blocks


@given(st.binary(max_size=28))
def test_no_socket_address_breaks_its_reader(content):
    icmp.host_of(content)


def kernel_filter(code, packet):
    """Run classic BPF as bpf(4) describes it; returns how many bytes pass."""
    register, index, place = 0, 0, 0
    while True:
        operation, true, false, k = code[place]
        place += 1
        start = k + (index if operation in {0x50, 0x48} else 0)
        if operation in {0x30, 0x50, 0x28, 0x48}:
            width = 1 if operation in {0x30, 0x50} else 2
            if start + width > len(packet):
                return 0
            register = int.from_bytes(packet[start : start + width], "big")
        elif operation == 0xB1:
            if not packet:
                return 0
            index = 4 * (packet[0] & 15)
        elif operation == 0x15:
            place += true if register == k else false
        elif operation == 0x06:
            return k
        else:
            register, index = {
                0x54: (register & k, index),
                0x64: (register << k, index),
                0x0C: (register + index, index),
                0x07: (register, register),
            }[operation]


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(0, 10))
def test_the_kernels_filter_passes_our_id_and_no_other(ours, other, words):
    code = icmp_options.filter_code(4, ours)
    for identifier in {ours, other}:
        echo = icmp_packets.echo_request(4, identifier, 1, b"x" * 8)
        reply = ip4(THERE, HERE, b"\0" + echo[1:], bytes(4 * words))
        error = ip4(
            ROUTER, HERE, struct.pack("!BBHI", 11, 0, 0, 0) + ip4(HERE, THERE, echo, bytes(4 * words))
        )
        for packet in (reply, error):
            assert bool(kernel_filter(code, packet)) == (identifier == ours)
    code = icmp_options.filter_code(6, ours)
    for identifier in {ours, other}:
        echo = icmp_packets.echo_request(6, identifier, 1, b"x" * 8)
        reply = b"\x81" + echo[1:]
        error = struct.pack("!BBHI", 3, 0, 0, 0) + ip6(HERE6, THERE6, echo)
        fragment = struct.pack("!BBHI", 2, 0, 0, 0) + ip6(HERE6, THERE6, bytes([58]) + bytes(7) + echo, 44)
        for packet in (reply, error, fragment):
            assert bool(kernel_filter(code, packet)) == (identifier == ours)


@settings(max_examples=200)
@given(st.sampled_from([(4, True), (4, False), (6, True)]), st.data())
def test_the_fast_reader_finds_what_the_careful_one_finds_and_leaves_the_rest(kind, data):
    version, is_raw = kind
    reader = icmp_batch.FastReader(version, is_raw=is_raw)
    stride = reader._slot.size
    slots, headers, plain = b"", b"", []
    for slot in range(data.draw(st.integers(1, 5))):
        name = struct.pack("=HH4s24x", socket.AF_INET, 0, socket.inet_aton(THERE))
        if version == 6:
            name = struct.pack(
                "=HHI16sI4x", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, THERE6), 0
            )
        stamp = struct.pack("@Niill", 32, 1, 35, 1700000000, slot)
        body = icmp_packets.echo_request(version, 77, slot, bytes(40))
        body = bytes([icmp_packets.ECHO_REPLY[version]]) + body[1:]
        packet = ip4(THERE, HERE, body) if is_raw and version == 4 else body
        fault = data.draw(st.sampled_from(["none", "none", "short", "kind", "stamp"]))
        if fault == "short":
            packet = packet[:27] if is_raw and version == 4 else packet[:15]
        if fault == "kind":
            packet = packet[: -len(body)] + b"\x03\x01" + body[2:]
        if fault == "stamp":
            stamp = bytes(32)
        if fault == "none":
            plain.append(slot)
        slots += (name + stamp).ljust(192, b"\0") + packet.ljust(icmp_batch.HEAD, b"\0")
        headers += bytes(56) + struct.pack("@I4x", len(packet))
    assert len(slots) % stride == 0
    found, others = reader.read(memoryview(slots), memoryview(headers))
    assert [int.from_bytes(key[2:4], "big") for _, key, _, _ in found] == plain
    assert sorted(plain + others) == list(range(len(slots) // stride))
