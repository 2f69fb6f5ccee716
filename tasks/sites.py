"""Where the functions of tasks.hands are done: here, or by the box that stands in a POP."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, Protocol, TypeVar, cast

import redis
import structlog
from sqlalchemy.orm import Session

from core import clock, errors, sealing
from core.errors import LinecardError
from core.words import N_
from registry import diagnostics, pop_boxes
from registry.pop_boxes import Keys
from tasks import calls, freshness, hands, packing
from tasks.calls import Names
from tasks.runtime import Runtime

log = structlog.get_logger()

P = ParamSpec("P")
R = TypeVar("R")

_LOOK_S = 0.25
_RENEW_S = 4.0
_END_S = 3.0


class PopSilent(errors.Unavailable):
    """No worker of a POP took a job in time."""


class NobodyThere(errors.Unavailable):
    """What only a worker of a POP can do has to wait: there is none."""


class Elsewhere(errors.Unavailable):
    """What only a worker of a POP can do is asked of another one, while its own is at work."""


class Site(Protocol):
    """A place from which packets are sent; `pop` is its code, empty for the machine this runs on."""

    pop: str

    def ask(self, do: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Have it done and return the answer; raises what the function raises, and Unavailable."""
        ...

    def follow(self, do: Callable[P, Iterator[R]], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        """Have it done and yield the parts of the answer as they come."""
        ...

    def meet(self) -> None:
        """Make sure that somebody is there to take jobs; raises PopSilent."""
        ...


class Here:
    """This machine."""

    pop = ""

    def ask(self, do: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it."""
        return do(*args, **kwargs)

    def follow(self, do: Callable[P, Iterator[R]], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        """Do it."""
        return do(*args, **kwargs)

    def meet(self) -> None:
        """Somebody is here."""


HERE = Here()


def at(runtime: Runtime, pop: str | None, *, is_only_there: bool = False) -> Site:
    """Return from where to ask at a POP: from its box, where one has joined; else from here.

    What `is_only_there` is never asked from another place: raises NobodyThere or Elsewhere instead.
    """
    if pop is None or pop == runtime.settings.diagnostics.pop:
        return HERE
    with runtime.database.reading() as session:
        keys = pop_boxes.keys_of(session, runtime.ring, pop)
        if keys is None and is_only_there:
            raise _not_here(session, pop)
    return There(runtime, keys) if keys is not None else HERE


def _not_here(session: Session, pop: str) -> errors.Unavailable:
    if any(worker["pop"] == pop and worker["is_alive"] for worker in diagnostics.workers(session)):
        return Elsewhere(N_("The worker of POP %(pop)s tells its gateway itself", pop=pop))
    return NobodyThere(
        N_(
            "No worker of POP %(pop)s is there to tell its gateway, and nobody else can: see that its box or "
            "worker runs (Setup, POPs)",
            pop=pop,
        )
    )


class There:
    """The box of a POP, reached through the broker. Calls travel sealed to its key, answers to ours."""

    def __init__(self, runtime: Runtime, keys: Keys) -> None:
        self.pop = keys.pop
        self._runtime, self._keys, self._names = runtime, keys, Names(keys.pop)
        self._own_public = sealing.public_of(keys.own)
        self._taken_s = runtime.settings.pops.taken_s

    def ask(self, do: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Have it done there; raises also Unavailable, PopSilent."""
        for part in self._said(do, args, kwargs):
            return cast("R", part)
        raise errors.Unavailable(self._broken())

    def follow(self, do: Callable[P, Iterator[R]], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        """Have it done there, and yield each part; ends early when `should_stop` says so."""
        return cast("Iterator[R]", self._said(do, args, kwargs))

    def meet(self) -> None:
        """Have the box say that it is there; raises PopSilent."""
        self.ask(hands.here)

    def _said(self, do: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Any]:
        hand = hands.HANDS[hands.name_of(do)]
        should_stop = kwargs.pop("should_stop", None)
        packed, mark = packing.pack_call(do, args, kwargs), ""
        try:
            if self._runtime.redis.llen(self._names.queue(hand.queue)) >= calls.MOST_WAITING:
                raise self._silent()
            for is_again in (False, True):
                mark = self._mark(mark)
                try:
                    yield from self._tried(hand, packed, mark, should_stop)
                    return
                except freshness.Stale:
                    # The box began anew between its sign of life and this call: it has done nothing of it.
                    if is_again:
                        raise
        except redis.RedisError as error:
            raise errors.Unavailable("The job queue does not answer; try again in a moment") from error

    def _tried(
        self, hand: hands.Hand, packed: bytes, mark: str, should_stop: Callable[[], bool] | None
    ) -> Iterator[Any]:
        call = secrets.token_hex(16)
        try:
            self._send(hand, call, packed, mark)
            yield from self._answer(hand, call, should_stop)
        finally:
            self._forget(call)

    def _mark(self, but: str) -> str:
        """Return the mark of the box's last sign of life, another than `but`; raises PopSilent."""
        until = time.monotonic() + self._taken_s
        while True:
            letter = self._runtime.redis.get(self._names.of("beat"))
            mark = self._mark_in(_text(letter)) if letter is not None else ""
            if mark not in ("", but):
                return mark
            if time.monotonic() > until:
                raise self._silent()
            time.sleep(_LOOK_S)

    def _mark_in(self, letter: str) -> str:
        """Return the mark in a sign of life; empty when it is another box's, or the last one."""
        about = calls.about_beat(self.pop)
        try:
            told = json.loads(sealing.unseal(letter, of=self._keys.public, by=self._keys.own, about=about))
        except (errors.Invalid, ValueError):
            return ""
        return "" if told.get("is_leaving") else str(told.get("mark") or "")

    def _send(self, hand: hands.Hand, call: str, packed: bytes, mark: str) -> None:
        client, names, name = self._runtime.redis, self._names, hands.name_of(hand.do)
        queue = names.queue(hand.queue)
        within_s = calls.BEAT_KEEP_S + self._taken_s + 2
        about = calls.about_call(call, name, mark, within_s)
        letter = sealing.seal(packed, to=self._keys.public, by=self._keys.own, about=about)
        told = {"hand": name, "mark": mark, "within_s": within_s, "letter": letter}
        with client.pipeline(transaction=False) as pipe:
            pipe.set(names.of("want", call), "1", ex=calls.WANT_S + self._taken_s)
            pipe.set(names.of("call", call), json.dumps(told), ex=self._taken_s + 2)
            pipe.rpush(queue, call)
            # When nobody takes any more, what waits goes away by itself.
            pipe.expire(queue, 2 * self._taken_s + 5)
            pipe.execute()

    def _answer(self, hand: hands.Hand, call: str, should_stop: Callable[[], bool] | None) -> Iterator[Any]:
        patience = _Patience(self._taken_s, hand.silent_s)
        number, cursor = 0, "0-0"
        while True:
            for mark, fields in self._next(call, cursor):
                cursor = mark
                patience.heard()
                if fields["kind"] == calls.TAKEN:
                    continue
                packed = self._opened(call, number, fields["letter"])
                number += 1
                if fields["kind"] == calls.END:
                    return
                if fields["kind"] == calls.FAULT:
                    raise self._fault(packed)
                yield packing.unpack_answer(hand.do, packed)
            if patience.is_untaken and self._is_left(hand, call):
                raise self._silent()
            if patience.is_over:
                if patience.is_stopped:
                    return
                raise errors.Unavailable(self._broken())
            self._keep_wanted(call, patience, should_stop)

    def _keep_wanted(self, call: str, patience: "_Patience", should_stop: Callable[[], bool] | None) -> None:
        """Go on saying that somebody waits, or no longer."""
        key = self._names.of("want", call)
        if patience.is_stopped:
            return
        if should_stop is not None and should_stop():
            self._runtime.redis.delete(key)
            patience.stop()
        elif patience.is_to_renew():
            self._runtime.redis.set(key, "1", ex=calls.WANT_S)
            if patience.is_heard and not self._runtime.redis.exists(self._names.of("beat")):
                raise errors.Unavailable(self._broken())

    def _next(self, call: str, cursor: str) -> list[tuple[str, dict[str, str]]]:
        """Return what was said after the cursor, waiting a moment for it."""
        key = self._names.of("said", call)
        answer: Any = self._runtime.redis.xread({key: cursor}, block=int(_LOOK_S * 1000))
        batches = list(answer.values()) if isinstance(answer, dict) else [rows for _, rows in answer or []]
        found = []
        for batch in batches:
            # RESP3 wraps the rows of a stream in one more list.
            for mark, fields in batch[0] if batch and isinstance(batch[0], list) else batch:
                said = {_text(name): _text(value) for name, value in fields.items()}
                found.append((_text(mark), said))
        return found

    def _is_left(self, hand: hands.Hand, call: str) -> bool:
        """Take the call back; False when somebody took it in the last moment."""
        client = self._runtime.redis
        client.lrem(self._names.queue(hand.queue), 0, call)
        was_left = client.getdel(self._names.of("call", call)) is not None
        return was_left or not client.exists(self._names.of("said", call))

    def _forget(self, call: str) -> None:
        keys = (self._names.of(what, call) for what in ("call", "want", "said"))
        try:
            self._runtime.redis.delete(*keys)
        except redis.RedisError:
            log.info("call_not_forgotten", pop=self.pop)  # all of it ends by itself

    def _opened(self, call: str, number: int, letter: str) -> bytes:
        return sealing.unseal(
            letter, of=self._keys.public, by=self._keys.own, about=calls.about_said(call, number)
        )

    def _fault(self, packed: bytes) -> Exception:
        told = json.loads(packed)
        kind, words = hands.FAULTS.get(str(told.get("kind"))), str(told.get("words"))[:500]
        if told.get("kind") == freshness.Stale.__name__:
            return freshness.Stale(
                N_("The worker of POP %(pop)s has just begun anew; try again", pop=self.pop)
            )
        if kind is not None:
            return kind(words)
        return errors.Unavailable(
            N_("The worker of POP %(pop)s could not do the job: %(words)s", pop=self.pop, words=words)
        )

    def _silent(self) -> PopSilent:
        try:
            with self._runtime.database.transaction() as session:
                pop_boxes.note_expired(session, self.pop, clock.now())
        except LinecardError:
            log.warning("expired_job_not_counted", pop=self.pop, exc_info=True)
        log.warning("pop_silent", pop=self.pop, seconds=self._taken_s)
        return PopSilent(
            N_(
                "No worker of POP %(pop)s took the job within %(seconds)s s: check that its box has power, "
                "runs linecard-pop and reaches the core (Setup, POPs)",
                pop=self.pop,
                seconds=self._taken_s,
            )
        )

    def _broken(self) -> str:
        return N_("The worker of POP %(pop)s fell silent in the middle of a job", pop=self.pop)


class _Patience:
    """How long to wait: for somebody to take the call, for the next part, and for the end after a stop."""

    def __init__(self, taken_s: float, silent_s: float) -> None:
        self._began = self._heard_at = self._renewed_at = time.monotonic()
        self._taken_s, self._silent_s = taken_s, taken_s + silent_s
        self.is_heard, self._until = False, float("inf")

    def heard(self) -> None:
        self.is_heard, self._heard_at = True, time.monotonic()

    def stop(self) -> None:
        self._until = time.monotonic() + _END_S

    def is_to_renew(self) -> bool:
        now = time.monotonic()
        is_due = now - self._renewed_at > _RENEW_S
        if is_due:
            self._renewed_at = now
        return is_due

    @property
    def is_stopped(self) -> bool:
        return self._until < float("inf")

    @property
    def is_untaken(self) -> bool:
        return not self.is_heard and time.monotonic() - self._began > self._taken_s

    @property
    def is_over(self) -> bool:
        now = time.monotonic()
        return now > self._until or now - self._heard_at > self._silent_s


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
