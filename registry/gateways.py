"""Payment gateways: what they sign is checked, what they tell is kept once and booked when it is clear.

A message is signed by HMAC-SHA256 (RFC 2104) over "<timestamp>.<body>", the bytes as they were sent; its
timestamp (seconds since 1970) may be as old, or as far ahead, as the gateway's tolerance.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing.banking import batches, words
from billing.models import BankLine, Certainty, LineStatus, MatchRule, PaymentGateway
from billing.rules import Rules
from core import db, errors, money
from core.secrets import Cipher
from core.words import N_
from registry import audit, bank, bank_matching, credentials, customers

SHORTEST_SECRET = 16
CONTRADICTS = "contradicts"
_SLUG = re.compile(r"[a-z0-9-]{2,40}")
_EVENT = re.compile(r"[\x21-\x7e]{1,100}")


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a message: booked, waiting for a person, or known already; the lines that open by it.

    Or "contradicts": its event told another thing before, and a person looks at both.
    """

    outcome: str
    reopened: tuple[int, ...] = ()

    @property
    def is_contradiction(self) -> bool:
        """Whether the gateway has to know that this was not taken as it was told."""
        return self.outcome == CONTRADICTS


def list_all(session: Session) -> Sequence[PaymentGateway]:
    """Return the gateways, by name."""
    return session.scalars(select(PaymentGateway).order_by(PaymentGateway.name)).all()


def get(session: Session, gateway_id: int) -> PaymentGateway:
    """Return a gateway; raises NotFound."""
    found = session.get(PaymentGateway, gateway_id)
    if found is None:
        raise errors.NotFound("There is no such payment gateway")
    return found


def save(
    session: Session,
    actor: audit.Actor,
    cipher: Cipher,
    gateway_id: int | None,
    *,
    slug: str,
    name: str,
    secret: str,
    tolerance_s: int,
    is_active: bool,
) -> PaymentGateway:
    """Add or change a gateway; an empty secret keeps the one on file. Raises Invalid at the faulty field."""
    if not _SLUG.fullmatch(slug):
        raise errors.Invalid("Not a name for an URL", {"slug": "Small letters, digits and hyphens"})
    gateway = PaymentGateway() if gateway_id is None else get(session, gateway_id)
    if secret and len(secret) < SHORTEST_SECRET:
        raise errors.Invalid("A short secret", {"secret": "At least 16 characters"})
    if not secret and not gateway.secret_sealed:
        raise errors.Invalid("No secret", {"secret": "Write the secret the gateway signs with"})
    changes = _changes(gateway, slug=slug, name=name, tolerance_s=tolerance_s, is_active=is_active)
    gateway.slug, gateway.name = slug, name
    gateway.tolerance_s, gateway.is_active = tolerance_s, is_active
    session.add(gateway)
    session.flush()
    if secret:
        changes["secret"] = [None, "written"]  # that it is another one, never which
        gateway.secret_sealed = credentials.seal(cipher, "gateway", gateway.id, {"secret": secret})
    audit.record(
        session,
        actor,
        "gateway.saved",
        object_kind="payment_gateway",
        object_id=gateway.id,
        changes=changes,
        note=name,
    )
    return gateway


def _changes(gateway: PaymentGateway, **after: Any) -> dict[str, list[Any]]:
    return audit.difference({name: getattr(gateway, name) for name in after}, after)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a message, in hexadecimal."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def checked(
    session: Session, cipher: Cipher, slug: str, *, body: bytes, timestamp: str, signed: str, now: datetime
) -> PaymentGateway:
    """Return the gateway that signed the message; raises NotFound, Forbidden."""
    gateway = session.scalar(
        select(PaymentGateway).where(PaymentGateway.slug == slug, PaymentGateway.is_active)
    )
    if gateway is None:
        raise errors.NotFound("There is no such payment gateway")
    secret = credentials.open_sealed(cipher, "gateway", gateway.id, gateway.secret_sealed)["secret"]
    if not hmac.compare_digest(signature(secret, timestamp, body).encode(), signed.strip().lower().encode()):
        raise errors.Forbidden("The signature is wrong")
    # Only after the signature: a stranger is not told how our clock stands.
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise errors.Forbidden("The timestamp is wrong")
    if abs(now.timestamp() - int(timestamp)) > gateway.tolerance_s:
        raise errors.Forbidden("The message is too old or from the future")
    return gateway


