"""`linecard pop door`: TLS in front of the broker, the one way by which the boxes of POPs come in.

It carries bytes and decides nothing: who may do what is the broker's to say (its users, tasks.pops). So it
refuses to open while the broker lets anybody in without a password. Only whom the broker lets in may stay.
"""

import asyncio
import contextlib
import resource
import signal
import socket
import ssl
from collections.abc import Callable, Iterator

import structlog

from core import authority, logs
from core.box import Place, place_of
from core.settings import Pops, Settings
from linecard.errors import StartError
from linecard.pop_guests import Guest, Guests, source

log = structlog.get_logger()

_CHUNK = 64 * 1024
_CONNECT_S = 5.0
_GOODBYE_S = 1.0
_FULL_PAUSE_S = 0.2
_TELL_S = 60.0
_SPARE_FILES = 64
# How the broker answers who gave the right password (AUTH, HELLO 2, HELLO 3); others get an error, or +RESET.
_WELCOMES = (b"+OK", b"*", b"%")

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _reach(place: Place) -> Streams:
    if isinstance(place, str):
        return await asyncio.wait_for(asyncio.open_unix_connection(place), _CONNECT_S)
    return await asyncio.wait_for(asyncio.open_connection(*place), _CONNECT_S)


async def refuse_open_broker(place: Place) -> None:
    """Raise StartError unless the broker wants a password of everybody."""
    try:
        reader, writer = await _reach(place)
        writer.write(b"PING\r\n")
        said = await asyncio.wait_for(reader.readline(), _CONNECT_S)
        writer.close()
    except (OSError, TimeoutError) as error:
        raise StartError(f"The broker does not answer: {error or 'it is silent'}") from error
    if not said.startswith(b"-NOAUTH"):
        raise StartError(
            "The broker lets everybody in without a password: set requirepass there and the password in "
            "data.queue_url before a door is opened to it."
        )


