"""The RADIUS gate on a real FreeRADIUS with its stock SQL schema, which also stands in as the NAS (RFC 5176)."""

import hashlib
import os
import re
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select

import gates
from billing import access, payments, suspensions
from billing import testing as money
from billing.models import AccessState, LockReason, Method, SubscriptionAccess
from billing.rules import Rules
from core import clock
from gates import LineAccess, Outcome
from gates import radius_packet as packets
from gates.radius_packet import Code, Kind
from registry import audit, drift, line_gates, lines, logins, testing
from registry.drift import DriftFilter
from registry.models import Customer, CustomerStatus, Line
from tasks import access as tasks_access
from tasks import sites
from tasks.runtime import Runtime
from tests import pop_broker
from tests.netlab import radius_server
from tests.netlab.radius_server import NAS_SECRET, STUBBORN, UNSIGNED, Server

ROOT = Path(__file__).parents[2]
ACTOR = audit.Actor(None, "test")


@pytest.fixture(scope="module")
def radius(
    need: Callable[..., None], make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    need("freeradius")
    url = make_database().replace("postgresql+psycopg", "postgresql")
    with radius_server.running(tmp_path_factory.mktemp("raddb"), url) as server:
        yield server


@pytest.fixture(scope="module")
def role(radius: Server) -> Iterator[str]:
    """A database user with the rights of the manual and no others."""
    name = f"gate_{os.urandom(4).hex()}"
    grants = re.findall(
        r"^GRANT .* TO linecard_gate;$", (ROOT / "docs/operating.md").read_text(), re.MULTILINE
    )
    assert len(grants) == 6
    radius.run(f"CREATE ROLE {name} LOGIN")
    for grant in grants:
        radius.run(grant.replace("linecard_gate", name))
    yield name
    radius.run(f"DROP OWNED BY {name}")
    radius.run(f"DROP ROLE {name}")


@pytest.fixture(scope="module")
def options(radius: Server, role: str) -> dict[str, Any]:
    told = psycopg.conninfo.conninfo_to_dict(radius.url)
    options = {"host": str(told["host"]), "database": str(told["dbname"]), "user": role}
    return {**options, "nas_port": radius.ports["coa"], "timeout_s": 3}


@pytest.fixture
def make(options: dict[str, Any]) -> Callable[..., gates.Gate]:
    """Return a function that makes the gate, with other settings where they are given."""
    return lambda **other: gates.make(
        "radius", {**options, "nas_secrets": f"127.0.0.1 {NAS_SECRET}", **other}
    )


_logins = iter(range(10_000))


@pytest.fixture
def login(radius: Server) -> str:
    """A subscriber on file at RADIUS, never restricted before."""
    name = f"sub{next(_logins)}"
    radius.add(name)
    return name


def dial_in(radius: Server, login: str, session_id: str) -> str:
    """Log in and begin a session as a NAS does; return the Filter-Id that came with the Access-Accept."""
    reply = radius.log_in(login)
    assert reply.is_accepted
    radius.begin(login, session_id, reply.klass)
    return reply.filter_id


@pytest.fixture
def north(make_settings: Callable[..., Any], fresh_url: str) -> Iterator[Runtime]:
    """The core, and a box in the POP north that has joined and works: secrets reach it sealed, and only them."""
    with pop_broker.running() as broker:
        data, at = {"database_url": fresh_url, "queue_url": broker.url}, {"address": "localhost:1"}
        runtime = Runtime(make_settings(data=data, pops=at))
        with runtime.database.transaction() as session:
            testing.pop(session)
            testing.pop(session, "north", is_alive=False)
        with pop_broker.at_work(runtime, broker, "north"):
            yield runtime
        runtime.close()


def debtor_line(runtime: Runtime, login: str, options: dict[str, Any], pop: str = "north") -> tuple[int, int]:
    """Put a customer with this login on a gate of a POP; return his account and subscription."""
    today = clock.now().date()
    with runtime.database.transaction() as session:
        secrets = {"nas_secrets": f"127.0.0.1 {NAS_SECRET}"}
        line_gates.create(
            session, ACTOR, name="radius", kind="radius", options=options, secrets=secrets,
            ring=runtime.ring, is_default=True, pop_id=testing.pop(session, pop).id,
        )  # fmt: skip
        sample = money.subscriber(session, starts_on=today - timedelta(days=40), today=today)
        customer = Customer(
            number="1", sort_name="1", last_name="1", account_id=sample.account_id,
            status=CustomerStatus.CONNECTED,
        )  # fmt: skip
        session.add(customer)
        session.flush()
        line = lines.attach(session, sample.subscription_id, customer.id, actor=ACTOR, today=today)
        logins.set_login(session, ACTOR, customer.id, line.id, login)
        access.ensure(session, sample.subscription_id, today=today)
        return sample.account_id, sample.subscription_id


def states(runtime: Runtime, subscription_id: int) -> tuple[Any, Any, Any]:
    with runtime.database.transaction() as session:
        row = session.get_one(SubscriptionAccess, subscription_id)
        assert row.error is None
        return row.wanted, row.applied, row.observed


def test_a_debtors_session_ends_and_his_next_login_is_restricted_until_he_pays(
    radius: Server, login: str, options: dict[str, Any], north: Runtime
) -> None:
    assert sites.at(north, "north").pop == "north", "its box is asked, and nobody else"
    account_id, key = debtor_line(north, login, options)
    today = clock.now().date()
    assert dial_in(radius, login, "before") == "full"
    assert tasks_access.sweep(north) == 1
    assert radius.knows("before"), "who is open is left alone"

    with north.database.transaction() as session:
        suspensions.place(
            session, [key], LockReason.DEBT, owner="night", today=today, effect=AccessState.WALLED
        )
    tasks_access.sweep(north)
    assert not radius.knows("before")
    radius.stop(login, "before")
    assert dial_in(radius, login, "walled") == "walled"
    tasks_access.observe(north)
    assert states(north, key) == (AccessState.WALLED,) * 3

    with north.database.transaction() as session:
        payments.receive(
            session, account_id, 100_000, method=Method.CASH, dated_on=today, idempotency_key="p",
            author=money.AUTHOR, today=today, rules=Rules(),
        )  # fmt: skip
    tasks_access.sweep(north)
    assert not radius.knows("walled")
    radius.stop(login, "walled")
    assert dial_in(radius, login, "after") == "full"
    tasks_access.observe(north)
    assert states(north, key) == (AccessState.OPEN,) * 3
    assert radius.knows("after")


def test_a_restricted_login_of_nobody_is_adrift_and_is_freed_by_a_press_and_a_former_one_by_itself(
    radius: Server, login: str, options: dict[str, Any], server_settings: Any
) -> None:
    guest, former, new = f"{login}-guest", login, f"{login}-new"
    radius.add(guest, new)
    radius.run(
        "INSERT INTO radusergroup (username, groupname, priority) VALUES (%s, 'linecard-closed', -1)", guest
    )
    runtime = Runtime(server_settings)
    try:
        _, key = debtor_line(runtime, former, options, "core")
        with runtime.database.transaction() as session:
            today = clock.now().date()
            suspensions.place(
                session, [key], LockReason.DEBT, owner="night", today=today, effect=AccessState.WALLED
            )
        tasks_access.sweep(runtime)
        tasks_access.observe(runtime)
        with runtime.database.transaction() as session:
            rows = drift.page(session, DriftFilter(text=login))[0]
            (found,) = rows
            assert (found.kind, found.address, found.is_login, found.observed) == (
                "stranger",
                guest,
                True,
                "closed",
            )
            assert drift.repair(session, ACTOR, [found.id]) == 1
            line = session.scalars(select(Line)).one()
            assert logins.set_login(session, ACTOR, line.customer_id, line.id, new)
        tasks_access.sweep(runtime)
        filters = {name: radius.log_in(name).filter_id for name in (guest, former, new)}
        assert filters == {guest: "full", former: "full", new: "walled"}
        with runtime.database.transaction() as session:
            repaired = drift.page(session, DriftFilter(text=login, state="repaired"))[0]
            assert {row.address for row in repaired} == {guest, former}
    finally:
        runtime.close()


def test_what_is_applied_twice_disturbs_nobody_and_a_session_from_before_is_seen(
    radius: Server, login: str, make: Callable[..., gates.Gate]
) -> None:
    gate, line = make(), LineAccess(1, login=login)
    dial_in(radius, login, "old")
    assert make(live="leave").apply({line: "slow"}) == {1: Outcome(1, "slow")}
    assert gate.read([line]) == {1: "open"}, "cut, but his session goes on"
    assert gate.apply({line: "slow"}) == {1: Outcome(1, "slow")}
    assert not radius.knows("old")
    radius.stop(login, "old")
    assert dial_in(radius, login, "new") == "slow"
    rows = radius.run("SELECT id FROM radusergroup UNION ALL SELECT id FROM radreply ORDER BY 1")
    assert gate.apply({line: "slow"}) == {1: Outcome(1, "slow")}
    assert radius.run("SELECT id FROM radusergroup UNION ALL SELECT id FROM radreply ORDER BY 1") == rows
    assert radius.knows("new")
    assert gate.read([line, LineAccess(2)]) == {1: "slow", 2: None}
    assert gate.apply({LineAccess(2): "closed"}) == {2: Outcome(2, "closed", is_bare=True)}


def test_a_ghost_counts_as_gone_and_is_closed_in_the_tables_only_where_that_is_set(
    radius: Server, login: str, make: Callable[..., gates.Gate]
) -> None:
    line = LineAccess(1, login=login)
    radius.begin(login, "ghost", is_known=False)
    ends = "SELECT acctterminatecause FROM radacct WHERE acctsessionid = 'ghost' AND acctstoptime IS NOT NULL"
    assert make().apply({line: "walled"}) == {1: Outcome(1, "walled")}
    assert radius.run(ends) == []
    assert make(ghosts="close").apply({line: "walled"}) == {1: Outcome(1, "walled")}
    assert radius.run(ends) == [("Lost-Carrier",)]
    assert make().read([line]) == {1: "walled"}


def test_other_refusals_are_told_in_words_and_a_session_can_be_changed_in_place(
    radius: Server, login: str, make: Callable[..., gates.Gate]
) -> None:
    radius.add(STUBBORN)
    dial_in(radius, STUBBORN, "stuck")
    (outcome,) = make().apply({LineAccess(1, login=STUBBORN): "closed"}).values()
    assert outcome.applied is None
    assert outcome.needs_person
    assert "NAS 127.0.0.1: its administrator has forbidden it (Error-Cause 501)" in str(outcome.error)
    dial_in(radius, login, "stays")
    gate, line = make(live="coa"), LineAccess(2, login=login)
    assert gate.apply({line: "slow"}) == {2: Outcome(2, "slow")}
    assert radius.run("SELECT filter FROM nas_sessions WHERE session_id = 'stays'") == [("linecard-slow",)]
    assert gate.read([line]) == {2: "slow"}
    assert gate.apply({line: "closed"}) == {2: Outcome(2, "closed")}
    assert not radius.knows("stays")


def test_an_answer_without_a_valid_message_authenticator_is_refused(
    radius: Server, login: str, make: Callable[..., gates.Gate]
) -> None:
    radius.add(UNSIGNED)
    dial_in(radius, UNSIGNED, "old nas")
    gate = make(timeout_s=2, tries=1)
    (outcome,) = gate.apply({LineAccess(1, login=UNSIGNED): "walled"}).values()
    assert outcome.applied is None
    assert "its answer was refused: it carries no Message-Authenticator" in str(outcome.error)
    dial_in(radius, login, "one")
    gate = make(nas_secrets="127.0.0.0/8 another", timeout_s=0.5, tries=2)
    (outcome,) = gate.apply({LineAccess(1, login=login): "walled"}).values()
    assert "what became of its live session is not known: NAS 127.0.0.1: it did not answer in 1 s" in str(
        outcome.error
    )
    assert radius.knows("one"), "the NAS took nothing that another secret signed"
    (outcome,) = make(nas_secrets="10.0.0.0/8 x").apply({LineAccess(1, login=login): "walled"}).values()
    assert (outcome.needs_person, outcome.error) == (
        True,
        "no secret is set for NAS 127.0.0.1 of its live session",
    )


def test_the_nas_refuses_a_request_without_a_valid_message_authenticator(radius: Server) -> None:
    radius.begin("nobody", "kept")
    attributes = [(Kind.USER_NAME, b"nobody"), (Kind.ACCT_SESSION_ID, b"kept")]
    right = packets.request(Code.DISCONNECT_REQUEST, 7, attributes, NAS_SECRET.encode())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(0.7)
        line.connect(("127.0.0.1", radius.ports["coa"]))
        for wrong in (unsigned(right), forged(right)):
            line.send(wrong)
            with pytest.raises(TimeoutError):
                line.recv(4096)
        assert radius.knows("kept")
        line.settimeout(10)
        line.send(right)
        answer = packets.check_answer(line.recv(4096), right, NAS_SECRET.encode())
    assert answer.code == Code.DISCONNECT_ACK
    assert not radius.knows("kept")


def unsigned(octets: bytes) -> bytes:
    """Return the request without its Message-Authenticator, its Request Authenticator right."""
    return resigned(octets[:4] + bytes(16) + octets[38:])


def forged(octets: bytes) -> bytes:
    """Return the request with a wrong Message-Authenticator, its Request Authenticator right."""
    return resigned(octets[:4] + bytes(16) + octets[20:22] + bytes(16) + octets[38:])


def resigned(octets: bytes) -> bytes:
    head = octets[:2] + len(octets).to_bytes(2, "big")
    digest = hashlib.md5(head + bytes(16) + octets[20:] + NAS_SECRET.encode(), usedforsecurity=False).digest()
    return head + digest + octets[20:]


def test_closed_can_mean_rejected_and_what_others_wrote_stays(
    radius: Server, login: str, make: Callable[..., gates.Gate]
) -> None:
    gate, line = make(closed_by="reject"), LineAccess(1, login=login)
    assert gate.apply({line: "closed"}) == {1: Outcome(1, "closed")}
    assert not radius.log_in(login).is_accepted
    assert gate.read([line]) == {1: "closed"}
    assert make().apply({line: "closed"}) == {1: Outcome(1, "closed")}
    assert radius.log_in(login).filter_id == "nothing", "the setting was changed to a group"
    assert gate.apply({line: "open"}) == {1: Outcome(1, "open")}
    assert radius.log_in(login).filter_id == "full"
    radius.run(
        "INSERT INTO radcheck (username, attribute, op, value) VALUES (%s, 'Auth-Type', ':=', 'Reject')",
        login,
    )
    (outcome,) = gate.apply({line: "open"}).values()
    assert "somebody else rejects this login" in str(outcome.error)
    assert gate.read([line]) == {1: "closed"}
    radius.run("DELETE FROM radgroupreply WHERE groupname = 'linecard-slow'")
    (outcome,) = gate.apply({LineAccess(2, login=login + "x"): "slow"}).values()
    radius.run(
        "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('linecard-slow', 'Filter-Id', ':=', 'slow')"
    )
    assert "the group linecard-slow has no rows" in str(outcome.error)
    assert radius.run("SELECT 1 FROM radusergroup WHERE username = %s", login + "x") == []


@pytest.mark.parametrize("live", ["disconnect", "coa"])
def test_a_notice_ends_no_session_and_its_group_counts_from_the_next_login_on(
    radius: Server, login: str, make: Callable[..., gates.Gate], live: str
) -> None:
    gate, line, name = make(live=live), LineAccess(1, login=login), f"{login}-goes-on"
    dial_in(radius, login, name)
    wishes: tuple[gates.Access, ...] = ("notice", "open", "notice")
    for wish in wishes:
        assert gate.apply({line: wish}) == {1: Outcome(1, wish)}
        assert gate.read([line]) == {1: wish}
    assert radius.log_in(login).filter_id == "full", "its group has no rows: the plan's replies stay"
    radius.run(
        "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('linecard-notice', 'Filter-Id', ':=', 'page')"
    )
    assert gate.read([line]) == {1: "open"}, "the group has rows now and he is not in it"
    assert gate.apply({line: "notice"}) == {1: Outcome(1, "notice")}
    told = "linecard-notice" if live == "coa" else ""
    assert radius.run("SELECT filter FROM nas_sessions WHERE session_id = %s", name) == [(told,)]
    assert radius.log_in(login).filter_id == "page"
    assert gate.apply({line: "open"}) == {1: Outcome(1, "open")}
    assert gate.read([line]) == {1: "open"}
    radius.run("DELETE FROM radgroupreply WHERE groupname = 'linecard-notice'")
    assert radius.log_in(login).filter_id == "full"
    assert radius.knows(name)


def test_a_check_says_what_is_there_and_changes_nothing(
    radius: Server, login: str, make: Callable[..., gates.Gate], options: dict[str, Any]
) -> None:
    dial_in(radius, login, "counted")
    words = gates.said(make().check())
    assert "No reply or check is set for: linecard-notice (say it in radgroupreply)." in words
    assert "NAS 127.0.0.1: answers." in words
    assert radius.knows("counted")
    epoch = make().epoch()
    assert epoch == make().epoch()
    with pytest.raises(gates.GateUnreachable, match="the RADIUS database"):
        make(host="127.0.0.1", port=1).check()
    with pytest.raises(gates.GateMisconfigured, match="does not exist"):
        make(user="nobody_of_that_name").check()
    with pytest.raises(gates.GateMisconfigured, match="lacks a right"):
        radius.run(f"REVOKE SELECT ON radusergroup FROM {options['user']}")
        make().check()
    radius.run(f"GRANT SELECT ON radusergroup TO {options['user']}")
