"""Forms: money as people type it, spaces taken away, the domain's refusal at the field it is about."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel

from core import errors
from core.money import Money
from webapp.cashier.forms import TwiceForm
from webapp.forms import Form, MoneyField, TextField


class Payment(Form):
    amount = MoneyField("Amount", currency="EUR")
    note = TextField("Note")


@pytest.fixture
def app() -> Iterator[Flask]:
    made = Flask("forms")
    made.config.update(SECRET_KEY="x" * 32, WTF_CSRF_ENABLED=False)
    Babel(made, default_locale="uk")
    return made


def _sent(app: Flask, **fields: str) -> Payment:
    with app.test_request_context("/", method="POST", data=fields):
        form = Payment()
        form.is_valid = form.validate_on_submit()
        return form


@pytest.mark.parametrize("typed", ["12.50", " 12,50 ", "12,5"])
def test_an_amount_is_read_as_the_locale_and_the_keyboard_write_it(app: Flask, typed: str) -> None:
    assert _sent(app, amount=typed).amount.data == Money(1250, "EUR")


def test_a_wrong_amount_says_what_is_wrong_and_keeps_what_was_typed(app: Flask) -> None:
    form = _sent(app, amount="12.505")
    assert not form.is_valid
    assert form.amount.data is None
    assert form.amount._value() == "12.505"
    assert "2 decimal places" in form.amount.errors[0]


def test_an_amount_left_empty_is_none_and_a_stored_one_is_shown_as_the_locale_types_it(app: Flask) -> None:
    assert _sent(app, amount=" ").amount.data is None
    with app.test_request_context("/"):
        assert Payment(amount=Money(-5, "EUR")).amount._value() == "-0,05"


def test_spaces_around_a_text_are_taken_away(app: Flask) -> None:
    assert _sent(app, note="  by hand ").note.data == "by hand"


def test_a_refusal_of_the_domain_lands_at_its_field_and_the_rest_above_the_form(app: Flask) -> None:
    def refuse() -> None:
        raise errors.Invalid("No", {"amount": "More than the debt", "date": "In the future"})

    with app.test_request_context("/", method="POST", data={"amount": "1"}):
        form = Payment()
        assert not form.accept(refuse)
        assert form.amount.errors == ["More than the debt"]
        assert form.form_errors == ["In the future"]
        assert form.status == 422


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.Conflict("A promise stands"), "A promise stands"),
        (errors.Overtaken("Saved meanwhile"), "Somebody else was first: Saved meanwhile"),
    ],
)
@pytest.mark.parametrize("kind", [Payment, TwiceForm])
def test_a_conflict_stands_above_its_form_with_what_was_typed(
    app: Flask, kind: type[Any], error: errors.Conflict, words: str
) -> None:
    def refuse() -> None:
        raise error

    with app.test_request_context("/", method="POST", data={"note": "called", "key": "form-0001"}):
        form = kind()
        assert not form.accept(refuse)
        assert (form.status, form.form_errors, form.conflict) == (409, [words], error)
        kept = form.note if kind is Payment else form.key
        assert kept.data in ("called", "form-0001")


def test_what_the_act_returns_is_kept(app: Flask) -> None:
    with app.test_request_context("/", method="POST", data={"amount": "1"}):
        form = Payment()
        assert form.accept(lambda: 42)
        assert form.result == 42


def test_nothing_is_done_while_the_form_is_only_shown(app: Flask) -> None:
    with app.test_request_context("/"):
        form = Payment()
        assert not form.accept(lambda: pytest.fail("acted on a GET"))
        assert form.status == 200
