"""Many fast SNMP agents on loopback: `python bench/net/agent_farm.py AGENTS [PORTS] [SILENT_PER_CENT]`.

Each agent has an address of its own in 127.20.0.0/16, port 16100, and serves the system group and PORTS rows
of ifTable by v1, v2c (community public) and v3 (user noc, SHA, AES). Agents are equal, so the answer to a
request is made once and kept under the request without its id: what remains per datagram is two system calls,
and the client is what is measured. Prints "ready" when it answers, ends when its standard input does.
"""

import bisect
import contextlib
import select
import socket
import sys
import time

from netdiag.snmp import SnmpTarget, ber, message, usm
from netdiag.snmp.ber import Encoded, Garbage, Missing

PORT = 16100
COLUMNS = (2, 5, 7, 8, 10, 14, 16)
COLUMN_OIDS = tuple(f"1.3.6.1.2.1.2.2.1.{column}" for column in COLUMNS)
SYSTEM_OIDS = tuple(f"1.3.6.1.2.1.1.{number}.0" for number in range(1, 7))
USER = usm.User("noc", "SHA", "noc-auth-key", "AES", "noc-priv-key")
_BUFFER = 4 * 1024 * 1024
_MOST_REPETITIONS = 500


def address(number: int) -> str:
    return f"127.20.{number // 250}.{number % 250 + 1}"


def is_silent(number: int, per_cent: int) -> bool:
    return number % 100 < per_cent


def target(number: int, version: str) -> SnmpTarget:
    secrets = {
        "user": USER.name,
        "auth_protocol": USER.auth_protocol,
        "auth_key": USER.auth_key,
        "priv_protocol": USER.priv_protocol,
        "priv_key": USER.priv_key,
    }
    return SnmpTarget(address(number), PORT, version, **(secrets if version == "3" else {}))


def values(ports: int) -> dict[str, ber.RawValue]:
    def number(tag: int, value: int) -> Encoded:
        return Encoded(ber.integer(value, tag))

    found: dict[str, ber.RawValue] = {
        "1.3.6.1.2.1.1.1.0": "A switch of the bench with some ports and no fan",
        "1.3.6.1.2.1.1.2.0": Encoded(ber.wrap(ber.OID, ber.oid_octets("1.3.6.1.4.1.99999.1"))),
        "1.3.6.1.2.1.1.3.0": number(ber.TIME_TICKS, 360_000),
        "1.3.6.1.2.1.1.4.0": "noc@isp.example",
        "1.3.6.1.2.1.1.5.0": "sw-bench",
        "1.3.6.1.2.1.1.6.0": "attic",
        "1.3.6.1.6.3.1.1.6.1.0": 1,
    }
    makers = {
        2: lambda port: f"GigabitEthernet1/0/{port}",
        5: lambda port: number(ber.GAUGE32, 1_000_000_000),
        7: lambda port: 1,
        8: lambda port: 1 + port % 2,
        10: lambda port: number(ber.COUNTER32, 123_456_789 + port),
        14: lambda port: number(ber.COUNTER32, port),
        16: lambda port: number(ber.COUNTER32, 3_123_456_789 + port),
    }
    for column, make in makers.items():
        for port in range(1, ports + 1):
            found[f"1.3.6.1.2.1.2.2.1.{column}.{port}"] = make(port)
    return found


