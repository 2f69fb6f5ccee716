"""A real SNMP agent on a UDP socket: serves a dictionary of OIDs by v1, v2c and v3, for labs and tests."""

import bisect
import collections
import dataclasses
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyasn1.codec.ber import encoder

from netdiag.snmp import ber, message, usm
from netdiag.snmp.ber import Encoded, Garbage, Missing
from netdiag.snmp.message import Pdu

Outcome = tuple[int, int, list[tuple[tuple[int, ...], Any]]]

_MOST_REPETITIONS = 100
_LARGEST_ANSWER = 1400
_WINDOW_S = 150
_NOT_WRITABLE = 17


@dataclasses.dataclass(slots=True)
class AgentState:
    """What the agent serves; change it while it runs."""

    values: dict[tuple[int, ...], Any]
    community: str = "public"
    write_community: str | None = None
    users: Mapping[str, usm.User] = dataclasses.field(default_factory=dict)
    writable: frozenset[tuple[int, ...]] = frozenset()
    engine_id: bytes = b""
    boots: int = 1
    contexts: Mapping[str, dict[tuple[int, ...], Any]] = dataclasses.field(default_factory=dict)


def typed(value: Any) -> ber.RawValue:
    """Return what BER can carry: our plain values as they are, pysnmp's typed ones encoded by pyasn1."""
    if value is None or isinstance(value, int | float | bytes | str | Missing):
        return value
    return Encoded(encoder.encode(value))


def _by_tuple(values: Mapping[str, Any]) -> dict[tuple[int, ...], Any]:
    return {message.oid_tuple(message.check_oid(oid)): value for oid, value in values.items()}


