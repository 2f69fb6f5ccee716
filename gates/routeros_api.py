"""RouterOS by its binary API: many commands under way at once, told apart by their tags.

Manual: help.mikrotik.com/docs, "API". A session is one TCP or TLS connection; the services are called api
(8728) and api-ssl (8729).
"""

import contextlib
import hashlib
import socket
import ssl
from collections import deque
from collections.abc import Iterator, Sequence

from gates import routeros_wire as wire
from gates.contract import GateMisconfigured, GateUnreachable
from gates.routeros_door import Answer, Call, Patience, Row, no_login, refuse_forbidden

# The router answers in order of arrival; more than this under way gains nothing, and if neither side read,
# both would wait with full buffers for ever.
WINDOW = 64
_CHUNK = 1 << 16
MOST_ROWS = 500_000


class ApiDoor:
    """One session of the API; `limit_s` bounds the whole of it, `timeout_s` each silence."""

    def __init__(self, connection: socket.socket, where: str, *, timeout_s: float, limit_s: float) -> None:
        self.name = f"API {where}"
        self._socket = connection
        self._patience = Patience(self.name, timeout_s, limit_s)
        self._reader = wire.Reader(replies=True)
        self._ready: deque[wire.Sentence] = deque()
        self._user = ""
        self._tags = 0

    def login(self, user: str, password: str) -> None:
        """Log in; a router before 6.43 answers with a challenge. Raises GateError."""
        self._user = user
        answer = self._say("/login", f"=name={user}", f"=password={password}")
        challenge = wire.attributes(answer).get("ret", "")
        if challenge:
            answer = self._say("/login", f"=name={user}", f"=response={respond(password, challenge)}")
        if answer[0] == "!trap":
            raise no_login(user, wire.attributes(answer).get("message", "no reason given"))

    def run(self, calls: Sequence[Call]) -> list[Answer]:
        """Send the calls with a tag each, a window at a time, and sort the answers by their tags."""
        rows: list[list[Row]] = [[] for _ in calls]
        faults = [""] * len(calls)
        first, self._tags = self._tags, self._tags + len(calls)
        waiting = deque(enumerate(calls))
        under_way: set[int] = set()
        while waiting or under_way:
            if len(under_way) <= WINDOW // 2:  # refilled by halves: not a packet for every single command
                self._send(self._more(waiting, under_way, first))
            place, kind, words = self._reply(first, len(calls))
            if kind == "!re":
                if len(rows[place]) >= MOST_ROWS:
                    raise GateUnreachable(f"{self.name} lists more than {MOST_ROWS} entries")
                rows[place].append(wire.attributes(words))
            elif kind == "!trap":
                faults[place] = faults[place] or _complaint(words)
            elif kind == "!done":
                under_way.discard(place)
        answers = [Answer(tuple(found), fault) for found, fault in zip(rows, faults, strict=True)]
        refuse_forbidden(self._user, calls, answers)
        return answers

    def close(self) -> None:
        """Close the connection: the router ends the session by itself."""
        with contextlib.suppress(OSError):
            self._socket.close()

    @staticmethod
    def _more(waiting: deque[tuple[int, Call]], under_way: set[int], first: int) -> bytes:
        """Return the bytes of the next calls, as many as there is room for, and put them under way."""
        fresh = []
        while waiting and len(under_way) < WINDOW:
            place, call = waiting.popleft()
            under_way.add(place)
            fresh.append(wire.encode(sentence(call, str(first + place))))
        return b"".join(fresh)

    def _reply(self, first: int, count: int) -> tuple[int, str, wire.Sentence]:
        """Return the place of the call, the kind and the words of the next reply to one of our calls."""
        while True:
            words = self._next()
            tag = wire.tag_of(words)
            if tag.isdigit() and first <= int(tag) < first + count:
                return int(tag) - first, words[0], words
            if words[0] == "!trap":  # without a tag: the router could not even read what was said
                raise GateMisconfigured(f"{self.name} does not understand us: {_complaint(words)}")

    def _say(self, *words: str) -> wire.Sentence:
        """Say one thing before tags are of use; return the done or the first complaint."""
        self._send(wire.encode(words))
        complaint: wire.Sentence = ()
        while True:
            try:
                answer = self._next()
            except GateUnreachable:
                if complaint:  # it said why and hung up
                    return complaint
                raise
            if answer[0] == "!trap":
                complaint = complaint or answer
            if answer[0] == "!done":
                return complaint or answer

    def _next(self) -> wire.Sentence:
        while not self._ready:
            data = self._receive()
            try:
                self._ready.extend(self._reader.feed(data))
            except wire.WireError as error:
                raise GateMisconfigured(f"{self.name} is not a RouterOS API: {error}") from error
        words = self._ready.popleft()
        if words[0] == "!fatal":
            reason = " ".join(words[1:]) or "no reason given"
            raise GateUnreachable(f"{self.name} ended the session: {reason}")
        return words

    def _send(self, data: bytes) -> None:
        if data:
            with self._watched():
                self._socket.sendall(data)

    def _receive(self) -> bytes:
        with self._watched():
            data = self._socket.recv(_CHUNK)
        if not data:
            raise GateUnreachable(
                f"{self.name} closed the connection: is the router restarting, "
                "or is this machine not among the addresses of the service?"
            )
        return data

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        self._socket.settimeout(self._patience.next_s())
        try:
            yield
        except ssl.SSLError as error:
            raise GateUnreachable(f"{self.name}: {error.reason or error}") from error
        except OSError as error:
            raise self._patience.judge(error) from error


def _complaint(words: wire.Sentence) -> str:
    return wire.attributes(words).get("message", "the router gave no reason")


def sentence(call: Call, tag: str) -> list[str]:
    """Write a call as the words of a sentence."""
    words = [f"{call.menu}/{call.verb}", *wire.words_of(call.values)]
    if call.properties:
        words.append(f"=.proplist={','.join(call.properties)}")
    return [*words, *(f"?{word}" for word in call.query), f".tag={tag}"]


def respond(password: str, challenge: str) -> str:
    """Answer the challenge of a router before 6.43: 00, then the MD5 of a zero, the password and it."""
    try:
        given = bytes.fromhex(challenge)
    except ValueError as error:
        raise GateMisconfigured("the router's challenge at login is not hexadecimal") from error
    digest = hashlib.md5(b"\0" + password.encode() + given, usedforsecurity=False)
    return f"00{digest.hexdigest()}"
