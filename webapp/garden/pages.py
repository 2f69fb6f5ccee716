"""The pages of the garden: what stands against the line, how to pay, a promise; what each act answers."""

from datetime import date, timedelta
from urllib.parse import quote

from flask import Response, jsonify, render_template, request
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session

from billing.models import CUT, AccessState
from core import errors
from core.money import to_decimal
from desk import garden, notices
from desk.garden import Face
from desk.models import Contract
from registry import company
from registry.seats import Seat
from webapp import contract_copy, runtime, seals, texts, waking
from webapp.garden import door

RECHECK_S = 4
_OFF = lazy_gettext("Your internet is switched off")
_BILL_OFF = lazy_gettext("Your internet is switched off because of an unpaid bill")
_BILL = {
    AccessState.SLOW: lazy_gettext("Your internet is slowed down because of an unpaid bill"),
    AccessState.WALLED: _BILL_OFF,
    AccessState.CLOSED: _BILL_OFF,
}
_OTHER = {
    AccessState.OPEN: lazy_gettext("Your internet is on"),
    AccessState.NOTICE: lazy_gettext("We have a message for you"),
    AccessState.SLOW: lazy_gettext("Your internet is slowed down"),
    AccessState.WALLED: _OFF,
    AccessState.CLOSED: _OFF,
}


def home() -> Response:
    """Show what stands against the caller's line; who is not known by his address is told whom to call."""
    return _page()


def promise() -> Response:
    """Take a promise to pay; the page says what came of it."""
    try:
        with runtime.current().database.transaction() as session:
            seat = door.sender(session)
            if not request.form.get("is_sure"):
                words = gettext("Tick that you will pay")
                raise errors.Invalid(words, {"is_sure": words})
            made = garden.promise(
                session,
                seat,
                _terms(session),
                until=_until(request.form.get("until", "")),
                digits=request.form.get("digits", ""),
                today=runtime.today(),
            )
            if made is not None and made.reopened:
                waking.wake_gates(session)
    except errors.Invalid as error:
        return _page(error)
    return _back()


def confirm(shown_id: int) -> Response:
    """Take the word that a notice was read."""
    with runtime.current().database.transaction() as session:
        seat = door.sender(session)
        if garden.confirm(session, seat, shown_id, today=runtime.today()):
            waking.wake_gates(session)
    return _back()


def contract(contract_id: int) -> Response:
    """Show a contract's text to who knows the digits; nothing changes by it."""
    return _contract_page(contract_id)


def sign(contract_id: int) -> Response:
    """Take a signature: the name typed, the tick, the time and the address."""
    asked = request.form
    try:
        with runtime.current().database.transaction() as session:
            seat = door.sender(session)
            if not asked.get("is_sure"):
                words = gettext("Tick that you agree")
                raise errors.Invalid(words, {"is_sure": words})
            if garden.sign(
                session,
                seat,
                contract_id,
                name=asked.get("name", ""),
                digits=asked.get("digits", ""),
                today=runtime.today(),
            ):
                waking.wake_gates(session)
    except errors.Invalid as error:
        return _contract_page(contract_id, error)
    return Response(
        status=303,
        headers={"Location": door.link("signed", contract_id=contract_id, copy=_copy(seat, contract_id))},
    )


def signed(contract_id: int) -> Response:
    """Say that it is signed, and offer the copy: to who has just signed here, for two hours."""
    with runtime.current().database.reading() as session:
        found = _own_copy(session, contract_id)
        seller = company.get(session)
    page = render_template(
        "garden/signed.html", contract=found, sealed=request.args.get("copy", ""), company=seller
    )
    return Response(page)


def copy(contract_id: int) -> Response:
    """Answer with the signed contract as PDF, to who has just signed here."""
    with runtime.current().database.reading() as session:
        return contract_copy.answer(session, _own_copy(session, contract_id))


def _copy(seat: Seat, contract_id: int) -> str:
    settings = runtime.current().settings
    return seals.seal(settings, "copy", [seat.address, seat.customer_id, contract_id])


def _own_copy(session: Session, contract_id: int) -> Contract:
    """Return the signed contract the link's seal is of, for the seat it was signed at; raises NotFound."""
    found = door.caller(session)
    sealed = seals.opened(runtime.current().settings, "copy", request.args.get("copy", ""), seals.FORM_S)
    if (
        found is None
        or found.is_preview
        or sealed != [found.seat.address, found.seat.customer_id, contract_id]
    ):
        raise errors.NotFound("There is no such contract")
    return garden.signed(session, found.seat, contract_id)


