"""The worker on the box of a POP: takes sealed calls from its two queues, does them, seals the answers.

It has no database and no key but its own (core.box). What it may do is named in tasks.hands.
"""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import redis
import structlog
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from core import errors, sealing
from core.box import BoxFile
from tasks import box_facts, calls, freshness, hands, packing
from tasks.calls import Names

log = structlog.get_logger()

GATE_THREADS = 4
_TAKE_S = 1.0
_LOOK_S = 0.4
_AGAIN_S = 1.0
_LEAVE_S = 10.0


def connect(address: str, number: int, user: str, password: str, authority: str) -> "redis.Redis":
    """Return a client of the broker behind TLS, whose certificate must be of this authority and name."""
    host, _, port = address.rpartition(":")
    return redis.Redis(
        host=host.strip("[]"),
        port=int(port),
        db=number,
        username=user,
        password=password,
        ssl=True,
        ssl_ca_data=authority,
        ssl_cert_reqs="required",
        ssl_check_hostname=True,
        socket_connect_timeout=5,
        socket_timeout=15,
        socket_keepalive=True,
        # The usual one waits seconds before it says that it was refused.
        retry=Retry(ExponentialWithJitterBackoff(cap=1, base=0.1), 3),
        health_check_interval=15,
        max_connections=600,
        decode_responses=True,
    )


class Box:
    """The worker: threads for each queue, a heart, and the end of all of them."""

    def __init__(self, known: BoxFile, client: "redis.Redis") -> None:
        self._known, self._client, self._names = known, client, Names(known.pop)
        self._key = known.private_key.get_secret_value()
        self._ends, self._fresh = threading.Event(), freshness.Freshness()

    def run(self) -> None:
        """Work until `stop` is called; what is in hand then has ten seconds."""
        beating = threading.Thread(target=self._beat, name="heart", daemon=True)
        takers = [
            threading.Thread(target=self._take, args=(kind, count), name=kind, daemon=True)
            for kind, count in ((hands.PROBE, self._known.threads), (hands.GATE, GATE_THREADS))
        ]
        for thread in (beating, *takers):
            thread.start()
        log.info("box_started", pop=self._known.pop, address=self._known.address)
        self._ends.wait()
        for thread in (*takers, beating):
            thread.join(_LEAVE_S)

    def stop(self) -> None:
        """Take no more jobs."""
        self._ends.set()

    def _take(self, kind: str, count: int) -> None:
        """Take calls of a kind, as many at once as there are threads: none waits here out of sight."""
        free = threading.Semaphore(count)
        pool = ThreadPoolExecutor(count, thread_name_prefix=kind)
        name = self._names.queue(kind)
        while not self._ends.is_set():
            if not free.acquire(timeout=_TAKE_S):
                continue
            try:
                found = cast("Any", self._client.blpop([name], timeout=_TAKE_S))
            except (redis.RedisError, OSError) as error:
                log.warning("broker_silent", kind=kind, error=str(error))
                found = None
                self._ends.wait(_AGAIN_S)
            if found is None:
                free.release()
                continue
            pool.submit(self._do, kind, str(found[1])).add_done_callback(lambda _: free.release())
        pool.shutdown(wait=False, cancel_futures=True)

    def _do(self, kind: str, call: str) -> None:
        try:
            told = cast("str | None", self._client.getdel(self._names.of("call", call)))
            if told is None:
                return  # too late: nobody waits any more
            answer = _Answer(self._client, self._names, call, self._seal)
            answer.say(calls.TAKEN)
            self._perform(kind, call, json.loads(told), answer)
        except Exception:
            log.warning("call_failed", call=call, exc_info=True)

    def _perform(self, kind: str, call: str, told: Any, answer: "_Answer") -> None:
        name = str(told.get("hand"))
        hand = hands.HANDS.get(name)
        try:
            if hand is None or hand.queue != kind:
                raise errors.Invalid(f"this box does not know {name[:80]}: install the core's version here")
            packed = self._opened(call, name, told)
            given = packing.unpack_call(hand.do, packed)
            if packing.is_stoppable(hand.do):
                given["should_stop"] = _Wanted(self._client, self._names, call, self._ends).is_over
            made = hand.do(**given)
            for part in made if packing.yields(hand.do) else (made,):
                answer.say(calls.PART, packing.pack_answer(hand.do, part))
            answer.say(calls.END, b"")
        except redis.RedisError:
            raise
        except freshness.Repeated:
            # Its answer was given; a second one would be in the way of nobody but who still reads the first.
            log.warning("call_repeated", call=call, hand=name)
        except Exception as error:
            if type(error).__name__ not in hands.FAULTS and not isinstance(error, errors.LinecardError):
                log.warning("hand_failed", hand=name, exc_info=True)
            answer.say(calls.FAULT, _fault(error))

    def _opened(self, call: str, name: str, told: Any) -> bytes:
        """Open the letter of a call; raises Invalid, and Stale or Repeated when somebody kept it."""
        mark, within_s = str(told.get("mark")), int(told.get("within_s") or 0)
        packed = sealing.unseal(
            str(told.get("letter")),
            of=self._known.core_key,
            by=self._key,
            about=calls.about_call(call, name, mark, within_s),
        )
        self._fresh.take(call, mark, within_s)
        return packed

    def _seal(self, content: bytes, about: str) -> str:
        return sealing.seal(content, to=self._known.core_key, by=self._key, about=about)

    def _beat(self) -> None:
        facts = box_facts.Facts()
        while not self._ends.is_set():
            pause_s = calls.BEAT_S
            try:
                self._say_alive(facts.now(self._round_trip_ms()))
            except (redis.RedisError, OSError) as error:
                log.warning("heartbeat_failed", error=str(error))
                pause_s = 2.0
            self._ends.wait(pause_s)
        try:
            self._say_alive({"is_leaving": True})
        except (redis.RedisError, OSError):
            log.info("goodbye_failed")

    def _say_alive(self, facts: dict[str, Any]) -> None:
        about = calls.about_beat(self._known.pop)
        told = {"mark": self._fresh.mark(), "round": self._client.get(self._names.of("round"))}
        letter = self._seal(json.dumps({**facts, **told}).encode(), about)
        self._client.set(self._names.of("beat"), letter, ex=calls.BEAT_KEEP_S)

    def _round_trip_ms(self) -> float:
        """Measure the way to the core and back: the best of three, for one may find the line busy."""
        times = []
        for _ in range(3):
            began = time.monotonic()
            self._client.ping()
            times.append(time.monotonic() - began)
        return round(min(times) * 1000, 2)