class Agent:
    """Serve `values` (dotted OID -> int, str, bytes, pysnmp value or a function that returns one).

    `address` is (host, port), port 0 for any free one. `writable` names the OIDs a SET may change, with
    `write_community` under v1/v2c and any user under v3. `contexts` are other values by the name of a context
    under v3; that of `vlan-20` is also served to the community with `@20` behind it, as Cisco does. Use it as
    a context manager, or start and stop.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        address: tuple[str, int] = ("127.0.0.1", 0),
        community: str = "public",
        write_community: str | None = None,
        users: Sequence[usm.User] = (),
        writable: Sequence[str] = (),
        latency_s: float = 0.0,
        contexts: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.state = AgentState(
            values=_by_tuple(values),
            contexts={name: _by_tuple(one) for name, one in (contexts or {}).items()},
            community=community,
            write_community=write_community,
            users={user.name: user for user in users},
            writable=frozenset(message.oid_tuple(message.check_oid(oid)) for oid in writable),
            engine_id=b"\x80\x00\x1f\x88\x80" + secrets.token_bytes(8),
        )
        self.latency_s = latency_s
        self.is_deaf = False
        self.requests = collections.Counter[str]()
        self._started_at = time.monotonic()
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="snmp-agent", daemon=True)
        self._context = ""
        self._orders: dict[str, list[tuple[int, ...]]] = {}

    @property
    def port(self) -> int:
        """Return the UDP port it listens on."""
        return int(self._socket.getsockname()[1])

    def start(self) -> "Agent":
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering and give the port back."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self._socket.close()

    def __enter__(self) -> "Agent":
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def set_value(self, oid: str, value: Any) -> None:
        """Change or add what is served under an OID."""
        self.state.values[message.oid_tuple(message.check_oid(oid))] = value

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                wire, sender = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            except OSError:
                return
            answer = None if self.is_deaf else self.answer(wire)
            if answer is None:
                continue
            if self.latency_s:
                self._stop.wait(self.latency_s)
            self._socket.sendto(answer, sender)

    def answer(self, wire: bytes) -> bytes | None:
        """Return the answer to one message, or None for silence."""
        try:
            if message.version_number(wire) == 3:
                return self._answer_user(usm.peek(wire))
            version, community, raw = message.decode_community(wire)
            request = message.read(raw)
        except Garbage:
            return None
        spoken, at, vlan = community.decode(errors="replace").partition("@")
        self._context = f"vlan-{vlan}" if at else ""
        if spoken not in {self.state.community, self.state.write_community} or self._values is None:
            return None
        may_write = community.decode() == self.state.write_community
        return self._fit(
            request,
            version,
            may_write,
            lambda made: message.encode_community(version, community, made),
        )

    def _answer_user(self, letter: usm.Letter) -> bytes | None:
        asked = letter.header
        user = self.state.users.get(asked.user)
        clock = int(time.monotonic() - self._started_at)
        fault = 0
        request = Pdu("other", 0)
        if asked.engine_id != self.state.engine_id:
            fault = usm.UNKNOWN_ENGINE
        elif user is None:
            fault = usm.UNKNOWN_USER
        elif asked.flags & 3 != user.flags:
            fault = usm.UNSUPPORTED_LEVEL
        else:
            try:
                request = message.read(usm.unseal(letter, user))
                self._context = usm.context_of(letter, user)
            except usm.WrongDigest:
                fault = usm.WRONG_DIGEST
            except usm.Undecipherable:
                fault = usm.CANNOT_DECRYPT
            is_late = abs(asked.time - clock) > _WINDOW_S or asked.boots != self.state.boots
            if not fault and asked.flags & usm.AUTH and is_late:
                fault = usm.NOT_IN_WINDOW
        flags = 0 if fault and fault != usm.NOT_IN_WINDOW else asked.flags & 3
        header = usm.Header(
            asked.message_id,
            flags & usm.AUTH if fault else flags,
            self.state.engine_id,
            self.state.boots,
            clock,
            asked.user,
        )
        if fault:
            report = Pdu("report", request.request_id, ((f"{usm.STATS}{fault}.0", 1),))
            return usm.seal(header, message.build(report), user)
        if self._values is None:
            return None
        return self._fit(request, "3", True, lambda made: usm.seal(header, made, user))

    @property
    def _values(self) -> dict[tuple[int, ...], Any] | None:
        """Return what is served in the context of the request at hand; None for a context there is not."""
        return self.state.contexts.get(self._context) if self._context else self.state.values

    def _fit(
        self, request: Pdu, version: str, may_write: bool, pack: Callable[[bytes], bytes]
    ) -> bytes | None:
        """Answer a request, with fewer bindings if a GETBULK would not fit a datagram."""
        self.requests[request.kind] += 1
        status, index, bindings = self.outcome(request, version, may_write)
        lines = [
            ber.binding(ber.oid_octets(".".join(map(str, oid))), typed(value)) for oid, value in bindings
        ]
        while True:
            packed = pack(message.encode("response", request.request_id, status, index, lines))
            if request.kind != "bulk" or len(packed) <= _LARGEST_ANSWER or len(lines) <= 1:
                return packed
            lines = lines[: max(1, len(lines) * _LARGEST_ANSWER // len(packed))]

    def outcome(self, request: Pdu, version: str, may_write: bool) -> Outcome:
        """Return error status, error index and bindings of the answer to a request."""
        oids = [message.oid_tuple(oid) for oid, _ in request.bindings]
        echo: list[tuple[tuple[int, ...], Any]] = [(oid, None) for oid in oids]
        if request.kind == "set":
            for position, (oid, (_, value)) in enumerate(zip(oids, request.bindings, strict=True), 1):
                if not may_write or oid not in self.state.writable:
                    return (message.NO_SUCH_NAME if version == "1" else _NOT_WRITABLE), position, echo
                self.state.values[oid] = value
            return 0, 0, [(oid, self._value(oid)) for oid in oids]
        if request.kind == "get":
            found = [(oid, self._visible(oid, version)) for oid in oids]
        elif request.kind in {"next", "bulk"}:
            found = self._following(oids, min(max(request.max_repetitions, 1), _MOST_REPETITIONS), version)
        else:
            return 5, 0, echo
        if version == "1":
            for position, (_, value) in enumerate(found, 1):
                if value is Missing.INSTANCE or value is Missing.END:
                    return message.NO_SUCH_NAME, position, echo
        return 0, 0, found

    def _following(
        self, oids: list[tuple[int, ...]], repetitions: int, version: str
    ) -> list[tuple[Any, Any]]:
        values = self._values or {}
        order = self._orders.get(self._context, [])
        if len(order) != len(values):
            order = self._orders[self._context] = sorted(values)
        found: list[tuple[Any, Any]] = []
        cursors = list(oids)
        for _ in range(repetitions):
            for position, cursor in enumerate(cursors):
                place = bisect.bisect_right(order, cursor)
                while place < len(order) and self._visible(order[place], version) is Missing.INSTANCE:
                    place += 1
                if place < len(order):
                    cursors[position] = order[place]
                    found.append((order[place], self._value(order[place])))
                else:
                    found.append((cursor, Missing.END))
        return found

    def _visible(self, oid: tuple[int, ...], version: str) -> Any:
        """Return a value unless this version cannot carry it: v1 has no Counter64 (RFC 3584)."""
        value = self._value(oid)
        carried = typed(value)
        is_hidden = version == "1" and isinstance(carried, Encoded) and carried[0] == ber.COUNTER64
        return Missing.INSTANCE if is_hidden else value

    def _value(self, oid: tuple[int, ...]) -> Any:
        values = self._values
        if not values or oid not in values:
            return Missing.INSTANCE
        value = values[oid]
        return value() if callable(value) and not hasattr(value, "tagSet") else value
