"""RADIUS without a server: packets octet by octet, what is sent again and what is believed, and what a login needs."""

import functools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates import radius_client as client
from gates import radius_packet as packets
from gates.contract import ACCESSES, Access
from gates.radius_client import Nas, Question
from gates.radius_packet import BadPacket, Code, Kind
from gates.radius_settings import RadiusSettings
from gates.radius_state import Change, Held, Mark, Session, change, mark_of, to_tell
from gates.radius_testing import FakeNas

GROUPS = RadiusSettings().groups
ASKED = [(Kind.USER_NAME, b"ann"), (Kind.ACCT_SESSION_ID, b"s1")]

# RFC 5997 6.1: the whole Status-Server packet of its example, signed with this secret.
STATUS_SERVER = bytes.fromhex("0cda00268a54f4686fb394c52866e302185d062350125a665e2e1e8411f3e243822097c84fa3")
EXAMPLE_SECRET = b"xyzzy5461"


def test_the_example_of_rfc_5997_is_proven_and_no_other_secret_proves_it() -> None:
    packets.prove(STATUS_SERVER, STATUS_SERVER[4:20], EXAMPLE_SECRET)
    for octets, secret in ((STATUS_SERVER, b"xyzzy5462"), (STATUS_SERVER[:-1] + b"\x00", EXAMPLE_SECRET)):
        with pytest.raises(BadPacket, match="Message-Authenticator is wrong"):
            packets.prove(octets, octets[4:20], secret)


def test_requests_and_answers_carry_both_proofs() -> None:
    asked = packets.request(Code.DISCONNECT_REQUEST, 9, ASKED, b"s")
    assert packets.check_request(asked, b"s").attributes[1:] == tuple(ASKED)
    assert packets.check_request(asked, b"s").attributes[0][0] == Kind.MESSAGE_AUTHENTICATOR
    answer = packets.answer(Code.DISCONNECT_ACK, asked, [], b"s")
    assert packets.check_answer(answer, asked, b"s").code == Code.DISCONNECT_ACK
    for octets in (
        packets.answer(Code.DISCONNECT_ACK, asked, [], b"other"),
        packets.answer(Code.DISCONNECT_ACK, asked, [], b"s", is_signed=False),
        packets.answer(Code.DISCONNECT_ACK, packets.request(Code.COA_REQUEST, 9, ASKED, b"s"), [], b"s"),
        bytes([Code.DISCONNECT_NAK]) + answer[1:],
        answer[:1] + b"\x08" + answer[2:],
    ):
        with pytest.raises(BadPacket):
            packets.check_answer(octets, asked, b"s")


@given(st.binary(max_size=80))
def test_no_octets_from_the_wire_do_more_than_be_refused(octets: bytes) -> None:
    asked = packets.request(Code.COA_REQUEST, 1, ASKED, b"s")
    for check in (
        lambda: packets.check_request(octets, b"s"),
        lambda: packets.check_answer(octets, asked, b"s"),
    ):
        with pytest.raises(BadPacket):
            check()


@given(st.integers(0, 60), st.integers(1, 255))
def test_one_changed_octet_of_an_answer_is_enough_to_refuse_it(at: int, by: int) -> None:
    asked = packets.request(Code.DISCONNECT_REQUEST, 1, ASKED, b"s")
    answer = bytearray(packets.answer(Code.DISCONNECT_NAK, asked, [(Kind.ERROR_CAUSE, bytes(4))], b"s"))
    answer[at % len(answer)] ^= by
    with pytest.raises(BadPacket):
        packets.check_answer(bytes(answer), asked, b"s")


def test_what_does_not_fit_an_attribute_is_refused() -> None:
    with pytest.raises(BadPacket, match="attribute 1 cannot hold 254 octets"):
        packets.request(Code.COA_REQUEST, 1, [(Kind.USER_NAME, b"a" * 254)], b"s")


def questions(nas: FakeNas, *sessions: str, secret: bytes = b"secret") -> list[Question]:
    where = Nas("127.0.0.1", nas.port, secret)
    return [
        Question(where, Code.DISCONNECT_REQUEST, [(Kind.ACCT_SESSION_ID, session.encode())])
        for session in sessions
    ]


def test_what_is_lost_goes_out_again_in_the_very_same_octets() -> None:
    with FakeNas(sessions={"a", "b"}, deaf=2) as nas:
        answers = client.ask(questions(nas, "a", "b", "c"), timeout_s=0.1, tries=3)
    assert [answer.packet and answer.packet.code for answer in answers] == [41, 41, 42]
    assert set(nas.heard.values()) == {3}
    assert len(nas.heard) == 3
    assert nas.sessions == set()


def test_many_more_requests_than_identifiers_are_all_answered() -> None:
    names = [str(number) for number in range(700)]
    with FakeNas(sessions=set(names)) as nas:
        answers = client.ask(questions(nas, *names), timeout_s=2, tries=2)
    assert all(answer.packet and answer.packet.code == Code.DISCONNECT_ACK for answer in answers)
    assert nas.sessions == set()


