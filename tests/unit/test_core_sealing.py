"""Letters between key holders: who may open one, and what betrays a changed one."""

import pytest

from core import errors, sealing

CORE, BOX, OTHER = (sealing.new_key() for _ in range(3))


def letter(content: bytes = b"community: public", about: str = "job 7") -> str:
    return sealing.seal(content, to=sealing.public_of(BOX), by=CORE, about=about)


def test_the_addressee_opens_a_letter_and_no_two_are_alike() -> None:
    assert sealing.unseal(letter(), of=sealing.public_of(CORE), by=BOX, about="job 7") == b"community: public"
    assert letter() != letter()


@pytest.mark.parametrize(
    ("of", "by", "about"),
    [(CORE, OTHER, "job 7"), (OTHER, BOX, "job 7"), (CORE, BOX, "job 8")],
    ids=["another reader", "another writer", "another matter"],
)
def test_a_letter_opens_for_nobody_else_of_nobody_else_and_about_nothing_else(
    of: str, by: str, about: str
) -> None:
    with pytest.raises(errors.Invalid):
        sealing.unseal(letter(), of=sealing.public_of(of), by=by, about=about)


def test_a_changed_letter_does_not_open() -> None:
    sealed = bytearray(letter().encode())
    for place in (0, 50, len(sealed) - 6):
        changed = bytes(sealed[:place] + (b"B" if sealed[place] != ord("B") else b"C") + sealed[place + 1 :])
        with pytest.raises(errors.Invalid):
            sealing.unseal(changed.decode(), of=sealing.public_of(CORE), by=BOX, about="job 7")


@pytest.mark.parametrize("text", ["", "short", "!" * 44, "A" * 43 + "=", "ж" * 44])
def test_what_is_no_key_is_refused(text: str) -> None:
    # Forty-three A are the point of order one: an agreement with it is known to everybody.
    assert not sealing.is_public(text)
    with pytest.raises(errors.Invalid):
        sealing.unseal(letter(), of=text, by=BOX, about="job 7")


def test_the_fingerprint_is_of_the_public_key() -> None:
    public = sealing.public_of(BOX)
    assert len(sealing.fingerprint(public)) == 19
    assert sealing.fingerprint(public) != sealing.fingerprint(sealing.public_of(OTHER))


def test_a_token_is_made_by_its_key_alone_and_always_the_same() -> None:
    made = sealing.token(CORE, "round 7")
    assert made == sealing.token(CORE, "round 7")
    assert len({made, sealing.token(CORE, "round 8"), sealing.token(BOX, "round 7")}) == 3
