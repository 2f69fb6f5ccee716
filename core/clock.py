"""The only clock: now in UTC, and today where the ISP does business."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """Return this instant, aware, in UTC."""
    return datetime.now(UTC)


def today(time_zone: str) -> date:
    """Return the date it is now in `time_zone` (IANA name): the business day of the ISP."""
    return now().astimezone(ZoneInfo(time_zone)).date()
