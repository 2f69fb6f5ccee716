"""The words of plans and locks without their icons, for files: those of templates/cashier/_words.html."""

from functools import partial
from html import unescape

from flask import current_app


def _word(name: str, value: str | None) -> str:
    """Return what the macro of this name says of the value."""
    module = current_app.jinja_env.get_template("cashier/_words.html").module
    return unescape(str(getattr(module, name)(value or ""))).strip()


action = partial(_word, "action_word")
reason = partial(_word, "reason")
outcome = partial(_word, "outcome")
review = partial(_word, "review_word")
access = partial(_word, "access_word")
lock = partial(_word, "lock_word")
effect = partial(_word, "effect_word")
