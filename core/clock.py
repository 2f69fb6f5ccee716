"""The only clock: now in UTC, and today where the ISP does business."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """Return this instant, aware, in UTC."""
    return datetime.now(UTC)


def today(time_zone: str, *, at: datetime | None = None) -> date:
    """Return the date it is in `time_zone` (IANA name), now or at that instant: the ISP's business day."""
    return (at or now()).astimezone(ZoneInfo(time_zone)).date()
