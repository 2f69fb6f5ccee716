"""The timetable's clock: RedBeat's scheduler, which stands still neither for its server nor for the clock."""

from datetime import datetime
from typing import Any

import redis
import structlog
from celery import signals
from redbeat import RedBeatScheduler, schedulers
from redis.exceptions import LockError
from redis.lock import Lock

log = structlog.get_logger()

PAUSE_S = 1.0
# Who lives extends the lock to its whole time at every tick: more is left only where the clock went back.
_SHORTEN = """
    if redis.call('pttl', KEYS[1]) > tonumber(ARGV[1]) then
        return redis.call('pexpire', KEYS[1], ARGV[1])
    end
    return 0
"""


class BoundedLock(Lock):
    """A lock that another holds no longer than its timeout from now, whatever the server's clock did since.

    The server keeps the moment at which it ends. One whose holder died while that clock was a day ahead would
    stand for a day after it was put right.
    """

    def do_acquire(self, token: str) -> bool:
        """Take it if it is free; else see to it that it ends in time."""
        if super().do_acquire(token):
            return True
        if self.timeout and self.redis.eval(_SHORTEN, 1, self.name, str(int(self.timeout * 1000))):
            log.warning("timetable_lock_shortened")
        return False


def take_lock(sender: Any, **_: Any) -> None:
    """Wait for the lock of the timetable, as RedBeat does, whose own way of taking it this replaces."""
    beat = sender.scheduler
    client = schedulers.get_redis(beat.app)
    lock = client.lock(
        beat.lock_key, timeout=beat.lock_timeout, sleep=beat.max_interval, lock_class=BoundedLock
    )
    # redis-py's adds to what is left.
    lock.lua_extend = client.register_script(schedulers.LUA_EXTEND_TO_SCRIPT)
    lock.acquire()
    beat.lock = lock


signals.beat_init.disconnect(schedulers.acquire_distributed_beat_lock)
signals.beat_init.connect(take_lock, weak=False)


class Timetable(RedBeatScheduler):  # type: ignore[misc]
    """RedBeat ends where its server does not answer, and where the server forgot who holds the lock.

    Started again it takes many seconds, more each time, in which nobody is told anything that was missed. So
    it waits here instead, and takes the lock anew; while another one holds that, it stands by.

    RedBeat also keeps of each entry when it ran last, and waits from there on. What ran under a clock that
    was ahead would wait until that moment comes again: for a day, if it was a day ahead. So where the clock
    went back, and when we begin, such an entry is taken to have run just now.
    """

    _seen_at: datetime | None = None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; return after how many seconds to look again."""
        try:
            return self._tick(*args, **kwargs)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            log.warning("timetable_waits", error=str(error))
        return PAUSE_S

    def _tick(self, *args: Any, **kwargs: Any) -> float:
        now = self.app.now()
        if self._seen_at is None or now < self._seen_at:
            self._forget_the_future(now)
        self._seen_at = now
        try:
            return float(super().tick(*args, **kwargs))
        except LockError:
            if self.lock.acquire(blocking=False):
                log.warning("timetable_taken_again")
        return PAUSE_S

    def _forget_the_future(self, now: datetime) -> None:
        mended = []
        for name in self.app.redbeat_conf.schedule:
            try:
                entry = self.Entry.from_key(self.Entry.generate_key(self.app, name), app=self.app)
            except KeyError:
                continue
            if entry.last_run_at is not None and entry.last_run_at > now:
                entry.reschedule(now)
                mended.append(name)
        if mended:
            log.warning("clock_went_back", entries=len(mended))
