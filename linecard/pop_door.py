"""`linecard pop door`: TLS in front of the broker, the one way by which the boxes of POPs come in.

It carries bytes and decides nothing: who may do what is the broker's to say (its users, tasks.pops). So it
refuses to open while the broker lets anybody in without a password.
"""

import asyncio
import contextlib
import signal
import ssl

from core import authority
from core.box import Place, place_of
from core.settings import Settings
from linecard.errors import StartError

_CHUNK = 64 * 1024
_MOST_LINES = 512
_CONNECT_S = 5.0
_HANDSHAKE_S = 10.0

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
    """Carries each connection to the broker and back."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._free = asyncio.Semaphore(_MOST_LINES)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        if self._free.locked():
            writer.close()
            return
        async with self._free:
            try:
                inner = await _reach(self._place)
            except (OSError, TimeoutError):
                writer.close()
                return
            ways = {
                asyncio.create_task(_pump(reader, inner[1])),
                asyncio.create_task(_pump(inner[0], writer)),
            }
            _, going = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in going:
                way.cancel()
            for end in (inner[1], writer):
                end.close()
                with contextlib.suppress(OSError, ssl.SSLError, asyncio.CancelledError):
                    await end.wait_closed()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()


async def _serve(place: Place, listen: str, context: ssl.SSLContext) -> None:
    await refuse_open_broker(place)
    host, _, port = listen.rpartition(":")
    door = Door(place)
    try:
        server = await asyncio.start_server(
            door.carry, host.strip("[]"), int(port), ssl=context, ssl_handshake_timeout=_HANDSHAKE_S
        )
    except OSError as error:
        raise StartError(f"{listen}: {error.strerror}") from error
    ends = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, ends.set)
    print(f"The door of the POPs is open on {listen}.", flush=True)
    async with server:
        await ends.wait()


def run(settings: Settings, queue_url: str) -> int:
    """Keep the door until SIGTERM; raises StartError."""
    if not settings.pops.address:
        raise StartError("Set pops.address in the settings: host:port as the boxes reach it.")
    host = settings.pops.address.rpartition(":")[0].strip("[]")
    context = authority.door_context(settings.data.folder / "pops", host)
    asyncio.run(_serve(place_of(queue_url)[0], settings.pops.listen, context))
    return 0
