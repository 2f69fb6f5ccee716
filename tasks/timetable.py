"""The timetable's clock: RedBeat's scheduler, which stands still neither for its server nor for the clock."""

from datetime import datetime
from typing import Any

import redis
import structlog
from redbeat import RedBeatScheduler
from redis.exceptions import LockError

log = structlog.get_logger()

PAUSE_S = 1.0


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
