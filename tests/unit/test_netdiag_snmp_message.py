"""SNMP messages without a network: bytes there and back, keys, credentials that stay out of logs."""

import contextlib
import random

import pytest
from pysnmp.proto.rfc1902 import Bits, Counter64, IpAddress, ObjectIdentifier, TimeTicks

from netdiag import errors
from netdiag.snmp import SnmpTarget, agent, ber, keys, message, security, usm, values
from netdiag.snmp.message import Garbage, Pdu

ENGINE = b"\x80\x00\x1f\x88" + bytes(12) + b"x"
GET = Pdu("get", 77, (("1.3.6.1.2.1.1.1.0", None),))


def opened(wire):
    version, community, raw = message.decode_community(wire)
    return version, community, message.read(raw)


def test_a_request_survives_the_way_to_bytes_and_back():
    bulk = Pdu("bulk", 5, (("1.3.6.1.2.1.1", None),), max_repetitions=20)
    wire = message.encode_community("2c", "public", message.build(bulk))
    assert opened(wire) == ("2c", b"public", bulk)
    change = Pdu("set", 6, (("1.3.6.1.2.1.1.6.0", 4),))
    wire = message.encode_community("1", "private", message.build(change))
    assert opened(wire) == ("1", b"private", change)


def test_the_bytes_are_those_of_the_standard():
    wire = message.encode_community("2c", "public", message.build(GET))
    assert wire.hex() == "302602010104067075626c6963a01902014d020100020100300e300c06082b060102010101000500"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (7, 7),
        ("höhe", "höhe".encode()),
        (b"\x00\x01", b"\x00\x01"),
        (Counter64(2**63), 2**63),
        (TimeTicks(100), 100),
        (IpAddress("192.0.2.1"), "192.0.2.1"),
        (ObjectIdentifier("1.3.6.1.4.1"), "1.3.6.1.4.1"),
        (Bits(b"\x80"), b"\x80"),
        (None, None),
    ],
)
def test_values_become_plain_python(value, plain):
    line = ber.binding(ber.oid_octets("1.3.6.1.4.1.9"), agent.typed(value))
    assert [message.plain(found) for _, found in ber.read_bindings(line, 0, len(line))] == [plain]


@pytest.mark.parametrize("oid", ["", "1", "sysDescr.0", "1.3.x", "1..3"])
def test_only_numeric_oids_are_taken(oid):
    with pytest.raises(errors.BadAddress):
        message.check_oid(oid)
    assert message.check_oid(".1.3.6") == "1.3.6"


def test_no_bytes_from_the_network_can_do_more_than_be_garbage():
    wire = message.encode_community("2c", "public", message.build(GET))
    letter = usm.seal(usm.Header(1, usm.REPORTABLE, b"", 0, 0, ""), message.build(GET), None)
    chance = random.Random(4)
    for original in (wire, letter):
        for _ in range(400):
            spoiled = bytearray(original)
            for _ in range(chance.randint(1, 4)):
                spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
            spoiled = spoiled[: chance.randint(0, len(spoiled))]
            for read in (message.decode_community, lambda one: usm.unseal(usm.peek(one), None)):
                with contextlib.suppress(Garbage, usm.WrongDigest, usm.Undecipherable):
                    read(bytes(spoiled))


@pytest.mark.parametrize("auth", ["MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512"])
@pytest.mark.parametrize("priv", [None, "DES", "3DES", "AES", "AES192", "AES256", "AES192C", "AES256C"])
def test_a_sealed_letter_opens_with_the_right_keys_and_only_with_them(auth, priv):
    user = usm.User("joe", auth, "authpass99", priv, "privpass99" if priv else "")
    header = usm.Header(5, user.flags | usm.REPORTABLE, ENGINE, 3, 1000, "joe")
    letter = usm.peek(usm.seal(header, message.build(GET), user))
    assert message.read(usm.unseal(letter, user)) == GET
    assert (letter.header.user, letter.header.engine_id, letter.header.boots) == ("joe", ENGINE, 3)
    with pytest.raises(usm.WrongDigest):
        usm.unseal(letter, usm.User("joe", auth, "authpass98", priv, user.priv_key))
    with pytest.raises(usm.WrongDigest):
        usm.unseal(letter, usm.User("joe"))
    if priv:
        with pytest.raises(usm.Undecipherable):
            usm.unseal(letter, usm.User("joe", auth, "authpass99", priv, "privpass98"))
        with pytest.raises(usm.Undecipherable):
            usm.unseal(letter, usm.User("joe", auth, "authpass99"))


def test_the_key_of_an_engine_is_the_one_of_the_standard():
    # RFC 3414 A.3.2
    engine = bytes.fromhex("000000000000000000000002")
    assert keys.auth_key("SHA", "maplesyrup", engine).hex() == "6695febc9288e36282235fc7151f128497b38f3f"
    assert keys.auth_key("MD5", "maplesyrup", engine).hex() == "526f5eed9fcce26f8964c2930787d82b"


