"""Payers follow the customer: a new row when something differs, and documents keep theirs."""

from sqlalchemy import func, select

from billing.models import Account, Payer
from registry import addresses, audit, contacts, customers, payers
from registry.models import AddressKind, CustomerKind

CLERK = audit.Actor(None, "clerk")


def olha(session):
    return customers.create(session, CLERK, currency="EUR", first_name="Olha", last_name="Koval")


def payer(session, customer):
    session.expire_all()
    return session.get_one(Payer, session.get_one(Account, customer.account_id).payer_id)


def rows(session):
    return session.scalar(select(func.count()).select_from(Payer))


def test_a_new_customer_is_a_payer_and_a_change_of_what_documents_say_makes_a_new_row(session):
    customer = olha(session)
    first = payer(session, customer)
    assert (first.name, first.number, first.address) == ("Olha Koval", customer.number, "")
    customers.change(
        session,
        CLERK,
        customer.id,
        version=customer.version,
        kind=CustomerKind.COMPANY,
        company_name="Koval Ltd",
    )
    second = payer(session, customer)
    assert (second.name, second.id > first.id) == ("Koval Ltd", True)
    customers.change_number(session, CLERK, customer.id, "K-7", version=customer.version)
    assert payer(session, customer).number == "K-7"
    assert session.get_one(Payer, first.id).name == "Olha Koval"


def test_the_invoice_address_beats_the_visiting_one_and_what_documents_do_not_say_changes_nothing(session):
    customer = olha(session)
    place = {"street": "Shevchenka", "building": "7", "unit": "12", "city": "Lviv", "postcode": "79000"}
    addresses.save(session, CLERK, customer.id, AddressKind.VISITING, **place)
    assert payer(session, customer).address == "Shevchenka 7/12\n79000 Lviv"
    count = rows(session)
    addresses.save(session, CLERK, customer.id, AddressKind.VISITING, **place, floor=3, entrance="2")
    assert rows(session) == count
    addresses.save(
        session, CLERK, customer.id, AddressKind.INVOICE, street="PO Box 5", city="Kyiv", country="UA"
    )
    assert (payer(session, customer).address, payer(session, customer).country) == ("PO Box 5\nKyiv", "UA")
    addresses.remove(session, CLERK, customer.id, AddressKind.INVOICE)
    assert payer(session, customer).address == "Shevchenka 7/12\n79000 Lviv"


def test_the_first_contact_with_an_address_is_written_to(session):
    customer = olha(session)
    one = contacts.add(session, CLERK, customer.id, name="Olha", region="UA", email="olha@example.net")
    contacts.add(
        session, CLERK, customer.id, name="Petro", region="UA", email="petro@example.net", is_primary=True
    )
    assert payer(session, customer).email == "petro@example.net"
    contacts.change(
        session, CLERK, customer.id, one.id, name="O", region="UA", email="o@example.net", is_primary=True
    )
    assert payer(session, customer).email == "o@example.net"
    contacts.remove(session, CLERK, customer.id, one.id)
    assert payer(session, customer).email == "petro@example.net"


def test_all_are_followed_in_one_statement_and_the_account_in_hand_knows(session):
    for _ in range(3):
        olha(session)
    account = session.get_one(Account, olha(session).account_id)
    assert payers.follow(session) == 0
    account.payer_id = None
    assert payers.follow(session) == 1
    assert account.payer_id == session.scalar(select(func.max(Payer.id)))
