"""Whose a bank line is: five rules in order, the first that names exactly one customer counts.

1. own account   the line came in on a bank account number that is this customer's alone     sure
2. number        the customer's number stands in the text                                    sure
3. document      the number of an invoice stands in the text                                 sure
4. source        the payer's account paid for exactly one customer before                    sure
5. name          the payer's name is one customer's                                          likely

A rule that names several stops: a person chooses. Where a later one of the first four names another customer
the match is only likely. A number that may be a year, or has less than four marks, is only likely too.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.orm import Session

from billing.banking import words
from billing.banking.batches import Match
from billing.models import (
    Account,
    BankLine,
    Certainty,
    Document,
    DocumentKind,
    MatchRule,
    PayerSource,
    VirtualAccount,
)
from core.words import N_
from registry.models import Customer

_TOKEN = re.compile(r"[^\W_][\w/.\-]*", re.UNICODE)
_YEAR = re.compile(r"(19|20)\d\d")
_MOST_TOKENS = 60
_SHORTEST_NUMBER = 4

Found = dict[str, set[int]]


@dataclass
class Facts:
    """What the database knows of the words of some lines: account ids by rule and word."""

    own: Found = field(default_factory=dict)
    numbers: Found = field(default_factory=dict)
    documents: Found = field(default_factory=dict)
    sources: Found = field(default_factory=dict)
    names: Found = field(default_factory=dict)
    currencies: dict[int, str] = field(default_factory=dict)


def match(session: Session, lines: Sequence[BankLine]) -> list[Match]:
    """Return whose the lines are, by six statements however many there are."""
    tokens = [tokens_of(line) for line in lines]
    facts = _facts(session, lines, tokens)
    return [decide(line, found, facts) for line, found in zip(lines, tokens, strict=True)]


def tokens_of(line: BankLine) -> tuple[str, ...]:
    """Return the words of a line that may be numbers: as written, and without what hangs at their ends."""
    text = f"{line.message} {line.reference}".upper()
    found = dict.fromkeys(token.strip("./-") for token in _TOKEN.findall(text))
    return tuple(itertools.islice((token for token in found if token), _MOST_TOKENS))


def decide(line: BankLine, tokens: Sequence[str], facts: Facts) -> Match:
    """Return whose the line is, by the rules in order."""
    hard = [
        (MatchRule.OWN_ACCOUNT, _of(facts.own, [line.own_account, *map(words.account, tokens)])),
        (MatchRule.NUMBER, _of(facts.numbers, tokens)),
        (MatchRule.DOCUMENT, _of(facts.documents, tokens)),
        (MatchRule.SOURCE, _of(facts.sources, [line.payer_account])),
    ]
    named = _of(facts.names, [line.payer_name.casefold()])
    for rule, found in (*hard, (MatchRule.NAME, named)):
        if len(found) > 1 and rule is not MatchRule.SOURCE:
            return Match(rule, Certainty.UNSURE, None, tuple(sorted(found)[:20]))
        if len(found) == 1:
            sure = Match(rule, Certainty.SURE, next(iter(found)))
            return _one(line, sure, [some for _, some in hard], facts, tokens)
    return Match(None, Certainty.UNSURE)


def _one(
    line: BankLine, match: Match, hard: Sequence[set[int]], facts: Facts, tokens: Sequence[str]
) -> Match:
    """Return the match of the one customer a rule names, as sure as the other rules let it be."""
    account_id = match.account_id or 0
    others = {other for found in hard if len(found) == 1 for other in found} - {account_id}
    if facts.currencies.get(account_id) != line.currency:
        note = N_("The customer is charged in another currency")
        return Match(match.rule, Certainty.UNSURE, None, (account_id,), note)
    if others:
        note = N_("Another rule names another customer")
        return Match(match.rule, Certainty.LIKELY, account_id, (account_id, *sorted(others)), note)
    agreeing = sum(account_id in found for found in hard)
    is_alone = match.rule is MatchRule.NUMBER and agreeing == 1
    if match.rule is MatchRule.NAME or (is_alone and not _is_telling(facts, tokens, account_id)):
        return Match(match.rule, Certainty.LIKELY, account_id)
    return match


def _is_telling(facts: Facts, tokens: Sequence[str], account_id: int) -> bool:
    """Say whether the customer's number can hardly be anything else: not short, not a year."""
    return any(
        len(token) >= _SHORTEST_NUMBER and not _YEAR.fullmatch(token)
        for token in tokens
        if account_id in facts.numbers.get(token, ())
    )


def _of(found: Found, keys: Iterable[str]) -> set[int]:
    return set().union(*(found.get(key, set()) for key in keys if key))


def _facts(session: Session, lines: Sequence[BankLine], tokens: Sequence[Sequence[str]]) -> Facts:
    every = {token for some in tokens for token in some}
    facts = Facts()
    accounts = {words.account(token) for token in every} | {line.own_account for line in lines}
    facts.own = _ids(
        session.execute(
            select(VirtualAccount.number, VirtualAccount.account_id).where(
                VirtualAccount.number.in_(accounts - {""})
            )
        )
    )
    facts.numbers = _ids(
        session.execute(
            select(func.upper(Customer.number), Customer.account_id).where(
                Customer.number.in_(every | {token.lower() for token in every})
            )
        )
    )
    facts.documents = _ids(
        session.execute(
            select(func.upper(Document.full_number), Document.account_id).where(
                Document.full_number.in_(every), Document.kind != DocumentKind.CREDIT_NOTE
            )
        )
    )
    sources = {line.payer_account for line in lines} - {""}
    facts.sources = _ids(
        session.execute(
            select(PayerSource.source, PayerSource.account_id).where(PayerSource.source.in_(sources))
        )
    )
    facts.names = _by_name(session, {line.payer_name.casefold() for line in lines} - {""})
    known = _of_all(facts)
    facts.currencies = {
        row[0]: row[1]
        for row in session.execute(select(Account.id, Account.currency).where(Account.id.in_(known)))
    }
    return facts


def _of_all(facts: Facts) -> set[int]:
    kinds = (facts.own, facts.numbers, facts.documents, facts.sources, facts.names)
    return {account_id for found in kinds for ids in found.values() for account_id in ids}


def _by_name(session: Session, names: set[str]) -> Found:
    """Return accounts by the payer's name: a company's as it stands, a person's in any order of two words."""
    if not names:
        return {}
    pairs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name in names:
        parts = re.findall(r"[^\W\d_][\w'’\-]*", name)[:4]
        for pair in itertools.permutations(parts, 2):
            pairs[pair].add(name)
    last, first = func.lower(Customer.last_name), func.lower(Customer.first_name)
    company = func.lower(Customer.company_name)
    by_pair = tuple_(last, first).in_(list(pairs)) if pairs else company.in_([])
    found: Found = defaultdict(set)
    rows = session.execute(
        select(last, first, company, Customer.account_id).where(or_(by_pair, company.in_(names)))
    )
    for last_name, first_name, company_name, account_id in rows:
        for name in pairs.get((last_name, first_name), set()) | ({company_name} & names):
            found[name].add(account_id)
    return dict(found)


def _ids(rows: Iterable[Any]) -> Found:
    found: Found = defaultdict(set)
    for key, account_id in rows:
        found[key].add(account_id)
    return dict(found)
