"""FakeNas: a NAS on the loopback that ends its sessions when RFC 5176 asks it to; shipped for tests."""

import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from gates import radius_packet as packets
from gates.radius_packet import SESSION_NOT_FOUND, Code, Kind, Packet

_ANSWERS = {
    Code.DISCONNECT_REQUEST: (Code.DISCONNECT_ACK, Code.DISCONNECT_NAK),
    Code.COA_REQUEST: (Code.COA_ACK, Code.COA_NAK),
}


@dataclass
class FakeNas:
    """Has the `sessions` it is given (Acct-Session-Id) and listens while it is entered.

    It takes only what is signed with its secret. `deaf` is how often it does not hear one and the same
    request, `cause` refuses every session it has, `sign` builds the answer in another way. `heard` counts
    the requests by their octets, `ended` runs with each session that ends.
    """

    secret: bytes = b"secret"
    sessions: set[str] = field(default_factory=set)
    deaf: int = 0
    cause: int | None = None
    sign: Callable[[Code, bytes, packets.Attributes, bytes], bytes] = packets.answer
    ended: Callable[[Packet], None] = lambda packet: None
    heard: Counter[bytes] = field(default_factory=Counter)
    port: int = 0

    def __enter__(self) -> "FakeNas":
        """Begin to listen, on a port of its own."""
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._line.bind(("127.0.0.1", 0))
        self.port = self._line.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._line.close()

    def _serve(self) -> None:
        while True:
            octets, sender = self._line.recvfrom(4096)
            if not octets:
                return
            try:
                packet = packets.check_request(octets, self.secret)
            except packets.BadPacket:
                continue
            self.heard[octets] += 1
            if self.heard[octets] > self.deaf:
                self._line.sendto(self._answer(octets, packet), sender)

    def _answer(self, octets: bytes, packet: Packet) -> bytes:
        ack, nak = _ANSWERS[Code(packet.code)]
        session_id = (packet.first(Kind.ACCT_SESSION_ID) or b"").decode()
        cause = self.cause if session_id in self.sessions else SESSION_NOT_FOUND
        # The same request once more is answered as it was the first time (RFC 5080 2.2.2).
        if cause is not None and self.heard[octets] <= self.deaf + 1:
            return self.sign(nak, octets, [(Kind.ERROR_CAUSE, cause.to_bytes(4, "big"))], self.secret)
        if packet.code == Code.DISCONNECT_REQUEST and session_id in self.sessions:
            self.sessions.discard(session_id)
            self.ended(packet)
        return self.sign(ack, octets, [], self.secret)
