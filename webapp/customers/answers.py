"""How every form on the card answers: the form in its panel, or the fresh panel with a word about it."""

from typing import Any

from flask import Response, url_for

from webapp import rendering
from webapp.customers import card
from webapp.forms import Form

CHANGED = "card-changed"
# What can be diagnosed follows from these panels: the diagnostics block listens.
GEAR_CHANGED = "gear-changed"
_GEAR = frozenset({"equipment", "ips", "ports"})


def show(customer_id: int, panel: str, title: str, form: Form, fragment: str, **context: Any) -> Response:
    """Answer with the form in place of its panel; as a page of its own without htmx. 422 after a refusal."""
    form.stand_apart(panel)
    return rendering.page_or_fragment(
        "customers/forms/page.html",
        f"customers/forms/_{fragment}.html",
        form.status,
        fragment=f"customers/forms/_{fragment}.html",
        customer_id=customer_id,
        panel_name=panel,
        title=title,
        form=form,
        cancel_url=url_for("customers.panel", customer_id=customer_id, name=panel),
        **context,
    )


def saved(customer_id: int, panel: str, text: str, kind: str = "ok") -> Response:
    """Answer with the panel as it is now and tell the page that something changed (history listens)."""
    if not rendering.is_htmx():
        rendering.say(text, kind)
        return rendering.go("customers.card", customer_id=customer_id)
    answer = rendering.with_toast(card.render_panel(customer_id, panel), text, kind)
    if panel in _GEAR:
        answer = rendering.with_event(answer, GEAR_CHANGED)
    return rendering.with_event(answer, CHANGED, {"panel": panel})


def saved_head(customer_id: int, text: str) -> Response:
    """Answer with the whole card: a name or a status changes more than one panel."""
    rendering.say(text)
    return rendering.go("customers.card", customer_id=customer_id)