class _Answer:
    """What is said of one call, part by part."""

    def __init__(
        self, client: "redis.Redis", names: Names, call: str, seal: Callable[[bytes, str], str]
    ) -> None:
        self._client, self._key, self._call, self._seal = client, names.of("said", call), call, seal
        self._number = 0

    def say(self, kind: str, content: bytes | None = None) -> None:
        fields: dict[Any, Any] = {"kind": kind}
        if content is not None:
            fields["letter"] = self._seal(content, calls.about_said(self._call, self._number))
            self._number += 1
        with self._client.pipeline(transaction=False) as pipe:
            pipe.xadd(self._key, fields)
            pipe.expire(self._key, calls.SAID_S)
            pipe.execute()


class _Wanted:
    """Whether somebody still waits for an answer; asked often, and looked up only now and then."""

    def __init__(self, client: "redis.Redis", names: Names, call: str, ends: threading.Event) -> None:
        self._client, self._key, self._ends = client, names.of("want", call), ends
        self._looked_at, self._is_over = time.monotonic(), False

    def is_over(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            self._is_over = not self._client.exists(self._key)
        return self._is_over or self._ends.is_set()


def _fault(error: Exception) -> bytes:
    words = str(error) or type(error).__name__
    return json.dumps({"kind": type(error).__name__, "words": words[:500]}).encode()
