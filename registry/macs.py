"""MAC addresses as people write them."""

import re

_SEPARATORS = re.compile(r"[:\-. ]")
_WHOLE = re.compile(r"[0-9a-f]{12}")


def parse(text: str) -> str | None:
    """Return the MAC as aa:bb:cc:dd:ee:ff, however it is separated; None if it is no MAC."""
    digits = _SEPARATORS.sub("", text.strip().lower())
    return _spaced(digits) if _WHOLE.fullmatch(digits) else None


def parse_part(text: str) -> str | None:
    """Return a part of a MAC of at least two whole octets, written with : or -; None if it is none."""
    text = text.strip().lower().replace("-", ":")
    is_part = re.fullmatch(r":?[0-9a-f]{2}(:[0-9a-f]{2}){1,4}:?", text)
    return text.strip(":") if is_part else None


def _spaced(digits: str) -> str:
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))
