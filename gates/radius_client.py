"""Ask NASes to end or change sessions: RFC 5176 over UDP, many at once, each sent again as it was."""

import ipaddress
import math
import secrets
import select
import socket
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from gates import radius_packet as packets
from gates.radius_packet import Attributes, Code, Packet

# What one NAS is asked at once: small ones drop what they cannot queue.
WINDOW = 32
_PARALLEL = 32
# How long one call begins new requests: a NAS that answers one in a while must not hold the others' answers.
LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Nas:
    """Where a NAS listens for RFC 5176 requests, and the secret shared with it."""

    host: str
    port: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """One request to one NAS."""

    nas: Nas
    code: Code
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a NAS said; without a packet, `words` say why there is none."""

    packet: Packet | None
    words: str = ""


@dataclass(slots=True)
class _Waiting:
    """A request under way: which question, its octets, when they go out again and how often they did."""

    place: int
    octets: bytes
    due: float
    sent: int = 1


def ask(questions: Sequence[Question], *, timeout_s: float, tries: int) -> list[Answer]:
    """Ask each question and return the answers in the same order; a silent NAS delays only its own.

    A request that goes out again is the same in every octet, so that the NAS can tell it is no second one
    (RFC 5176 2.3). An answer without valid proof of the secret counts as none. A NAS that answered nothing
    for as long as one request is worth is asked no more, and after LIMIT_S none is begun.
    """
    answers: list[Answer | None] = [None] * len(questions)
    by_nas: dict[Nas, list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        by_nas[question.nas].append(place)
    if not by_nas:
        return []

    def note(place: int, answer: Answer) -> None:
        answers[place] = answer

    def ask_nas(item: tuple[Nas, list[int]]) -> None:
        nas, places = item
        _Conversation(nas, timeout_s, tries, note).run((place, questions[place]) for place in places)

    with ThreadPoolExecutor(min(_PARALLEL, len(by_nas))) as pool:
        list(pool.map(ask_nas, by_nas.items()))
    return [answer or Answer(None, "it was not asked") for answer in answers]


class _Conversation:
    """One NAS, one socket, up to WINDOW requests at once, told apart by their identifier."""

    def __init__(self, nas: Nas, timeout_s: float, tries: int, note: Callable[[int, Answer], None]) -> None:
        self._nas, self._timeout_s, self._tries, self._note = nas, timeout_s, tries, note
        self._waiting: dict[int, _Waiting] = {}
        self._next = secrets.randbelow(256)
        self._heard_at = -math.inf
        self._refusal = ""

    def run(self, questions: Iterable[tuple[int, Question]]) -> None:
        """Ask them all; every place is noted when this returns."""
        left = deque(questions)
        until = time.monotonic() + LIMIT_S
        family = socket.AF_INET6 if ipaddress.ip_address(self._nas.host).version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            try:
                line.connect((self._nas.host, self._nas.port))
            except OSError as error:
                self._give_up(left, f"there is no way to it: {error.strerror}")
                return
            while left or self._waiting:
                if time.monotonic() > until:
                    self._give_up(left, "it is too slow: its turn did not come")
                while left and len(self._waiting) < WINDOW:
                    self._begin(line, *left.popleft())
                if self._waiting:
                    self._listen(line)
                if self._tend(line) and time.monotonic() - self._heard_at >= self._timeout_s * self._tries:
                    self._give_up(left, self._silence())

    def _begin(self, line: socket.socket, place: int, question: Question) -> None:
        """Send a question; one that no packet can carry is answered here and holds up no other."""
        while self._next in self._waiting:
            self._next = (self._next + 1) % 256
        identifier, self._next = self._next, (self._next + 1) % 256
        try:
            octets = packets.request(question.code, identifier, question.attributes, self._nas.secret)
        except packets.BadPacket as error:
            self._note(place, Answer(None, f"it cannot be asked: {error}"))
            return
        self._waiting[identifier] = _Waiting(place, octets, time.monotonic() + self._timeout_s)
        self._send(line, octets)

    def _send(self, line: socket.socket, octets: bytes) -> None:
        try:
            line.send(octets)
        except ConnectionRefusedError:
            self._refusal = "nothing listens on its port"
        except OSError as error:
            # A full queue or a lost route is a lost packet: the next try may pass.
            self._refusal = f"it cannot be sent to: {error.strerror}"

    def _listen(self, line: socket.socket) -> None:
        """Wait for the next answer or deadline, and take what came."""
        until = min(waiting.due for waiting in self._waiting.values())
        select.select([line], [], [], max(until - time.monotonic(), 0))
        for _ in range(2 * WINDOW):
            try:
                octets = line.recv(4096)
            except BlockingIOError:
                return
            except OSError:
                self._refusal = "nothing listens on its port"
                return
            self._take(octets)

    def _take(self, octets: bytes) -> None:
        waiting = self._waiting.get(octets[1]) if len(octets) > 1 else None
        if waiting is None:
            return
        try:
            packet = packets.check_answer(octets, waiting.octets, self._nas.secret)
        except packets.BadPacket as error:
            self._refusal = f"its answer was refused: {error}"
            return
        self._heard_at = time.monotonic()
        del self._waiting[packet.identifier]
        self._note(waiting.place, Answer(packet))

    def _tend(self, line: socket.socket) -> bool:
        """Send again what is overdue, give up what was sent often enough; return whether any was given up."""
        now = time.monotonic()
        has_given_up = False
        for identifier, waiting in list(self._waiting.items()):
            if waiting.due > now:
                continue
            if waiting.sent >= self._tries:
                del self._waiting[identifier]
                self._note(waiting.place, Answer(None, self._silence()))
                has_given_up = True
            else:
                waiting.sent += 1
                waiting.due = now + self._timeout_s
                self._send(line, waiting.octets)
        return has_given_up

    def _silence(self) -> str:
        return self._refusal or f"it did not answer in {self._timeout_s * self._tries:g} s"

    def _give_up(self, left: deque[tuple[int, Question]], words: str) -> None:
        while left:
            self._note(left.popleft()[0], Answer(None, words))
