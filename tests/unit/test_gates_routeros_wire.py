"""The bytes of MikroTik's API, against those its manual writes out, and what the fake router says by them."""

import contextlib
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates import routeros_api, testing_routeros
from gates import routeros_wire as wire
from gates.testing_routeros_tables import Router, User, matches


@pytest.mark.parametrize(
    ("length", "written"),
    [
        (0x00, "00"),
        (0x01, "01"),
        (0x7F, "7f"),
        (0x80, "8080"),
        (0x87, "8087"),
        (0x3FFF, "bfff"),
        (0x4000, "c04000"),
        (0x1FFFFF, "dfffff"),
        (0x200000, "e0200000"),
        (0xFFFFFFF, "efffffff"),
        (0x10000000, "f010000000"),
        (0xFFFFFFFF, "f0ffffffff"),
    ],
)
def test_a_length_takes_one_to_five_bytes_as_the_manual_draws_them(length: int, written: str) -> None:
    data = bytes.fromhex(written)
    assert wire.encode_length(length) == data
    assert wire.decode_length(data) == (length, len(data))
    for missing in range(len(data)):
        assert wire.decode_length(data[:missing]) is None


def test_a_length_out_of_bounds_and_a_control_byte_are_refused() -> None:
    for length in (-1, 1 << 32):
        with pytest.raises(wire.WireError, match="no word"):
            wire.encode_length(length)
    for first in range(0xF8, 0x100):
        with pytest.raises(wire.WireError, match="control byte"):
            wire.decode_length(bytes([first, 0, 0, 0, 0]))


def test_a_sentence_is_its_words_with_their_lengths_and_an_empty_word() -> None:
    words = ["/login", "=name=admin", "=password="]
    data = b"\x06/login\x0b=name=admin\x0a=password=\x00"
    assert wire.encode(words) == data
    assert list(wire.Reader().feed(data)) == [tuple(words)]
    long = "=comment=" + "x" * 119
    assert wire.encode([long]) == b"\x80\x80" + long.encode() + b"\0"


def test_a_value_may_hold_equal_signs_or_nothing_and_a_tag_stands_apart() -> None:
    words = ["!re", "=name=iu=c3Eeg", "=comment=", "=.id=*1F", ".tag=42"]
    assert wire.attributes(words) == {"name": "iu=c3Eeg", "comment": "", ".id": "*1F"}
    assert wire.tag_of(words) == "42"
    assert wire.tag_of(["!done"]) == ""


@given(
    sentences=st.lists(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=6), max_size=5),
    size=st.integers(1, 97),
)
def test_sentences_come_out_whole_however_the_bytes_were_cut(sentences: list[list[str]], size: int) -> None:
    data = b"".join(map(wire.encode, sentences))
    reader, found = wire.Reader(), []
    for place in range(0, len(data), size):
        found += reader.feed(data[place : place + size])
    assert found == [tuple(words) for words in sentences]


@pytest.mark.parametrize(
    "greeting",
    [
        b"SSH-2.0-ROSSSH\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\xff\xfb\x01",
    ],
)
def test_another_protocol_is_told_by_its_first_bytes(greeting: bytes) -> None:
    with pytest.raises(wire.WireError):
        list(wire.Reader(replies=True).feed(greeting))


def test_a_word_that_would_fill_the_memory_is_refused_before_it_comes() -> None:
    for reader in (wire.Reader(), wire.Reader(replies=True)):
        with pytest.raises(wire.WireError, match="no RouterOS"):
            list(reader.feed(b"\xef\xff\xff\xff!"))


def test_the_challenge_of_the_manual_gets_its_response() -> None:
    assert (
        routeros_api.respond("", "856780b7411eefd3abadee2058c149a3") == "005062f7a5ef124d34675bf3e81f56c556"
    )


@contextlib.contextmanager
def _talking(router: Router, *greeting: bytes) -> Iterator[socket.socket]:
    with (
        testing_routeros.serving(router, "api") as port,
        socket.create_connection(("127.0.0.1", port), 5) as connection,
    ):
        for data in greeting:
            connection.sendall(data)
            _expect(connection, b"\x05!done\x00")
        yield connection


def _expect(connection: socket.socket, expected: bytes) -> None:
    """Hold the next bytes the fake sends to those written here."""
    found = b""
    while len(found) < len(expected) and (data := connection.recv(len(expected) - len(found))):
        found += data
    assert found == expected


LOGIN = b"\x06/login\x0e=name=linecard\x10=password=s3cret\x00"


def test_the_fake_says_what_a_router_says_byte_by_byte() -> None:
    router = Router()
    with _talking(router, LOGIN) as connection:
        add = b"\x1d/ip/firewall/address-list/add\x07=list=a\x11=address=10.0.0.1\x06.tag=7\x00"
        connection.sendall(add)
        _expect(connection, b"\x05!done\x07=ret=*1\x06.tag=7\x00")
        connection.sendall(add)
        _expect(
            connection,
            b"\x05!trap\x0b=category=4\x29=message=failure: already have such entry\x06.tag=7\x00\x05!done\x06.tag=7\x00",
        )
        connection.sendall(b"\x1f/ip/firewall/address-list/print\x16=.proplist=.id,address\x07?list=a\x00")
        _expect(connection, b"\x03!re\x07=.id=*1\x11=address=10.0.0.1\x00\x05!done\x00")
        connection.sendall(b"\x05/quit\x00")
        _expect(connection, b"\x06!fatal\x1dsession terminated on request\x00")
        assert connection.recv(1) == b""