class Answers:
    """Answers to requests, made once."""

    def __init__(self, ports: int) -> None:
        served = {message.oid_tuple(oid): value for oid, value in values(ports).items()}
        self._order = sorted(served)
        self._lines = [
            ber.binding(ber.oid_octets(".".join(map(str, oid))), served[oid]) for oid in self._order
        ]
        self._kept: dict[bytes, tuple[bytes, bytes]] = {}

    def whole(self, wire: bytes) -> bytes:
        """Return the answer to a v1 or v2c message."""
        _tag, at, _stop = ber.head(wire, 0)
        _version, at = ber.read_integer(wire, at)
        _community, at = ber.read_octets(wire, at)
        return self._with_id(wire, at, lambda pdu: ber.wrap(ber.SEQUENCE, wire[_head(wire) : at] + pdu))

    def scoped(self, plain: bytes) -> bytes:
        """Return the answering PDU to a v3 message's decrypted inside."""
        _tag, at, _stop = ber.head(plain, 0)
        _engine, at = ber.read_octets(plain, at)
        _context, at = ber.read_octets(plain, at)
        return self._with_id(plain, at, lambda pdu: pdu)

    def _with_id(self, data: bytes, at: int, wrap) -> bytes:
        """Answer the PDU at `at`; kept is what stands before and behind the request id."""
        _tag, start, _stop = ber.head(data, at)
        _id, stop = ber.read_integer(data, start)
        request_id = data[start:stop]
        key = data[:start] + data[stop:]
        kept = self._kept.get(key)
        if kept is None:
            raw = message.decode(data, at)
            whole = wrap(self._pdu(raw, request_id))
            place = whole.index(request_id)
            kept = self._kept[key] = whole[:place], whole[place + len(request_id) :]
        return kept[0] + request_id + kept[1]

    def _pdu(self, raw: message.Raw, request_id: bytes) -> bytes:
        oids = [message.oid_tuple(ber.oid_text(oid)) for oid, _ in raw.bindings]
        if raw.kind == "get":
            lines = [self._exact(oid) for oid in oids]
        else:
            fixed = min(raw.second, len(oids)) if raw.kind == "bulk" else 0
            times = min(raw.third, _MOST_REPETITIONS) if raw.kind == "bulk" else 1
            lines = [self._next(oid)[1] for oid in oids[:fixed]]
            cursors = oids[fixed:]
            for _ in range(times):
                found = [self._next(oid) for oid in cursors]
                cursors = [oid for oid, _ in found]
                lines += [line for _, line in found]
        content = request_id + b"\x02\x01\x00\x02\x01\x00" + ber.wrap(ber.SEQUENCE, b"".join(lines))
        return ber.wrap(0xA2, content)

    def _exact(self, oid: tuple[int, ...]) -> bytes:
        place = bisect.bisect_left(self._order, oid)
        if place < len(self._order) and self._order[place] == oid:
            return self._lines[place]
        return ber.binding(ber.oid_octets(".".join(map(str, oid))), Missing.INSTANCE)

    def _next(self, oid: tuple[int, ...]) -> tuple[tuple[int, ...], bytes]:
        place = bisect.bisect_right(self._order, oid)
        if place < len(self._order):
            return self._order[place], self._lines[place]
        return oid, ber.binding(ber.oid_octets(".".join(map(str, oid))), Missing.END)


def _head(wire: bytes) -> int:
    return ber.head(wire, 0)[1]


def answer_user(wire: bytes, answers: Answers, engine_id: bytes, clock: int) -> bytes:
    """Answer a v3 message as RFC 3414 wants it; who is wrong about the engine or the time is told so."""
    letter = usm.peek(wire)
    asked = letter.header
    fault = 0
    if asked.engine_id != engine_id:
        fault = usm.UNKNOWN_ENGINE
    elif asked.flags & usm.AUTH and (asked.boots != 1 or abs(asked.time - clock) > 150):
        fault = usm.NOT_IN_WINDOW
    if fault or not asked.flags & usm.AUTH:
        header = usm.Header(asked.message_id, 0, engine_id, 1, clock, asked.user)
        stat = ber.binding(ber.oid_octets(f"{usm.STATS}{fault or usm.UNSUPPORTED_LEVEL}.0"), 1)
        return usm.seal(header, message.encode("report", 0, 0, 0, [stat]), None)
    header = usm.Header(asked.message_id, asked.flags & 3, engine_id, 1, clock, asked.user)
    return usm.seal(header, answers.scoped(usm.opened(letter, USER)), USER)


def serve(agents: int, ports: int, silent_per_cent: int) -> None:
    answers, started = Answers(ports), time.monotonic()
    poll, sockets = select.epoll(), {}
    for number in range(agents):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((address(number), PORT))
        sock.setblocking(False)
        if is_silent(number, silent_per_cent):
            sockets[-1 - number] = sock, b""
            continue
        poll.register(sock.fileno(), select.EPOLLIN)
        sockets[sock.fileno()] = sock, b"\x80\x00\x1f\x88\x80bench" + number.to_bytes(4, "big")
    poll.register(sys.stdin.fileno(), select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for fileno, _event in poll.poll():
            if fileno == sys.stdin.fileno():
                return
            sock, engine_id = sockets[fileno]
            with contextlib.suppress(BlockingIOError, Garbage, usm.WrongDigest, usm.Undecipherable):
                wire, sender = sock.recvfrom(65536)
                if message.version_number(wire) == 3:
                    clock = int(time.monotonic() - started)
                    sock.sendto(answer_user(wire, answers, engine_id, clock), sender)
                else:
                    sock.sendto(answers.whole(wire), sender)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    serve(numbers[0], numbers[1] if len(numbers) > 1 else 48, numbers[2] if len(numbers) > 2 else 0)