def test_an_unsigned_answer_and_one_of_another_secret_count_as_none() -> None:
    with FakeNas(sessions={"a"}, sign=functools.partial(packets.answer, is_signed=False)) as nas:
        (answer,) = client.ask(questions(nas, "a"), timeout_s=0.1, tries=2)
    assert answer.words == "its answer was refused: it carries no Message-Authenticator"
    with FakeNas(sessions={"a"}) as nas:
        (answer,) = client.ask(questions(nas, "a", secret=b"wrong"), timeout_s=0.1, tries=2)
    assert answer.words == "it did not answer in 0.2 s"
    assert nas.sessions == {"a"}


def test_a_session_no_packet_can_name_holds_up_no_other() -> None:
    with FakeNas(sessions={"s1"}) as nas:
        where = Nas("127.0.0.1", nas.port, b"secret")
        nameless = Question(where, Code.DISCONNECT_REQUEST, [(Kind.ACCT_SESSION_ID, b"")])
        bad, good = client.ask(
            [nameless, Question(where, Code.DISCONNECT_REQUEST, ASKED)], timeout_s=0.5, tries=2
        )
    assert bad.packet is None
    assert "cannot be asked" in bad.words
    assert good.packet is not None
    assert good.packet.code == Code.DISCONNECT_ACK


def test_a_dead_nas_delays_nobody_and_is_asked_no_more_than_one_window() -> None:
    dead = questions(FakeNas(port=9), *map(str, range(2000)))
    with FakeNas(sessions={"a"}) as nas:
        begun = time.monotonic()
        answers = client.ask([*dead, *questions(nas, "a")], timeout_s=0.2, tries=2)
        assert time.monotonic() - begun < 5
    assert {answer.words for answer in answers[:-1]} == {"nothing listens on its port"}
    assert answers[-1].packet is not None


def test_a_nas_that_is_slow_answers_some_and_the_others_wait_for_another_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "LIMIT_S", 0.15)
    names = [str(number) for number in range(200)]
    with FakeNas(sessions=set(names), deaf=1) as nas:
        answers = client.ask(questions(nas, *names), timeout_s=0.1, tries=3)
    answered = sum(answer.packet is not None for answer in answers)
    assert 0 < answered < 200
    assert {answer.words for answer in answers} == {"", "it is too slow: its turn did not come"}


def test_marks_are_read_as_the_tables_hold_them() -> None:
    mark = Mark("walled", 1_764_000_000, "open")
    assert mark_of(str(mark)) == mark
    assert mark_of("0x" + str(mark).encode().hex()) == mark
    for text in (None, "", "0xzz", "0xff", "linecard/walled/x/open", "linecard/shut/1/open", "other"):
        assert mark_of(text) is None


def session(started_s: float, mark: Mark | None = None) -> Session:
    return Session(1, "s", "192.0.2.1", None, started_s, started_s, mark)


def test_a_login_that_never_was_restricted_is_left_alone_when_it_is_opened() -> None:
    held = Held(sessions=[session(5)])
    assert not change(held, "open", GROUPS, by_reject=False, now_s=9)
    assert to_tell(held, "open", is_changed_in_place=False) == []
    assert to_tell(held, "open", is_changed_in_place=True) == []
    assert to_tell(held, "slow", is_changed_in_place=False) == held.sessions


def test_a_session_tells_by_its_mark_or_its_beginning_under_which_access_it_runs() -> None:
    held = Held(groups=[(1, "walled")], mark=Mark("walled", 100, "open"))
    assert held.access_of(session(100)) == "open"
    assert held.access_of(session(101)) == "walled"
    assert held.access_of(session(50, Mark("walled", 100, "open"))) == "walled"
    assert held.access_of(session(200, Mark("slow", 90, "open"))) == "slow"
    assert held.access_of(session(200, Mark("walled", 90, "open"))) == "open", "it was lost and written anew"
    held.sessions = [session(100)]
    assert held.seen(heard_after_s=0, is_changed_in_place=False) == "open"
    assert held.seen(heard_after_s=101, is_changed_in_place=False) == "walled", (
        "nobody reports of it any more"
    )
    assert held.seen(heard_after_s=0, is_changed_in_place=True) == "walled"


@pytest.mark.parametrize("mark", [None, Mark("open", 1, "open")])
@pytest.mark.parametrize(("before", "wanted"), [("open", "notice"), ("notice", "open")])
def test_a_notice_and_its_end_end_no_session_and_the_next_login_shows_them(
    before: Access, wanted: Access, mark: Mark | None
) -> None:
    was = Mark(before, 100, "open") if before == "notice" else mark
    groups = [(1, before)] if before == "notice" else []
    held = Held(groups=groups, mark=was, sessions=[session(50), session(150, was)])
    assert to_tell(held, wanted, is_changed_in_place=False) == []
    assert to_tell(held, wanted, is_changed_in_place=True, is_named=False) == []
    assert to_tell(held, wanted, is_changed_in_place=True) == held.sessions, "a CoA disturbs nobody"
    after = Held(groups=[(2, wanted)], mark=change(held, wanted, GROUPS, by_reject=False, now_s=200).new_mark)
    after.sessions = held.sessions
    assert after.seen(heard_after_s=0, is_changed_in_place=False) == wanted
    assert to_tell(after, wanted, is_changed_in_place=False) == []
    assert to_tell(Held(mark=was, sessions=held.sessions), "closed", is_changed_in_place=False) != []