def test_the_fake_lets_nobody_in_without_a_login() -> None:
    router = Router(users={"linecard": User("s3cret"), "reader": User("x", frozenset({"read"}))})
    with _talking(router) as connection:
        connection.sendall(LOGIN.replace(b"s3cret", b"S3cret"))
        _expect(connection, b"\x05!trap\x2a=message=invalid user name or password (6)\x00\x05!done\x00")
        connection.sendall(b"\x06/login\x0c=name=reader\x0b=password=x\x00")
        _expect(connection, b"\x05!trap\x2a=message=invalid user name or password (6)\x00\x05!done\x00")
        connection.sendall(b"\x16/system/resource/print\x00")
        _expect(connection, b"\x06!fatal\x0dnot logged in\x00")
        assert connection.recv(1) == b""


def test_a_fake_of_an_old_version_asks_with_a_challenge() -> None:
    with _talking(Router(version="6.42.12 (long-term)")) as connection:
        connection.sendall(b"\x06/login\x00")
        data = connection.recv(100)
        assert data.startswith(b"\x05!done\x25=ret=")
        response = routeros_api.respond("s3cret", data[12:44].decode())
        assert len(data) == 45
        connection.sendall(wire.encode(["/login", "=name=linecard", f"=response={response}"]))
        _expect(connection, b"\x05!done\x00")


def test_answers_to_commands_under_way_together_come_mixed_and_keep_their_tags() -> None:
    router = Router()
    for address in ("10.0.0.1", "10.0.0.2"):
        router.entry("a", address)
    with _talking(router, LOGIN) as connection:
        printing = ["/ip/firewall/address-list/print", "=.proplist=address"]
        connection.sendall(b"".join(wire.encode([*printing, f".tag={tag}"]) for tag in ("x", "y")))
        reader, found = wire.Reader(replies=True), []
        while len(found) < 6:
            found += reader.feed(connection.recv(1000))
    assert [(words[0], wire.tag_of(words)) for words in found] == [
        (kind, tag) for kind in ("!re", "!re", "!done") for tag in ("x", "y")
    ]


def test_a_listening_command_tells_changes_until_it_is_cancelled() -> None:
    router = Router()
    with _talking(router, LOGIN) as connection:
        connection.sendall(wire.encode(["/ip/firewall/address-list/listen", ".tag=2"]))
        connection.sendall(wire.encode(["/system/identity/print", ".tag=1"]))
        _expect(
            connection,
            wire.encode(["!trap", "=category=0", "=message=no such command prefix", ".tag=1"])
            + wire.encode(["!done", ".tag=1"]),
        )
        id = router.entry("a", "10.0.0.9")
        router.command("", "/ip/firewall/address-list", "remove", {".id": id})
        reader, found = wire.Reader(replies=True), []
        while len(found) < 2:
            found += reader.feed(connection.recv(1000))
        assert found[0][0] == "!re"
        assert wire.attributes(found[0])["address"] == "10.0.0.9"
        assert found[1] == ("!re", f"=.id={id}", "=.dead=true", ".tag=2")
        connection.sendall(wire.encode(["/cancel", "=tag=2", ".tag=3"]))
        _expect(
            connection,
            wire.encode(["!trap", "=category=2", "=message=interrupted", ".tag=2"])
            + wire.encode(["!done", ".tag=2"])
            + wire.encode(["!done", ".tag=3"]),
        )


def test_from_7_18_on_an_empty_list_is_said_to_be_empty() -> None:
    printing = wire.encode(["/ip/firewall/address-list/print"])
    for version, expected in (("7.17.2", b"\x05!done\x00"), ("7.18", b"\x06!empty\x00\x05!done\x00")):
        with _talking(Router(version=version), LOGIN) as connection:
            connection.sendall(printing)
            _expect(connection, expected)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ((), "abc"),
        (("type=ether",), "a"),
        (("type=ether", "type=vlan", "#|"), "ab"),
        (("type=ether", "type=vlan", "#|!"), "c"),
        (("comment",), "ac"),
        (("-comment",), "b"),
        ((">comment=",), "a"),
        (("type=ether", "comment"), "a"),
        (("=type=bridge",), "c"),
        (("type=ether", "comment", "#1!&0"), "c"),
    ],
)
def test_queries_are_the_stack_of_the_manual(query: tuple[str, ...], found: str) -> None:
    rows = {
        "a": {"type": "ether", "comment": "uplink"},
        "b": {"type": "vlan"},
        "c": {"type": "bridge", "comment": ""},
    }
    assert "".join(name for name, row in rows.items() if matches(row, query)) == found
