"""Who may undo what in the ledger: money by the desk that takes it, what asks for money by the accountant."""

from datetime import date

from billing import document_acts, documents, ledger, transfers
from billing import testing as money_testing
from billing.models import DocumentKind, EntryKind, Seller
from registry import customers, testing

DAY = date(2026, 1, 1)


def test_the_desk_that_takes_money_undoes_no_charge_and_no_write_off(sign_in_as, database):
    with database.transaction() as session:
        customer = testing.customer(session, "1001")
        asked = money_testing.charge(session, customer.account_id, 3000, due_on=DAY)
        forgiven = ledger.post(
            session,
            customer.account_id,
            EntryKind.WRITEOFF,
            1000,
            dated_on=DAY,
            author=money_testing.AUTHOR,
        )
        paid = money_testing.pay(session, customer.account_id, 2000)
        statement = f"/customers/{customer.id}/money"
    desk, accountant = sign_in_as("billing"), sign_in_as("accountant")
    shown, shown_to_accountant = desk.get(statement).text, accountant.get(statement).text
    for entry in (asked, forgiven):
        path = f"/ledger/{entry.id}/reverse"
        assert desk.get(path).status_code == 403
        assert desk.post(path, data={"reason": "mine"}).status_code == 403
        assert path not in shown + desk.get(f"/ledger/{entry.id}").text
        assert path in shown_to_accountant
        assert accountant.post(path, data={"reason": "a fault"}).status_code == 303
    path = f"/ledger/{paid.id}/reverse"
    assert path in shown
    assert desk.post(path, data={"reason": "bounced"}).status_code == 303
    assert path not in desk.get(statement).text


def test_what_comes_with_undoing_is_named_before(sign_in_as, database):
    act = {"on": DAY, "author": money_testing.AUTHOR}
    with database.transaction() as session:
        session.add(Seller(name="Fibre Ltd", written_by="test"))
        actor = testing.person(session)
        made = [
            customers.create(session, actor, currency="EUR", first_name=first, last_name="Koval")
            for first in ("Olha", "Petro")
        ]
        accounts = [one.account_id for one in made]
        asked = [money_testing.charge(session, accounts[0], 3000, due_on=DAY) for _ in range(2)]
        ids = [documents.issue(session, [one.id], kind=DocumentKind.INVOICE, **act)[0] for one in asked]
        credit = {"reason": "Outage", "idempotency_key": None}
        note = document_acts.credit(session, ids[1], {1: 700}, **act, **credit)
        moved, _ = transfers.transfer(
            session,
            *accounts,
            500,
            dated_on=DAY,
            author=act["author"],
            terms=money_testing.act(DAY).terms,
            idempotency_key="move",
            may_owe=True,
        )
        numbers = [documents.get(session, one).full_number for one in (*ids, note.id)]
        given = documents.get(session, note.id).lines[0].entry_id
    accountant = sign_in_as("accountant")

    def told(entry_id):
        return accountant.get(f"/ledger/{entry_id}/reverse").text

    assert f"A credit note of €30.00 is issued with it: it gives back what {numbers[0]} asked." in told(
        asked[0].id
    )
    assert f"An invoice of €7.00 is issued with it: it asks again what {numbers[2]} gave back." in told(given)
    assert f"€5.00 of Koval Petro ({made[1].number})." in told(moved.entry.id)
    assert "is issued with it" not in told(moved.entry.id)