def hear(
    session: Session, gateway: PaymentGateway, body: bytes, *, usual_currency: str, today: date, rules: Rules
) -> Heard:
    """Keep what the gateway tells, once for each event id, and book it when the customer is clear.

    A message that is not clear waits for a person in the review; none is lost. So does one whose event told
    another sum, currency or account before: nothing is booked by it. Raises Invalid.
    """
    event_id, number, line = _read(body, usual_currency, today)
    line_hash = _hash(gateway, event_id)
    kept = batches.keep_event(session, line, gateway_id=gateway.id, line_hash=line_hash, told_number=number)
    if kept is None:
        first = batches.by_hash(session, line_hash)
        if first is None or _is_same(first, number, line):
            return Heard("known")
        return _contradict(session, gateway, first, number, line)
    (match,) = bank_matching.match(session, [kept])
    customer = customers.find_by_number(session, number) if number else None
    if customer is not None:
        # What the gateway's own field says is told apart from a number found in a text.
        match = batches.Match(MatchRule.NUMBER, Certainty.SURE, customer.account_id)
    batches.note_match(kept, match)
    session.flush()
    if kept.status is not LineStatus.WAITING or match.certainty is not Certainty.SURE:
        return Heard("waiting")
    return _book(session, audit.Actor(None, gateway.name), kept, today, rules)


def _hash(gateway: PaymentGateway, *told: object) -> str:
    return hashlib.sha256(" ".join(["gateway", str(gateway.id), *map(str, told)]).encode()).hexdigest()


def _is_same(first: BankLine, number: str, line: words.StatementLine) -> bool:
    """Whether an event sent again says what it said; of what was kept before numbers were, the rest tells."""
    return (
        (first.amount_minor, first.currency) == (line.amount_minor, line.currency)
        and first.told_number in (None, number)
        and first.payer_account == line.payer_account
    )


def _contradict(
    session: Session, gateway: PaymentGateway, first: BankLine, number: str, line: words.StatementLine
) -> Heard:
    """Keep, once, what contradicts an earlier message of the same event: a person looks at both."""
    told = (line.reference, line.amount_minor, line.currency, number, line.payer_account)
    kept = batches.keep_event(
        session,
        line,
        gateway_id=gateway.id,
        line_hash=_hash(gateway, *told),
        told_number=number,
        contradicts_id=first.id,
    )
    if kept is None:
        return Heard(CONTRADICTS)
    customer = customers.find_by_number(session, number) if number else None
    ids = (first.account_id, customer.account_id if customer else None)
    note = N_(
        "Event %(event)s was told before with %(sum)s for %(number)s: look at both, and book this one only"
        " when the first is undone",
        event=line.reference,
        sum=_sum(first),
        number=first.told_number or "?",
    )
    candidates = tuple(dict.fromkeys(one for one in ids if one is not None))
    batches.note_match(kept, batches.Match(None, Certainty.UNSURE, None, candidates, note))
    audit.record(
        session,
        audit.Actor(None, gateway.name),
        "gateway.contradicted",
        object_kind="bank_line",
        object_id=kept.id,
        changes=audit.difference({"amount": _sum(first)}, {"amount": _sum(kept)}),
        note=line.reference,
    )
    return Heard(CONTRADICTS)


def _sum(line: BankLine) -> str:
    return f"{money.to_decimal(money.Money(line.amount_minor, line.currency))} {line.currency}"


def contradictions(session: Session) -> dict[int, int]:
    """Return how many contradicting messages wait for a person, by gateway."""
    query = select(BankLine.gateway_id, func.count()).where(
        BankLine.contradicts_id.is_not(None), BankLine.status == LineStatus.WAITING
    )
    return {
        gateway_id: count
        for gateway_id, count in session.execute(query.group_by(BankLine.gateway_id))
        if gateway_id is not None
    }


def _book(session: Session, actor: audit.Actor, kept: BankLine, today: date, rules: Rules) -> Heard:
    account_id = kept.account_id or 0
    try:
        with db.part(session):
            return Heard(
                "booked", bank.book(session, actor, kept, account_id, today=today, rules=rules, again=True)
            )
    except (errors.Invalid, errors.Conflict, errors.NotFound) as error:
        session.refresh(kept)
        kept.certainty, kept.note = Certainty.UNSURE, str(error)[:300]
        session.flush()
        return Heard("waiting")


def _read(body: bytes, usual_currency: str, today: date) -> tuple[str, str, words.StatementLine]:
    """Read the message; raises Invalid naming the field."""
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise errors.Invalid("Not JSON") from error
    if not isinstance(told, dict):
        raise errors.Invalid("Not an object")
    texts = {name: str(value) for name, value in told.items() if isinstance(value, str | int)}
    event_id = texts.get("event_id", "")
    if not _EVENT.fullmatch(event_id):
        raise errors.Invalid("No event id", {"event_id": "1 to 100 printable ASCII characters"})
    currency = words.currency(texts.get("currency", usual_currency), where=1)
    minor = words.amount(texts.get("amount", ""), currency, ".", where=1)
    if minor <= 0:
        raise errors.Invalid("Not a payment", {"amount": "The amount must be above zero"})
    paid_on = words.day(texts["paid_on"][:10], "%Y-%m-%d", where=1) if texts.get("paid_on") else today
    line = words.line(
        paid_on,
        minor,
        currency,
        payer_name=texts.get("payer_name", ""),
        payer_account=texts.get("payer_account", ""),
        message=f"{texts.get('customer', '')} {texts.get('text', '')}",
        reference=event_id,
    )
    return event_id, words.clean(texts.get("customer", ""), 32), line
