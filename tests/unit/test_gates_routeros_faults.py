"""What may go wrong between us and a MikroTik router, and in what words it is told."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest

import gates
from gates import Access, LineAccess, Outcome, routeros_tls
from gates.testing_routeros_tables import Router, User
from tests.routeros_site import CERTIFICATE, DOORS, applied, configured, line_of, serve


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("after", [15, 30, 60])
def test_a_connection_cut_in_the_middle_leaves_what_is_known_and_the_next_batch_ends_it(
    door: str, after: int
) -> None:
    with serve(door) as site:
        wanted: dict[LineAccess, Access] = {line_of(number): "closed" for number in range(1, 41)}
        site.router.die_after = after
        watch = threading.Thread(target=_revive, args=(site.router,))
        watch.start()
        try:
            outcomes = site.gate.apply(wanted)
        except gates.GateUnreachable:
            outcomes = {}
        watch.join()
        there = site.router.on_list("linecard-closed")
        done = {line_id for line_id, outcome in outcomes.items() if outcome.applied == "closed"}
        assert done <= {line.line_id for line in wanted if line.addresses[0] in there}
        assert not any(outcome.needs_person for outcome in outcomes.values())
        assert set(applied(site.gate.apply(wanted)).values()) == {"closed"}
        assert len(site.router.on_list("linecard-closed")) == 40


def _revive(router: Router) -> None:
    """Let the fake live again as soon as it has died."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and router.die_after is not None:
        if router.die_after < 0:
            router.die_after = None
        time.sleep(0.001)


@pytest.mark.parametrize("door", DOORS)
def test_a_slow_router_is_waited_for_and_a_silent_one_is_left(door: str) -> None:
    with serve(door, configured(delay_s=0.02)) as site:
        assert site.gate.apply({line_of(1): "closed"}) == {1: Outcome(1, "closed")}
        site.router.delay_s = 1.0
        site.settings["timeout_s"] = 0.2
        with pytest.raises(gates.GateUnreachable, match=r"did not answer in 0\.2 s"):
            site.gate.read([line_of(1)])
        site.router.delay_s = 0.05
        site.settings |= {"timeout_s": 5, "limit_s": 0.1}
        started = time.monotonic()
        with pytest.raises(gates.GateUnreachable, match=r"did not (finish|answer) in 0\.1 s"):
            site.gate.apply({line_of(number): "closed" for number in range(1, 200)})
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_password_and_a_group_without_the_right_are_matters_of_settings(door: str) -> None:
    with serve(door) as site:
        site.settings["password"] = "wrong"
        with pytest.raises(gates.GateMisconfigured, match=r"login as linecard refused \(.*password"):
            site.gate.check()
        site.router.users["reader"] = User("s3cret", frozenset({"read", "api", "rest-api"}))
        site.settings |= {"password": "s3cret", "user": "reader"}
        with pytest.raises(gates.GateMisconfigured, match="may only read: the group of-reader"):
            site.gate.check()
        assert site.gate.read([line_of(1)]) == {1: "open"}
        with pytest.raises(gates.GateMisconfigured, match="does not let the user reader"):
            site.gate.apply({line_of(1): "closed"})
        site.router.users["nobody"] = User("s3cret", frozenset({"read", "write"}))
        site.settings["user"] = "nobody"
        with pytest.raises(gates.GateMisconfigured, match="policy api or rest-api"):
            site.gate.check()


@pytest.mark.parametrize("door", ["api-ssl", "rest"])
def test_another_certificate_than_the_pinned_or_trusted_one_is_told_before_the_password(door: str) -> None:
    with serve(door) as site:
        site.settings["certificate"] = "ab" * 32
        with pytest.raises(gates.GateMisconfigured, match=f"another certificate.*{CERTIFICATE.pin}"):
            site.gate.check()
        site.settings["certificate"] = ""
        with pytest.raises(gates.GateMisconfigured, match="is not trusted"):
            site.gate.check()
        site.settings["certificate"] = ":".join(
            CERTIFICATE.pin.upper()[place : place + 2] for place in range(0, 64, 2)
        )
        assert "RouterOS" in gates.said(site.gate.check())
        assert site.router.seen["print"] > 0


