"""One job with one agent as a machine without a socket: datagrams and the clock go in, datagrams come out.

A question may be sent several times, each time under an id of its own; the first answer to any of them
counts, once. What cannot count (garbage, foreign ids, foreign senders) is noted for the words of a failure.
"""

import contextlib
import secrets
from typing import Generic

from netdiag import errors
from netdiag.snmp import security
from netdiag.snmp.asking import Answer, Ask, OutOfTime, Result, Talk, Unheard
from netdiag.snmp.message import Garbage
from netdiag.snmp.target import SnmpTarget

_RESYNCS = 4
_NUMBERS_FROM, _NUMBERS = 0x01000000, 0x7F000000


class Conversation(Generic[Result]):
    """Drive a talk; `is_over` at the end, with `result` or `error`. `wake_at` says when to call `tick`."""

    def __init__(self, target: SnmpTarget, talk: Talk[Result], deadline: float) -> None:
        self.target = target
        self.wake_at = self.deadline = deadline
        self._is_over = False
        self.result: Result | None = None
        self.error: errors.WireError | None = None
        self.sent = 0
        self._talk = talk
        self._security = security.choose(target)
        self._open: dict[int, Ask] = {}
        self._past: dict[int, Ask] = {}
        self._ask: Ask | None = None
        self._resyncs = 0
        self._garbage = self._stranger = ""
        self._has_answered = self._is_probing = False

    @property
    def is_over(self) -> bool:
        """Return whether there is a result or an error."""
        return self._is_over

    def start(self, now: float) -> bytes | None:
        """Return the first datagram to send; None if there is nothing to ask."""
        return self._go_on(None, now)

    def hear(self, wire: bytes, now: float) -> bytes | None:
        """Take a datagram of the agent's; return the next one to send, None to wait on or at the end."""
        try:
            raw = self._security.unwrap(wire, self._open)
        except Garbage as fault:
            self._note(wire, str(fault))
            return None
        except security.Resync:
            return self._resync(now)
        except errors.SnmpFailed as fault:
            self.fail(fault)
            return None
        if raw.kind != "response":
            self._garbage = f"a {raw.kind} instead of a response"
            return None
        ask = self._open.get(raw.request_id)
        if ask is None:
            if raw.request_id not in self._past:
                self._garbage = "an answer to no question of ours"
            return None
        self._past, self._open = self._open, {}
        self._has_answered, self._resyncs, self._garbage = True, 0, ""
        return self._go_on((ask, raw), now)

    def tick(self, now: float) -> bytes | None:
        """Take note that it is late; return what to send then, None to wait on or at the end."""
        if now < self.wake_at or self.is_over:
            return None
        if now < self.deadline and not self._is_probing:
            return self._go_on(None, now)
        if self._is_probing:
            self.fail(self._silence())
            return None
        try:
            self._talk.throw(OutOfTime())
        except StopIteration as done:
            self._end(done.value)
        except Unheard:
            self.fail(self._silence())
        except errors.WireError as fault:
            self.fail(fault)
        else:
            self.fail(self._silence())
        return None

    def fail(self, error: errors.WireError) -> None:
        """End without a result."""
        self._is_over = True
        self.error = error
        self._talk.close()

    def knows(self, number: int) -> bool:
        """Return whether a request of this number waits for its answer."""
        return number in self._open

    def note_stranger(self, sender: str) -> None:
        """Remember that somebody else answered in the agent's place: refused, but worth a word."""
        self._stranger = sender

    def _note(self, wire: bytes, fault: str) -> None:
        """Remember what cannot count, unless it is only a second answer to what was answered already."""
        with contextlib.suppress(Garbage):
            if security.number_of(wire) in self._past:
                return
        self._garbage = fault

    def _end(self, result: Result) -> None:
        self._is_over = True
        self.result = result

    def _go_on(self, answer: Answer | None, now: float) -> bytes | None:
        try:
            self._ask = next(self._talk) if self._ask is None else self._talk.send(answer)
        except StopIteration as done:
            self._end(done.value)
            return None
        except Unheard:
            return self._give_up(now)
        except errors.WireError as fault:
            self.fail(fault)
            return None
        return self._send(now)

    def _send(self, now: float) -> bytes:
        assert self._ask is not None
        number = _NUMBERS_FROM + secrets.randbelow(_NUMBERS)
        self._open[number] = self._ask
        self._wait(now)
        return self._security.wrap(self._ask.pdu(number), number)

    def _wait(self, now: float) -> None:
        self.sent += 1
        self.wake_at = min(now + self.target.timeout_s, self.deadline)

    def _resync(self, now: float) -> bytes | None:
        if self._is_probing:
            self.fail(
                errors.SnmpDenied(
                    f"{self._where} answers SNMPv3, but not this user's encrypted requests: "
                    "the privacy key or protocol is wrong"
                )
            )
            return None
        self._resyncs += 1
        if self._resyncs > _RESYNCS:
            self.fail(errors.SnmpBroken(f"{self.target.host} keeps changing its SNMPv3 clock"))
            return None
        return self._send(now)

    def _give_up(self, now: float) -> bytes | None:
        """End in silence, but first tell a dead agent from one that drops what it cannot decrypt."""
        is_worth_it = self.target.priv_protocol and self._security.is_known and not self._has_answered
        if is_worth_it and not self._garbage:
            number = _NUMBERS_FROM + secrets.randbelow(_NUMBERS)
            hello = self._security.hello(number)
            if hello is not None:
                self._is_probing = True
                self._open = {number: Ask("get", [])}
                self._wait(now)
                return hello
        self.fail(self._silence())
        return None

    @property
    def _where(self) -> str:
        return f"{self.target.host}:{self.target.port}"

    def _silence(self) -> errors.SnmpFailed:
        if self._stranger:
            return errors.SnmpSilent(
                f"No answer from {self._where}, but {self._stranger} answered in its place"
            )
        if self._garbage:
            return errors.SnmpBroken(f"{self._where} answers, but not as SNMP should: {self._garbage}")
        if self._has_answered:
            return errors.SnmpSilent(f"{self._where} answered at first, but not to the end in time")
        if self.target.version == "3":
            return errors.SnmpSilent(f"No answer from {self._where} (SNMPv3)")
        return errors.SnmpSilent(
            f"No answer from {self._where}: silent, filtered, or the community is wrong "
            f"(SNMP v{self.target.version} cannot tell these apart)"
        )
