"""Our BER beside pysnmp's encoder, and under bytes nobody should send."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import encoder
from pysnmp.proto import rfc1902
from pysnmp.proto.api import v2c

from netdiag.snmp import ber, message, usm
from netdiag.snmp.ber import Garbage, Missing

quick = settings(max_examples=80, deadline=None)
oids = st.builds(
    lambda first, second, rest: (first, second, *rest),
    st.integers(0, 1),
    st.integers(0, 39),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20),
)
numbers = st.integers(0, 2**32 - 1)
typed = st.one_of(
    st.builds(lambda n: (rfc1902.Integer32(n), n), st.integers(-(2**31), 2**31 - 1)),
    st.builds(lambda n: (rfc1902.Counter32(n), n), numbers),
    st.builds(lambda n: (rfc1902.Gauge32(n), n), numbers),
    st.builds(lambda n: (rfc1902.TimeTicks(n), n), numbers),
    st.builds(lambda n: (rfc1902.Counter64(n), n), st.integers(0, 2**64 - 1)),
    st.builds(lambda b: (rfc1902.OctetString(b), b), st.binary(max_size=300)),
    st.builds(
        lambda b: (rfc1902.IpAddress(".".join(map(str, b))), ".".join(map(str, b))),
        st.binary(min_size=4, max_size=4),
    ),
    st.builds(lambda o: (rfc1902.ObjectIdentifier(o), ".".join(map(str, o))), oids),
)


def reference(kind, request_id, bindings):
    made = kind()
    v2c.apiPDU.set_defaults(made)
    v2c.apiPDU.set_request_id(made, request_id)
    v2c.apiPDU.set_varbinds(made, bindings)
    whole = v2c.Message()
    v2c.apiMessage.set_defaults(whole)
    v2c.apiMessage.set_community(whole, b"public")
    v2c.apiMessage.set_pdu(whole, made)
    return bytes(encoder.encode(whole))


@quick
@given(st.integers(0, 2**31 - 1), st.lists(st.tuples(oids, typed), max_size=6))
def test_what_pysnmp_encodes_is_read_as_it_was_meant(request_id, lines):
    wire = reference(v2c.ResponsePDU, request_id, [(oid, value) for oid, (value, _) in lines])
    version, community, raw = message.decode_community(wire)
    assert (version, community, raw.kind, raw.request_id) == ("2c", b"public", "response", request_id)
    expected = [(".".join(map(str, oid)), plain) for oid, (_, plain) in lines]
    assert list(message.read(raw).bindings) == expected


@quick
@given(st.integers(0, 2**31 - 1), st.lists(oids, max_size=6))
def test_our_requests_are_pysnmps_to_the_last_octet(request_id, asked):
    lines = [ber.binding(ber.oid_octets(".".join(map(str, oid)))) for oid in asked]
    ours = message.encode_community("2c", "public", message.encode("get", request_id, 0, 0, lines))
    assert ours == reference(v2c.GetRequestPDU, request_id, [(oid, v2c.Null("")) for oid in asked])


LETTER = usm.seal(
    usm.Header(9, usm.REPORTABLE, b"\x80engine", 1, 2, "noc"),
    message.encode("response", 9, 0, 0, [ber.binding(b"\x2b\x06\x01", 5)]),
    None,
)
PLAIN = message.encode_community(
    "2c",
    "public",
    message.encode(
        "response",
        9,
        0,
        0,
        [ber.binding(b"\x2b\x06\x01", value) for value in (5, b"x" * 200, 1.5, Missing.END)],
    ),
)


@quick
@given(
    st.sampled_from([PLAIN, LETTER]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    st.integers(0, 400),
)
def test_spoiled_messages_are_garbage_or_messages_and_nothing_else(original, changes, length):
    spoiled = bytearray(original)
    for place, octet in changes:
        spoiled[place % len(spoiled)] = octet
    whole = bytes(spoiled[: length or None])
    with contextlib.suppress(Garbage):
        message.read(message.decode_community(whole)[2])
    with contextlib.suppress(Garbage, usm.WrongDigest, usm.Undecipherable):
        message.read(usm.unseal(usm.peek(whole), None))


@quick
@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_garbage_at_worst(noise):
    for read in (
        message.decode_community,
        usm.peek,
        lambda one: message.decode(one, 0),
        message.version_number,
    ):
        with contextlib.suppress(Garbage):
            read(noise)
    with contextlib.suppress(Garbage, IndexError):
        ber.read_bindings(noise, 0, len(noise))


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("020101", 1),
        ("0201ff", -1),
        ("02810101", 1),
        ("0284000000020001", 1),
        ("020c000000000000000000000001", 1),
        ("4104ffffffff", 2**32 - 1),
        ("410500ffffffff", 2**32 - 1),
        ("4608ffffffffffffffff", 2**64 - 1),
        ("44079f78043fc00000", 1.5),
        ("440b9f79083ff8000000000000", 1.5),
        ("44049f760105", 5),
        ("44049f7a01ff", -1),
        ("4402abcd", b"\xab\xcd"),
        ("4003010203", b"\x01\x02\x03"),
        ("0600", "0.0"),
        ("0500", None),
        ("8000", Missing.OBJECT),
        ("8100", Missing.INSTANCE),
        ("8200", Missing.END),
        ("5f0101", b"\x01"),
    ],
)
def test_values_are_read_however_clumsily_they_are_written(octets, value):
    line = ber.wrap(ber.SEQUENCE, ber.wrap(ber.OID, b"\x2b\x06") + bytes.fromhex(octets))
    assert ber.read_bindings(line, 0, len(line)) == [(b"\x2b\x06", value)]


@pytest.mark.parametrize(
    "octets",
    ["020a01000000000000000000", "0680", "068180", "04820fff00", "0480", "30", "06" + "84ffffffff" + "00"],
)
def test_values_that_cannot_be_are_refused(octets):
    line = ber.wrap(ber.SEQUENCE, ber.wrap(ber.OID, b"\x2b\x06") + bytes.fromhex(octets))
    with pytest.raises((Garbage, IndexError)):
        ber.read_bindings(line, 0, len(line))
    whole = message.encode_community("2c", "public", message.encode("response", 1, 0, 0, [line]))
    with pytest.raises(Garbage):
        message.decode_community(whole)
