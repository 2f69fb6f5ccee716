"""Sealed words of the garden: they prove that a form came from its page, and that staff sent somebody."""

from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer

from core.settings import Settings

FORM_S = 2 * 3600
PREVIEW_S = 600
READ_S = 1800


def seal(settings: Settings, purpose: str, value: Any) -> str:
    """Return the value signed for one purpose, to be opened within a time."""
    return str(_signer(settings, purpose).dumps(value))


def opened(settings: Settings, purpose: str, text: str, max_age_s: int) -> Any:
    """Return what was sealed for the purpose; None when it was not, or too long ago."""
    try:
        return _signer(settings, purpose).loads(text, max_age=max_age_s)
    except BadData:
        return None


def _signer(settings: Settings, purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.web.secret_key.get_secret_value(), salt=f"garden-{purpose}")
