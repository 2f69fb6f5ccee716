"""Whom an act on customers is about, as its URL says: those chosen in the list, or all its filters leave."""

from dataclasses import dataclass

from flask import request
from sqlalchemy.orm import Session

from core import errors
from registry import listing
from webapp import customer_filter, identity, runtime

MOST_CHOSEN = 500


@dataclass(frozen=True, slots=True)
class Whom:
    """Whom an act is about."""

    ids: list[int]
    is_all: bool


def asked(session: Session) -> Whom:
    """Return whom the URL names: `customer`, or `all` and the filters; raises Invalid when nobody."""
    if request.args.get("all") == "1":
        filters = customer_filter.asked(has_money=identity.may("money.view"))
        return Whom(listing.ids(session, filters, today=runtime.today()), is_all=True)
    given = [text for text in request.args.getlist("customer") if text.isascii() and text.isdigit()]
    ids = sorted({int(text) for text in given if len(text) < 19})[:MOST_CHOSEN]
    if not ids:
        raise errors.Invalid("Choose customers in the list first: tick the boxes before their numbers")
    return Whom(ids, is_all=False)
