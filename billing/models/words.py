"""The closed sets of words in the tables of money."""

from enum import StrEnum


class EntryKind(StrEnum):
    """What a line of the ledger is. A charge lowers the balance, a payment raises it."""

    CHARGE = "charge"
    PAYMENT = "payment"
    WRITEOFF = "writeoff"
    REFUND = "refund"
    ADJUSTMENT = "adjustment"
    TRANSFER = "transfer"
    REVERSAL = "reversal"


class Method(StrEnum):
    """How money came or went."""

    CASH = "cash"
    BANK = "bank"
    CARD = "card"
    ONLINE = "online"
    NONE = "none"


class PeriodKind(StrEnum):
    """How long a price is for."""

    ONCE = "once"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    YEAR = "year"


class ArticleUnit(StrEnum):
    """What an article is counted in."""

    PIECE = "piece"
    HOUR = "hour"


class DocumentKind(StrEnum):
    """What a document is. A credit note corrects an invoice, a receipt confirms a payment."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    RECEIPT = "receipt"
    PROFORMA = "proforma"


class Channel(StrEnum):
    """How a reminder travels; each needs a consent of its own."""

    EMAIL = "email"
    SMS = "sms"


class Documented(StrEnum):
    """Which document an account's charges make."""

    INVOICE = "invoice"
    PROFORMA = "proforma"
    NONE = "none"


class LockReason(StrEnum):
    """Why a subscription is suspended. A job may place and lift only the locks of its own reason.

    A lock of the reason notice suspends nothing: its effect only leads to a page, and its days are billed.
    """

    DEBT = "debt"
    MANUAL = "manual"
    FREEZE = "freeze"
    ABUSE = "abuse"
    TECHNICAL = "technical"
    CONTRACT = "contract"
    STATUS = "status"
    NOTICE = "notice"


class AccessState(StrEnum):
    """What the network does with a line, from mild to strict.

    A notice leads its web requests to a page; slow lets it pass at a low rate; walled lets it reach only the
    walled garden; closed lets nothing pass.
    """

    OPEN = "open"
    NOTICE = "notice"
    SLOW = "slow"
    WALLED = "walled"
    CLOSED = "closed"


def strictness(state: AccessState) -> int:
    """Return the state's place from mild to strict."""
    return _MILD_TO_STRICT[state]


_MILD_TO_STRICT = {state: place for place, state in enumerate(AccessState)}

# A line in one of these is cut off from the internet.
CUT = (AccessState.WALLED, AccessState.CLOSED)


class PromiseStatus(StrEnum):
    """What became of a promise to pay, or of instalments."""

    ACTIVE = "active"
    KEPT = "kept"
    BROKEN = "broken"
    WITHDRAWN = "withdrawn"


class RunStatus(StrEnum):
    """Where a cutoff run stands. A braked run waits for a person; one that is made or applied goes on."""

    MAKING = "making"
    PLANNED = "planned"
    BRAKED = "braked"
    APPLYING = "applying"
    APPLIED = "applied"
    UNDONE = "undone"
    DISCARDED = "discarded"
    FAILED = "failed"


class DecisionAction(StrEnum):
    """What a cutoff run does to one subscription: cut it, spare it, leave it cut, let it in again."""

    CUT = "cut"
    SPARE = "spare"
    KEEP = "keep"
    LIFT = "lift"


class Approval(StrEnum):
    """What of a cutoff plan people must approve before it is applied: nothing, the whole, or each row."""

    NONE = "none"
    WHOLE = "whole"
    EACH = "each"


class Review(StrEnum):
    """What a person said of a row of a cutoff plan; a removed or deferred one is not carried out."""

    NONE = "none"
    APPROVED = "approved"
    REMOVED = "removed"
    DEFERRED = "deferred"


class BatchStatus(StrEnum):
    """What is done with a bank statement now."""

    MATCHING = "matching"
    READY = "ready"
    BOOKING = "booking"
    UNDOING = "undoing"
    UNDONE = "undone"


class LineStatus(StrEnum):
    """What became of a bank line."""

    WAITING = "waiting"
    BOOKED = "booked"
    IGNORED = "ignored"
    UNDONE = "undone"


class MatchRule(StrEnum):
    """By what the customer of a bank line was found, in the order in which they are asked."""

    OWN_ACCOUNT = "own_account"
    NUMBER = "number"
    DOCUMENT = "document"
    SOURCE = "source"
    NAME = "name"
    PERSON = "person"


class Certainty(StrEnum):
    """How sure a match is: only sure ones are booked without a look at each."""

    SURE = "sure"
    LIKELY = "likely"
    UNSURE = "unsure"
