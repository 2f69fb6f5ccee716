"""The timetable's clock: RedBeat's scheduler, which does not stand still when the wall clock is set back."""

from datetime import datetime
from typing import Any

import structlog
from redbeat import RedBeatScheduler

log = structlog.get_logger()


class Timetable(RedBeatScheduler):  # type: ignore[misc]
    """RedBeat keeps of each entry when it ran last, and waits from there on.

    What ran under a clock that was ahead would wait until that moment comes again: for a day, if it was a day
    ahead. So where the clock went back, and when we begin, such an entry is taken to have run just now.
    """

    _seen_at: datetime | None = None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; return after how many seconds to look again."""
        now = self.app.now()
        if self._seen_at is None or now < self._seen_at:
            self._forget_the_future(now)
        self._seen_at = now
        return float(super().tick(*args, **kwargs))

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
