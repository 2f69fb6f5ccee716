"""Sentences of the domain in the person's language: made now, or kept in the database in English."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from babel.messages import mofile
from flask import Flask
from flask_babel import Babel, force_locale

from billing import ledger, payments, rules, series, verdicts
from billing.models import AccessState, LedgerEntry
from core import errors
from core.money import Money
from core.words import N_, Text
from gates import ruleset
from webapp import texts
from webapp.translations import catalogue

TODAY = date(2026, 11, 25)
LATIN = re.compile(r"[A-Za-z]{2,}")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder = tmp_path_factory.mktemp("translations")
    (folder / "uk" / "LC_MESSAGES").mkdir(parents=True)
    with (folder / "uk" / "LC_MESSAGES" / "messages.mo").open("wb") as compiled:
        mofile.write_mo(compiled, catalogue.read("uk"))
    made = Flask("texts")
    Babel(made, default_locale="uk", default_translation_directories=str(folder))
    return made


@pytest.fixture
def ukrainian(app: Flask) -> Iterator[None]:
    with app.test_request_context("/"):
        yield


def _debtor(**facts: object) -> verdicts.Debtor:
    usual: dict[str, object] = {
        "account_id": 1,
        "currency": "EUR",
        "balance_minor": -4200,
        "overdue_minor": 4200,
        "past_due_minor": 4200,
        "oldest_due_on": TODAY - timedelta(days=20),
        "days_overdue": 20,
        "grace_days": 3,
        "is_never_cut": False,
        "never_cut_note": "",
        "promise_until": None,
        "pause_note": "",
        "services": (verdicts.Service(7, is_running=True, is_cut=False),),
    }
    return verdicts.Debtor(**{**usual, **facts})  # type: ignore[arg-type]


def _plain(text: str) -> str:
    """Take the spaces that do not break, of any width, for plain ones."""
    return re.sub(r"\s", " ", text)


DEBTORS = {
    "debt": _debtor(),
    "never cut": _debtor(is_never_cut=True),
    "never cut, with a note": _debtor(is_never_cut=True, never_cut_note="лікарня"),
    "promise": _debtor(promise_until=TODAY),
    "incident": _debtor(pause_note="Incident 3: кабель"),
    "paid": _debtor(past_due_minor=0, overdue_minor=0, services=(verdicts.Service(7, True, True),)),
    "minimum": _debtor(past_due_minor=50, overdue_minor=50),
    "grace": _debtor(overdue_minor=0),
    "no service": _debtor(services=()),
}


@pytest.mark.parametrize("case", DEBTORS)
@pytest.mark.usefixtures("ukrainian")
def test_why_somebody_is_cut_or_spared_is_told_from_the_sentence_that_was_kept(case: str) -> None:
    (verdict,) = verdicts.judge(DEBTORS[case], TODAY, rules.Rules())
    told = texts.tell(str.__str__(verdict.explanation))
    assert not LATIN.search(re.sub("EUR", "", told)), told
    assert "2026-" not in told


@pytest.mark.usefixtures("ukrainian")
def test_a_weekday_is_told_too() -> None:
    (verdict,) = verdicts.judge(DEBTORS["debt"], TODAY, rules.Rules(skip_weekdays=(3,)))
    assert texts.tell(str.__str__(verdict.explanation)).endswith("у середу нікого не відключають")


LADDER = (rules.Step(0, AccessState.NOTICE), rules.Step(400, AccessState.CLOSED))
POLICIES = {
    "a step": (_debtor(), rules.Rules(steps=LADDER)),
    "a milder step": (
        _debtor(services=(verdicts.Service(7, True, True),), ripe_on=TODAY),
        rules.Rules(steps=LADDER),
    ),
    "no step yet": (_debtor(ripe_on=TODAY), rules.Rules(steps=LADDER[1:])),
    "a holiday": (_debtor(), rules.Rules(holidays=(TODAY,))),
    "no reminder": (_debtor(), rules.Rules(notice_days=5)),
    "an old reminder": (_debtor(notified_on=TODAY - timedelta(days=9)), rules.Rules(notice_days=5)),
    "not connected": (_debtor(services=(), inactive_note="The customer is waiting"), rules.Rules()),
}


@pytest.mark.parametrize("case", POLICIES)
@pytest.mark.usefixtures("ukrainian")
def test_what_the_policy_waits_for_is_told_from_the_sentence_that_was_kept(case: str) -> None:
    debtor, limits = POLICIES[case]
    (verdict,) = verdicts.judge(debtor, TODAY, limits)
    told = texts.tell(str.__str__(verdict.explanation))
    assert not LATIN.search(re.sub("EUR", "", told)), told
    assert "2026-" not in told


@pytest.mark.usefixtures("ukrainian")
def test_why_a_plan_waits_is_told() -> None:
    (reason,) = rules.brake_reasons(30, 100, rules.Rules())
    told = texts.tell(str.__str__(reason))
    assert told.startswith("План відключає 30 з 100")
    assert "30.0 %" in told


@pytest.mark.usefixtures("ukrainian")
def test_values_are_written_by_the_locale_and_what_people_typed_stays() -> None:
    words = N_("Promised to pay until %(day)s; %(owes)s", day=TODAY, owes=N_("Nothing is past due any more"))
    assert words == "Promised to pay until 2026-11-25; Nothing is past due any more"
    assert _plain(texts.tell(words)) == "Обіцяно сплатити до 25 лист. 2026 р.; Прострочення вже немає"
    owes = N_("%(sum)s past due", sum=Money(420050, "EUR"))
    assert _plain(texts.tell(owes)) == "прострочено 4 200,50 EUR"
    assert texts.tell("the customer called twice") == "the customer called twice"
    assert texts.tell("") == texts.tell(None) == ""


@pytest.mark.usefixtures("ukrainian")
@pytest.mark.parametrize("address", ["nonsense", "0.0.0.0/1", "127.0.0.1"])
def test_what_a_gate_answered_is_told(address: str) -> None:
    with pytest.raises(ruleset.BadAddress) as caught:
        ruleset.parse([address])
    assert texts.tell(str(caught.value)) != str(caught.value)


KEPT = (
    "promise by Олена",
    "instalments by Олена",
    "terms set by Олена",
    *(str(Text(words, entry=7)) for words in payments._OF_ENTRY.values()),
    *("linecard charge", "receipts", "import-lms", "disconnect queue"),
)


@pytest.mark.usefixtures("ukrainian")
@pytest.mark.parametrize("kept", KEPT)
def test_who_let_a_line_in_or_wrote_an_entry_is_told(kept: str) -> None:
    told = texts.tell(str.__str__(kept))
    assert told != kept
    assert not LATIN.search(re.sub("linecard charge|LMS", "", told))


@pytest.mark.usefixtures("ukrainian")
@pytest.mark.parametrize("pattern", ["", "{number}{day}", "{month}{number}", "x" * 40 + "{number}"])
def test_what_is_wrong_with_a_pattern_of_numbers_is_told(pattern: str) -> None:
    told = texts.tell(series.pattern_fault(pattern))
    assert not LATIN.search(re.sub(r"{[^}]*}", "", told)), told


@pytest.mark.usefixtures("ukrainian")
def test_in_what_a_second_entry_differs_is_told_in_words() -> None:
    other = {name: 1 if name in ("amount_minor", "corrects_id") else None for name in ledger._COMPARED}
    first = LedgerEntry(**dict.fromkeys(ledger._COMPARED))
    with pytest.raises(errors.Conflict, match="another sum, entry corrected") as caught:
        ledger._same(first, LedgerEntry(**other), or_later=False)
    assert not LATIN.search(texts.tell(caught.value.args[0]))


def test_english_is_left_as_it_was_made(app: Flask) -> None:
    with app.test_request_context("/"), force_locale("en"):
        assert texts.tell("Nothing is past due any more") == "Nothing is past due any more"
        assert texts.tell(Text("%(sum)s past due", sum="€5.00")) == "€5.00 past due"
        assert texts.language() == "en"