def test_no_two_messages_are_encrypted_with_one_salt():
    user = usm.User("joe", "SHA", "authpass99", "AES", "privpass99")
    header = usm.Header(5, user.flags, ENGINE, 3, 1000, "joe")
    salts = {usm.peek(usm.seal(header, message.build(GET), user)).salt for _ in range(50)}
    assert len(salts) == 50


def test_secrets_stay_out_of_every_text():
    target = SnmpTarget(
        "10.0.0.1",
        version="3",
        user="joe",
        auth_protocol="SHA",
        auth_key="hush-hush-1",
        priv_protocol="AES",
        priv_key="hush-hush-2",
        community="hush-hush-3",
    )
    user = usm.User("joe", "SHA", "hush-hush-1", "AES", "hush-hush-2")
    assert "hush" not in repr(target) + str(target) + repr(user)


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": "4"},
        {"auth_protocol": "ROT13", "auth_key": "long-enough"},
        {"auth_protocol": "SHA", "auth_key": "short"},
        {"priv_protocol": "AES", "priv_key": "long-enough"},
        {
            "auth_protocol": "SHA",
            "auth_key": "long-enough",
            "priv_protocol": "ROT",
            "priv_key": "long-enough",
        },
        {"auth_protocol": "SHA", "auth_key": "long-enough", "priv_protocol": "AES", "priv_key": "short"},
    ],
)
def test_a_target_no_agent_could_answer_is_refused(wrong):
    with pytest.raises(ValueError, match=r".+"):
        SnmpTarget("10.0.0.1", **{"version": "3", **wrong})


def test_an_answer_below_the_level_of_the_request_is_not_believed():
    security.forget_engines()
    target = SnmpTarget("10.0.0.1", version="3", user="joe", auth_protocol="SHA", auth_key="authpass99")
    forged = usm.seal(usm.Header(1, 0, ENGINE, 1, 1, "joe"), message.build(Pdu("response", 77)), None)
    with pytest.raises(Garbage, match="security level"):
        security.UserSecurity(target).unwrap(forged, {1})


def test_an_answer_from_another_time_is_not_believed():
    security.forget_engines()
    target = SnmpTarget("10.0.0.1", version="3", user="joe", auth_protocol="SHA", auth_key="authpass99")
    user = usm.User("joe", "SHA", "authpass99")
    side = security.UserSecurity(target)
    report = Pdu("report", 0, ((f"{usm.STATS}{usm.NOT_IN_WINDOW}.0", 1),))
    with pytest.raises(security.Resync):
        side.unwrap(
            usm.seal(usm.Header(1, usm.AUTH, ENGINE, 5, 1000, "joe"), message.build(report), user), {1}
        )
    answer = message.build(Pdu("response", 77))
    for boots, clock, engine in ((5, 100, ENGINE), (4, 1000, ENGINE), (5, 1000, b"another-one")):
        with pytest.raises(Garbage):
            side.unwrap(usm.seal(usm.Header(1, usm.AUTH, engine, boots, clock, "joe"), answer, user), {1})
    for boots, clock in ((5, 1010), (6, 3), (6, 1000)):
        assert (
            side.unwrap(
                usm.seal(usm.Header(1, usm.AUTH, ENGINE, boots, clock, "joe"), answer, user), {1}
            ).request_id
            == 77
        )
    with pytest.raises(errors.SnmpBroken, match="report"):
        side.unwrap(usm.seal(usm.Header(1, 0, ENGINE, 6, 3, ""), message.build(Pdu("report", 0)), None), {1})


def test_the_memory_of_engines_is_bounded():
    security.forget_engines()
    for number in range(security._ENGINES_KEPT + 10):
        security._remember(("10.0.0.1", number), usm.Header(1, 0, ENGINE, 1, 1, ""))
    assert len(security._ENGINES) == 10
    security.forget_engines()


def test_text_of_a_device_is_readable_whatever_its_encoding():
    assert values.text("Käfig".encode("latin-1")) == "Käfig"
    assert values.text(b"b\x00ox\x00") == "box"
    assert values.text(None) == ""
    assert values.mac(b"\x00\x11\x22\x33\x44\x55") == "00:11:22:33:44:55"
    assert values.mac(bytes(6)) is None
    assert values.number(b"x") is None
    assert message.status_name(99) == "error 99"


def test_an_agent_is_silent_to_strangers_and_garbage():
    device = agent.Agent.__new__(agent.Agent)
    device.state = agent.AgentState(values={})
    stranger = message.encode_community("2c", "guess", message.build(GET))
    assert device.answer(stranger) is None
    assert device.answer(b"hello") is None
