"""The door of the POPs under a flood: over real sockets and TLS, with the real broker behind it."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
from structlog.testing import capture_logs

from core import authority
from core.box import place_of
from core.settings import Pops
from linecard import pop_door
from tasks import box
from tests import pop_broker
from tests.pop_broker import Broker

Opens = Callable[..., AbstractContextManager[int]]


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with pop_broker.running() as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority")


@pytest.fixture
def opened(broker: Broker, folder: Path) -> Opens:
    @contextmanager
    def opens(**limits: int) -> Iterator[int]:
        """Keep a door of these limits beside the block; gives its port."""
        context = authority.door_context(folder, "localhost")
        door = pop_door.Door(place_of(broker.url)[0], context, Pops(**limits))
        loop = asyncio.new_event_loop()
        with pop_door.listening("127.0.0.1:0") as sockets:
            keeping = loop.create_task(door.keep(sockets))

            def keep() -> None:
                with contextlib.suppress(asyncio.CancelledError):
                    loop.run_until_complete(keeping)

            thread = threading.Thread(target=keep)
            thread.start()
            try:
                yield sockets[0].getsockname()[1]
            finally:
                loop.call_soon_threadsafe(keeping.cancel)
                thread.join(10)
                loop.close()
        assert len(door.guests) == 0

    return opens


def silent(stack: ExitStack, port: int, address: str, count: int) -> list[socket.socket]:
    made = [
        stack.enter_context(socket.create_connection(("127.0.0.1", port), 5, (address, 0)))
        for _ in range(count)
    ]
    for one in made:
        one.settimeout(5)
    return made


def client(folder: Path, port: int, password: str = pop_broker.PASSWORD) -> "redis.Redis":
    return box.connect(f"localhost:{port}", 3, "default", password, authority.certificate(folder))


@pytest.mark.parametrize("flood", ["127.0.0.2", "127.0.0.1"])
def test_a_flood_of_silent_connections_keeps_no_box_out_not_even_from_its_own_address(
    opened: Opens, folder: Path, flood: str
) -> None:
    with (
        capture_logs() as said,
        opened(connections=40, connections_per_address=20, strangers=10, hello_s=60) as port,
        ExitStack() as stack,
    ):
        before = stack.enter_context(client(folder, port))
        assert before.ping()
        flooding = silent(stack, port, flood, 150)
        with client(folder, port) as newcomer:
            assert newcomer.ping()
        assert flooding[0].recv(1) == b""
        # Whom the broker knows stays, on the very connection.
        assert before.client_id() == before.client_id()
    told = [one for one in said if one["event"] == "pop_door_sent_a_stranger_away"]
    assert (told[0]["address"], told[0]["limit"]) == (flood, "pops.strangers")
    assert len(told) < 4
    assert "pop_door_failed" not in {one["event"] for one in said}


def test_who_says_nothing_or_is_not_let_in_is_shown_out_in_time(opened: Opens, folder: Path) -> None:
    with capture_logs() as said, opened(hello_s=1) as port, ExitStack() as stack:
        (mute,) = silent(stack, port, "127.0.0.2", 1)
        (plain,) = silent(stack, port, "127.0.0.3", 1)
        context = ssl.create_default_context(cadata=authority.certificate(folder))
        wrapped = stack.enter_context(context.wrap_socket(plain, server_hostname="localhost"))
        wrapped.sendall(b"AUTH wrong\r\nPING\r\nRESET\r\n")
        kept = stack.enter_context(client(folder, port))
        mine = kept.client_id()
        assert mute.recv(1) == b""
        with contextlib.suppress(ConnectionResetError, ssl.SSLError):
            while wrapped.recv(100):
                pass
        assert kept.client_id() == mine
    told = {(one["event"], one["address"]) for one in said}
    assert told == {("pop_door_heard_no_hello", "127.0.0.2"), ("pop_door_heard_no_hello", "127.0.0.3")}


def test_one_address_has_its_bound_of_boxes_too_and_leaves_the_others_their_room(
    opened: Opens, folder: Path
) -> None:
    context = ssl.create_default_context(cadata=authority.certificate(folder))
    with capture_logs() as said, opened(connections_per_address=2) as port, ExitStack() as stack:

        def let_in(address: str) -> None:
            (plain,) = silent(stack, port, address, 1)
            line = stack.enter_context(context.wrap_socket(plain, server_hostname="localhost"))
            line.sendall(f"AUTH {pop_broker.PASSWORD}\r\n".encode())
            assert line.recv(100) == b"+OK\r\n"

        for address in ("127.0.0.1", "127.0.0.1", "127.0.0.2"):
            let_in(address)
        (third,) = silent(stack, port, "127.0.0.1", 1)
        with contextlib.suppress(ConnectionResetError):
            assert third.recv(1) == b""
    assert [(one["event"], one["address"], one["limit"]) for one in said] == [
        ("pop_door_is_full", "127.0.0.1", "pops.connections_per_address")
    ]