def test_a_certificate_this_machine_trusts_needs_no_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    trusting = ssl.create_default_context(cadata=CERTIFICATE.pem)
    monkeypatch.setattr(routeros_tls, "_context", lambda **_: trusting)
    with serve("rest", certificate="", host="localhost") as site:
        assert "RouterOS" in gates.said(site.gate.check())
        site.settings["host"] = "127.0.0.1"
        with pytest.raises(gates.GateMisconfigured, match="not trusted"):
            site.gate.check()


def test_an_old_router_is_let_in_by_its_challenge() -> None:
    with serve("api", configured(version="6.42.12 (long-term)")) as site:
        assert site.gate.apply({line_of(1): "closed"}) == {1: Outcome(1, "closed")}
        site.settings["password"] = "wrong"
        with pytest.raises(gates.GateMisconfigured, match="cannot log in"):
            site.gate.check()


def test_a_router_before_rest_is_told_from_one_that_has_it() -> None:
    with (
        serve("rest", configured(version="6.49.10 (long-term)")) as site,
        pytest.raises(gates.GateMisconfigured, match="answers 404 without JSON: is it a RouterOS 7"),
    ):
        site.gate.check()


@pytest.mark.parametrize("door", DOORS)
def test_a_version_that_says_so_when_a_list_is_empty_is_understood(door: str) -> None:
    with serve(door, configured(version="7.18 (stable)")) as site:
        assert site.gate.read([line_of(1)]) == {1: "open"}
        assert site.gate.held() == {}


@contextlib.contextmanager
def _stranger(greeting: bytes, *, hangs_up: bool) -> Iterator[int]:
    """Listen as something that is no router: it greets, and hangs up or falls silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def greet() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    held.append(connection)
                    connection.sendall(greeting)
                    if hangs_up:
                        connection.recv(4096)
                        connection.close()

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in held:
            connection.close()


@pytest.mark.parametrize(
    ("door", "greeting", "hangs_up", "kind", "words"),
    [
        ("api", b"SSH-2.0-dropbear\r\n", False, gates.GateMisconfigured, "is not a RouterOS API"),
        ("api", b"", False, gates.GateUnreachable, r"did not answer in 0\.3 s"),
        ("api", b"", True, gates.GateUnreachable, "is the router restarting"),
        ("api", b"\x06!fatal\x11too many sessions\x00", False, gates.GateUnreachable, "too many sessions"),
        ("api-ssl", b"220 mail\r\n", True, gates.GateMisconfigured, "does not speak TLS"),
        ("rest", b"", False, gates.GateUnreachable, r"did not answer in 0\.3 s"),
    ],
)
def test_what_is_no_router_is_told_in_words(
    door: str, greeting: bytes, hangs_up: bool, kind: type[gates.GateError], words: str
) -> None:
    with _stranger(greeting, hangs_up=hangs_up) as port:
        gate = gates.make("routeros", {"host": "127.0.0.1", "port": port, "door": door, "timeout_s": 0.3})
        with pytest.raises(kind, match=words) as caught:
            gate.check()
    assert type(caught.value) is kind


def test_an_absent_router_and_an_unset_one_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(gates.GateUnreachable, match="refuses connections"):
        gates.make("routeros", {"host": "127.0.0.1", "port": port}).check()
    with pytest.raises(gates.GateMisconfigured, match="address of the router is not set"):
        gates.make("routeros", {}).check()


def test_lists_of_the_same_name_are_refused() -> None:
    for settings in ({"slow_list": "linecard-closed"}, {"notice_list": "x-marker", "mark": "x"}):
        with pytest.raises(gates.GateMisconfigured, match="a name of its own"):
            gates.make("routeros", settings)
