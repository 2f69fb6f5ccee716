"""The only clock: now in UTC, and today where the ISP does business."""

import time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """Return this instant, aware, in UTC."""
    return datetime.now(UTC)


def today(time_zone: str, *, at: datetime | None = None) -> date:
    """Return the date it is in `time_zone` (IANA name), now or at that instant: the ISP's business day."""
    return (at or now()).astimezone(ZoneInfo(time_zone)).date()


class Steady:
    """Tells how far the wall clock jumped since this was made: it should go as the machine's own does."""

    def __init__(self) -> None:
        self._apart_s = _apart_s()

    def jumped_s(self) -> float:
        """Return the jump in seconds, above zero when the wall clock went ahead."""
        return _apart_s() - self._apart_s


def _apart_s() -> float:
    # Not the monotonic clock: that one rests while the machine sleeps, and a sleep is no jump.
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
