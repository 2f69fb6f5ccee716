"""Contracts to sign: the queue, one added by hand, a signature at the office, and who is led to sign."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from flask import Response, abort, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session
from wtforms.validators import DataRequired, Length

from core import clock
from desk import contract_templates, contracts, leading
from desk.contracts import ContractFilter, Queued
from registry import customers, payers, spreadsheets
from registry.keyset import Marks, order
from webapp import asked, contract_copy, downloads, identity, permissions, rendering, runtime, waking
from webapp.forms import REQUIRED, Form, ParagraphField, TextField

FILE_PAGE = 1000


class ContractForm(Form):
    """What is to be signed."""

    title = TextField(lazy_gettext("Title"), [DataRequired(REQUIRED), Length(max=160)])
    content = ParagraphField(
        lazy_gettext("Text of the contract"),
        [DataRequired(REQUIRED), Length(max=100_000)],
        render_kw={"rows": 18},
        description=lazy_gettext("It cannot be changed afterwards: take it back and queue another."),
    )


class SignatureForm(Form):
    """Who signed on paper."""

    name = TextField(
        lazy_gettext("First and last name, as signed on paper"), [DataRequired(REQUIRED), Length(max=200)]
    )


@permissions.required("customer.view")
def listing() -> Response:
    """The queue: open contracts, or those that were signed or taken back."""
    filters, sort = _filters(), _sort()
    with runtime.current().database.reading() as session:
        rows, mark = contracts.page(session, filters, sort=sort, after=request.args.get("after"))
        is_leading = leading.is_contract_leading(session)
    return Response(
        render_template(
            "notices/contracts.html",
            rows=rows,
            next=mark,
            filters=filters,
            sort=sort,
            is_filtered=filters != ContractFilter(),
            is_leading=is_leading,
        )
    )


def _filters() -> ContractFilter:
    state = request.args.get("state", "open")
    return ContractFilter(
        text=asked.text(),
        state=state if state in (*contracts.STATES, "all") else "open",
    )


def _sort() -> str:
    return order(request.args.get("sort", ""), contracts.KEYS, contracts.USUAL_SORT)


@permissions.required("customer.view")
def file(ending: str) -> Response:
    """The queue as a file: every contract the filters leave, in its order."""
    if ending not in downloads.ENDINGS:
        abort(404)
    zone = runtime.current().settings.isp.time_zone
    heads = [
        gettext("Customer number"),
        gettext("Customer"),
        gettext("Contract"),
        gettext("Since"),
        gettext("Added by"),
        gettext("State"),
        gettext("Signed"),
        gettext("Signed by"),
        gettext("Taken back"),
        gettext("Taken back by"),
    ]
    table = downloads.Table(f"contracts-{clock.today(zone).isoformat()}", ending)
    table.write(gettext("Contracts to sign"), heads, (_cells(one, zone) for one in _every()))
    return table.answer()


def _cells(one: Queued, zone: str) -> tuple[spreadsheets.Value, ...]:
    def day(moment: datetime | None) -> date | None:
        return clock.today(zone, at=moment) if moment else None

    states = {"open": gettext("open"), "signed": gettext("signed"), "withdrawn": gettext("taken back")}
    found = one.contract
    return (
        one.customer.number,
        one.customer.name,
        found.title,
        day(found.created_at),
        found.author,
        states[one.state],
        day(found.signed_at),
        found.signed_name,
        day(found.withdrawn_at),
        found.withdrawn_by,
    )


def _every() -> Iterator[Queued]:
    filters, sort = _filters(), _sort()

    def page(after: str | None) -> tuple[Sequence[Queued], Marks]:
        with runtime.current().database.reading() as session:
            return contracts.page(session, filters, sort=sort, after=after, limit=FILE_PAGE)

    return downloads.every(page)


@permissions.required("contract.keep")
def add(customer_id: int) -> Response:
    """Put a contract in the queue."""
    chosen = request.args.get("template", "")
    with runtime.current().database.reading() as session:
        customer = customers.get(session, customer_id)
        known = contract_templates.listing(session)
        form = ContractForm(**_filled(session, customer_id, chosen))
    if form.accept(lambda: _add(customer_id, form)):
        rendering.say(gettext("The contract waits for a signature."))
        return rendering.go("notices.contract", contract_id=form.result)
    page = "notices/add_contract.html"
    return rendering.page_or_fragment(
        page, page, form.status, form=form, customer=customer, known=known, chosen=chosen
    )


def _filled(session: Session, customer_id: int, chosen: str) -> dict[str, str]:
    """Return what the form begins with: the chosen template with the customer's data in it."""
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) < 19):
        return {}
    template = contract_templates.get(session, int(chosen))
    isp = runtime.current().settings.isp
    locale = payers.language_of(session, customer_id) or isp.locale
    content = contract_templates.fill(
        session, template, customer_id, isp=isp.name, locale=locale, today=runtime.today()
    )
    return {"title": template.title, "content": content}


def _add(customer_id: int, form: ContractForm) -> int:
    with runtime.current().database.transaction() as session:
        made, moved = contracts.add(
            session,
            identity.actor(),
            customer_id,
            title=form.title.data,
            content=form.content.data,
            today=runtime.today(),
        )
        _wake(session, moved)
        return made.id


@permissions.required("contract.keep")
def show(contract_id: int) -> Response:
    """A contract's text and what became of it; a signature on paper is taken here."""
    with runtime.current().database.reading() as session:
        found = contracts.get(session, contract_id)
        customer = customers.get(session, found.customer_id)
    form = SignatureForm()
    if form.accept(lambda: _sign(contract_id, customer.id, form)):
        rendering.say(gettext("Signed."))
        return rendering.go("notices.contract", contract_id=contract_id)
    page = render_template(
        "notices/contract.html",
        found=found,
        customer=customer,
        form=form,
        withdraw_url=url_for("notices.withdraw_contract", contract_id=contract_id),
    )
    return Response(page, form.status)


def _sign(contract_id: int, customer_id: int, form: SignatureForm) -> None:
    with runtime.current().database.transaction() as session:
        moved = contracts.sign(
            session,
            identity.actor(),
            contract_id,
            customer_id=customer_id,
            name=form.name.data,
            today=runtime.today(),
        )
        _wake(session, moved)


@permissions.required("contract.keep")
def as_pdf(contract_id: int) -> Response:
    """A contract as PDF: signed, with who, when and from where; open, to be signed on paper."""
    with runtime.current().database.reading() as session:
        return contract_copy.answer(session, contracts.get(session, contract_id))


@permissions.required("contract.keep")
def withdraw(contract_id: int) -> Response:
    """Take an open contract back."""
    with runtime.current().database.transaction() as session:
        _wake(session, contracts.withdraw(session, identity.actor(), contract_id, today=runtime.today()))
    rendering.say(gettext("The contract is taken back."))
    return rendering.go("notices.contract", contract_id=contract_id)


@permissions.required("contract.keep")
def switch() -> Response:
    """Lead customers with open contracts to the page, or no more."""
    is_on = request.form.get("is_on") == "1"
    with runtime.current().database.transaction() as session:
        _wake(session, contracts.switch(session, identity.actor(), is_on=is_on, today=runtime.today()))
    words = gettext("Customers with open contracts are led to the page where they sign.")
    rendering.say(words if is_on else gettext("Nobody is led to sign any more."))
    return rendering.go("notices.contracts")


def _wake(session: Session, moved: tuple[int, ...]) -> None:
    if moved:
        waking.wake_gates(session)