def test_a_restricted_session_is_ended_for_a_notice_too_and_its_failure_outlives_the_notice() -> None:
    held = Held(groups=[(1, "walled")], mark=Mark("walled", 100, "open"), sessions=[session(150)])
    for wanted in ("notice", "open"):
        assert to_tell(held, wanted, is_changed_in_place=False) == held.sessions
        due = change(held, wanted, GROUPS, by_reject=False, now_s=200)
        held = Held(groups=[(2, wanted)], mark=due.new_mark or held.mark, sessions=held.sessions)
        assert held.mark == Mark(wanted, 200, "walled"), "a silent NAS is asked again"
        assert held.seen(heard_after_s=0, is_changed_in_place=False) == "walled"
    assert to_tell(held, "open", is_changed_in_place=False) == held.sessions


def test_a_notice_without_a_group_of_its_own_is_a_mark_and_no_group() -> None:
    groups: dict[Access, str] = {access: name for access, name in GROUPS.items() if access != "notice"}
    held = Held(is_notice_bare=True)
    due = change(held, "notice", groups, by_reject=False, now_s=9)
    assert due == Change(new_mark=Mark("notice", 9, "open"))
    held.mark = due.new_mark
    assert held.access == "notice"
    assert not change(held, "notice", groups, by_reject=False, now_s=10)
    assert Held(mark=held.mark).access == "open", "where the group has rows, somebody took it off"


def test_without_a_group_for_open_only_a_session_that_may_be_restricted_in_place_is_ended() -> None:
    slow = Held(groups=[(1, "slow")], mark=Mark("slow", 100, "open"), sessions=[session(50)])
    assert to_tell(slow, "open", is_changed_in_place=True, is_named=False) == slow.sessions
    opened = Held(mark=Mark("open", 200, "slow"), sessions=[session(50), session(250)])
    assert to_tell(opened, "open", is_changed_in_place=True, is_named=False) == opened.sessions[:1]
    assert to_tell(opened, "open", is_changed_in_place=True) == opened.sessions


def test_where_somebody_removed_our_group_it_shows_and_comes_back() -> None:
    held = Held(
        marks=[7], mark=Mark("walled", 100, "open"), sessions=[session(200, Mark("walled", 100, "open"))]
    )
    assert held.seen(heard_after_s=0, is_changed_in_place=False) == "open"
    due = change(held, "walled", GROUPS, by_reject=False, now_s=300)
    assert due == Change(marks=(7,), new_group="linecard-walled", new_mark=Mark("walled", 300, "open"))
    assert to_tell(held, "walled", is_changed_in_place=False) == held.sessions


@given(st.sampled_from(ACCESSES), st.sampled_from(ACCESSES), st.booleans(), st.booleans())
def test_whatever_stood_there_one_change_is_enough(
    before: Access, wanted: Access, was: bool, by_reject: bool
) -> None:
    held = Held()
    for access, reject in ((before, was), (wanted, by_reject)):
        due = change(held, access, GROUPS, by_reject=reject, now_s=50)
        held.groups = [row for row in held.groups if row[0] not in due.groups]
        held.rejects = [row for row in held.rejects if row not in due.rejects]
        if due.new_group:
            (named,) = (key for key, name in GROUPS.items() if name == due.new_group)
            held.groups.append((len(held.groups) + 1, named))
        if due.is_new_reject:
            held.rejects.append(1)
        held.mark = due.new_mark or held.mark
    assert held.access == wanted
    assert len(held.groups) + len(held.rejects) == (wanted != "open")
    assert not change(held, wanted, GROUPS, by_reject=by_reject, now_s=60)


def test_the_settings_say_which_line_of_the_nases_is_wrong_and_never_the_secret() -> None:
    made = RadiusSettings(nas_secrets="192.0.2.0/24 wide\n192.0.2.9 narrow 1700\n\nfd00::/8 six")
    assert made.nas("192.0.2.9") == Nas("192.0.2.9", 1700, b"narrow")
    assert made.nas("192.0.2.1") == Nas("192.0.2.1", 3799, b"wide")
    assert made.nas("198.51.100.1") is None
    assert made.nas("fd00::1") == Nas("fd00::1", 3799, b"six")
    assert "narrow" not in repr(made)
    assert "narrow" not in repr(made.nas("192.0.2.9"))
    with pytest.raises(ValueError, match="line 2 of the NASes") as caught:
        RadiusSettings(nas_secrets="192.0.2.1 right\n192.0.2.300 hidden")
    assert "hidden" not in str(caught.value.errors(include_input=False))
    with pytest.raises(ValueError, match="a group of its own"):
        RadiusSettings(group_slow="x", group_walled="x")
