"""The book of the POPs' door: who gives way to whom, and a log that a flood cannot fill."""

from structlog.testing import capture_logs

from core.settings import Pops
from linecard.pop_guests import Complaints, Guest, Guests, source


def test_the_oldest_of_the_address_with_most_strangers_gives_way_and_nobody_else() -> None:
    gone: list[str] = []

    def guest(name: str) -> Guest:
        return Guest(name[0], lambda: gone.append(name))

    book = Guests(Pops(connections=5, connections_per_address=4, strangers=3))
    known, *strangers = [guest(name) for name in ("a1", "b1", "a2", "a3")]
    assert book.enter(known)
    book.know(known)
    assert all(book.enter(one) for one in (*strangers, guest("c1")))
    assert gone == ["a2"]
    for one in (known, known, strangers[1]):
        book.leave(one)  # whoever is gone already is not counted off a second time
    assert (len(book), book.strangers) == (3, 3)
    book = Guests(Pops(connections=1))
    other = guest("a4")
    assert book.enter(other)
    book.know(other)
    assert not book.enter(guest("d1"))


def test_of_ipv6_a_whole_network_counts_as_one_address() -> None:
    assert source(("192.0.2.7", 9)) == "192.0.2.7"
    assert (
        source(("2001:db8:0:1::7", 9, 0, 0)) == source(("2001:db8:0:1:a::", 9, 0, 0)) == "2001:db8:0:1::/64"
    )
    assert source(("fe80::1%eth0", 9, 0, 2)) == "fe80::/64"


def test_ten_thousand_addresses_are_a_hundred_lines_and_a_count() -> None:
    complaints = Complaints()
    with capture_logs() as said:
        for number in range(10_000):
            complaints.note("full", f"10.0.{number // 256}.{number % 256}", limit="pops.connections")
        assert len(said) == 101
        complaints.tell()
    assert said[-1] == {
        "event": "full",
        "address": "others",
        "limit": "pops.connections",
        "times_more": 9899,
        "log_level": "warning",
    }