class Door:
    """Takes connections, counts them, and carries each to the broker and back."""

    def __init__(self, place: Place, context: ssl.SSLContext, limits: Pops) -> None:
        self._place, self._context, self._limits = place, context, limits
        self.guests = Guests(limits)
        self._carried: set[asyncio.Task[None]] = set()

    async def keep(self, listening: list[socket.socket]) -> None:
        """Take connections until cancelled; ends those that are open then."""
        ways = [asyncio.create_task(self._take(one)) for one in listening]
        ways.append(asyncio.create_task(self._tell()))
        try:
            await asyncio.gather(*ways)
        finally:
            for task in (*ways, *self._carried):
                task.cancel()
            await asyncio.gather(*ways, *self._carried, return_exceptions=True)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_TELL_S)
            self.guests.complaints.tell()

    async def _take(self, listening: socket.socket) -> None:
        """Take connections before any TLS: those that never begin it count, too."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                line, peer = await loop.sock_accept(listening)
            except OSError as error:
                self.guests.complaints.note("pop_door_cannot_accept", "all", error=str(error))
                await asyncio.sleep(_FULL_PAUSE_S)
                continue
            self._let_in(line, source(peer))
            await asyncio.sleep(0)  # whoever floods has no turn more than those already in

    def _let_in(self, line: socket.socket, address: str) -> None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        guest = Guest(address)
        if not self.guests.enter(guest):
            line.close()
            return
        task = asyncio.create_task(self._carry(guest, line))
        guest.end = task.cancel
        self._carried.add(task)

        def over(_task: asyncio.Task[None]) -> None:
            # Here, for a task that is cancelled before its first step never comes to an end of its own.
            self._carried.discard(task)
            self.guests.leave(guest)
            line.close()
            if not task.cancelled() and (fault := task.exception()):
                log.error("pop_door_failed", address=address, exc_info=fault)

        task.add_done_callback(over)

    async def _carry(self, guest: Guest, line: socket.socket) -> None:
        """Carry one connection until either side ends it, or the broker has not let it in for too long."""
        with contextlib.ExitStack() as ends, contextlib.suppress(OSError, ssl.SSLError):
            try:
                async with asyncio.timeout(self._limits.hello_s) as patience:
                    outer = await self._encrypted(line)
                    ends.callback(_drop, outer[1])
                    inner = await self._broker()
                    ends.callback(inner[1].transport.abort)

                    def welcome() -> None:
                        patience.reschedule(None)
                        self.guests.know(guest)

                    await _exchange(outer, inner, welcome)
            except TimeoutError:
                self.guests.complaints.note(
                    "pop_door_heard_no_hello", guest.address, within_s=self._limits.hello_s
                )

    async def _encrypted(self, line: socket.socket) -> Streams:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(_CHUNK)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            socket.socket(fileno=line.detach()),  # from here on it is the transport's to close
            ssl=self._context,
            ssl_handshake_timeout=self._limits.hello_s + _GOODBYE_S,
            ssl_shutdown_timeout=_GOODBYE_S,
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _broker(self) -> Streams:
        try:
            return await _reach(self._place)
        except OSError as error:
            words = str(error) or "it is silent"
            self.guests.complaints.note("pop_door_cannot_reach_the_broker", "all", error=words)
            raise ConnectionError(words) from error


async def _exchange(outer: Streams, inner: Streams, welcome: Callable[[], None]) -> None:
    """Carry both ways until one side ends; `welcome` is called when the broker lets the guest in."""
    ways = {
        asyncio.create_task(_pump(outer[0], inner[1])),
        asyncio.create_task(_pump(inner[0], outer[1], welcome)),
    }
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
    for end in (inner[1], outer[1]):
        end.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(end.wait_closed(), 2 * _GOODBYE_S)


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, welcome: Callable[[], None] | None = None
) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while chunk := await reader.read(_CHUNK):
            if welcome and chunk.startswith(_WELCOMES):
                welcome()
                welcome = None
            writer.write(chunk)
            await writer.drain()


def _drop(writer: asyncio.StreamWriter) -> None:
    # A closed TLS transport may fail when it is aborted (Python 3.11); it ends within a second.
    if not writer.transport.is_closing():
        writer.transport.abort()


@contextlib.contextmanager
def listening(listen: str) -> Iterator[list[socket.socket]]:
    """Listen at host:port on every address the host has; raises StartError."""
    host, _, port = listen.rpartition(":")
    with contextlib.ExitStack() as stack:
        try:
            found = socket.getaddrinfo(
                host.strip("[]") or None, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            made = [
                stack.enter_context(socket.create_server(address[:2], family=family, backlog=512))
                for family, _, _, _, address in found
            ]
        except OSError as error:
            raise StartError(f"{listen}: {error.strerror}") from error
        for one in made:
            one.setblocking(False)
        yield made


def _have_files(connections: int) -> None:
    """Let this process open two files for each connection, as far as it may."""
    wanted = 2 * connections + _SPARE_FILES
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now < wanted and now != resource.RLIM_INFINITY:
        may = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (may, most))


async def _serve(place: Place, context: ssl.SSLContext, limits: Pops) -> None:
    await refuse_open_broker(place)
    with listening(limits.listen) as sockets:
        door = asyncio.create_task(Door(place, context, limits).keep(sockets))
        for one in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(one, door.cancel)
        print(f"The door of the POPs is open on {limits.listen}.", flush=True)
        with contextlib.suppress(asyncio.CancelledError):
            await door


def run(settings: Settings, queue_url: str) -> int:
    """Keep the door until SIGTERM; raises StartError."""
    if not settings.pops.address:
        raise StartError("Set pops.address in the settings: host:port as the boxes reach it.")
    logs.set_up(settings.logs.level, is_json=settings.logs.is_json)
    _have_files(settings.pops.connections)
    host = settings.pops.address.rpartition(":")[0].strip("[]")
    context = authority.door_context(settings.data.folder / "pops", host)
    asyncio.run(_serve(place_of(queue_url)[0], context, settings.pops))
    return 0