def captive() -> Response:
    """Tell a device whether it is held here, and where its page is (RFC 8908, 5)."""
    with runtime.current().database.reading() as session:
        found = door.caller(session)
        face = garden.look(session, found.seat, _terms(session), today=runtime.today()) if found else None
    is_captive = face is not None and (face.wanted is not AccessState.OPEN or not face.is_reached)
    answer = jsonify(
        {"captive": is_captive, "user-portal-url": runtime.current().settings.garden.address + "/"}
    )
    answer.mimetype = "application/captive+json"
    return answer


def health() -> Response:
    """Say that the garden answers; for who watches over it."""
    with runtime.current().database.reading() as session:
        session.connection()
    return Response("ok\n", mimetype="text/plain")


SEEN = (
    ("/", "home", home),
    ("/captive", "captive", captive),
    ("/contracts/<int:contract_id>/signed", "signed", signed),
    ("/contracts/<int:contract_id>/contract.pdf", "copy", copy),
)
DONE = (
    ("/promise", "promise", promise),
    ("/notices/<int:shown_id>", "confirm", confirm),
    ("/contracts/<int:contract_id>", "contract", contract),
    ("/contracts/<int:contract_id>/signature", "sign", sign),
)


def _page(error: errors.Invalid | None = None) -> Response:
    with runtime.current().database.reading() as session:
        found = door.caller(session)
        if found is None:
            page = render_template("garden/neutral.html", company=company.get(session))
            return Response(page)
        face = garden.look(
            session,
            found.seat,
            _terms(session),
            today=runtime.today(),
            language=texts.language().partition("-")[0],
        )
    if face.notices and not found.is_preview:
        _note_seen(face)
    page = render_template(
        "garden/page.html",
        face=face,
        company=face.company,
        headline=_headline(face),
        tone=_tone(face),
        recheck_s=None if face.is_reached else RECHECK_S,
        seal=door.form_seal(face.seat),
        is_preview=found.is_preview,
        is_checked=runtime.current().settings.garden.promise_check == "phone",
        days=_days(face),
        payment_url=_payment_url(face),
        faults=_faults(error),
        sent=request.form,
    )
    return Response(page, 200 if error is None else 422)


def _contract_page(contract_id: int, error: errors.Invalid | None = None) -> Response:
    digits = request.form.get("digits", "")
    try:
        with runtime.current().database.reading() as session:
            seat = door.sender(session)
            found = garden.contract(session, seat, contract_id, digits)
            seller = company.get(session)
    except errors.Invalid as wrong:
        return _page(wrong)
    page = render_template(
        "garden/contract.html",
        contract=found,
        seal=door.form_seal(seat),
        digits=digits,
        company=seller,
        faults=_faults(error),
        sent=request.form,
    )
    return Response(page, 200 if error is None else 422)


def _note_seen(face: Face) -> None:
    """Write down that notices were shown; the only thing a look at the page changes, and only the first."""
    with runtime.current().database.transaction() as session:
        notices.note_seen(session, [one.id for one in face.notices], face.seat.address)


def _back() -> Response:
    return Response(status=303, headers={"Location": door.link("home")})


def _terms(session: Session) -> garden.Terms:
    own = runtime.current().settings.garden
    return garden.terms(
        runtime.current().policy.rules(session),
        days_limit=own.promise_days_limit,
        is_promise_on=own.is_promise_on,
        is_checked=own.promise_check == "phone",
    )


def _until(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        words = gettext("Choose a day from the list")
        raise errors.Invalid(words, {"until": words}) from error


def _faults(error: errors.Invalid | None) -> dict[str, str]:
    if error is None:
        return {}
    return {name: texts.tell(words) for name, words in (error.fields or {"": error.message}).items()}


def _days(face: Face) -> list[date]:
    """The days a promise may reach, from tomorrow on where that is one of them; the last is offered."""
    if face.offer is None:
        return []
    count = (face.offer.last_day - runtime.today()).days
    return [runtime.today() + timedelta(days=one) for one in range(min(1, count), count + 1)]


def _payment_url(face: Face) -> str:
    """Return where the sum is paid by card, with it and the number filled in; empty when nowhere."""
    template = runtime.current().settings.garden.payment_url
    if not template or face.due.minor <= 0:
        return ""
    due = face.due
    number = quote(face.seat.number, safe="")
    return template.format(number=number, amount=to_decimal(due), currency=due.currency)


def _headline(face: Face) -> str:
    if face.is_cut:
        return _BILL.get(face.wanted, lazy_gettext("There is an unpaid bill"))
    has_words = face.notices or face.warnings
    if face.to_sign.contracts and face.wanted is AccessState.NOTICE and not has_words:
        return lazy_gettext("There is a contract to sign")
    if face.wanted is AccessState.OPEN and not face.is_reached:
        return lazy_gettext("Your internet is being switched on")
    return _OTHER[face.wanted]


def _tone(face: Face) -> str:
    if face.wanted in CUT:
        return "bad"
    return "ok" if face.wanted is AccessState.OPEN else "warn"
