"""The bytes of MikroTik's API: words with their length in front, sentences that end in an empty word.

Manual: help.mikrotik.com/docs, "API", section "Protocol". Pure: no socket is opened here; the client and the
fake router read and write through the same few functions, and the tests hold them to bytes of the manual.
"""

from collections.abc import Iterable, Iterator, Mapping

# A word of an address list is below 300 bytes; more than this is no RouterOS, or a trap for memory.
LONGEST_WORD = 1 << 20
MOST_WORDS = 1000

# Lengths below the bound take so many bytes, the first of which carries the bits given.
_SIZES = ((0x80, 1, 0x00), (0x4000, 2, 0x80), (0x200000, 3, 0xC0), (0x10000000, 4, 0xE0), (1 << 32, 5, 0xF0))

Sentence = tuple[str, ...]


class WireError(ValueError):
    """The bytes are not those of MikroTik's API; the message says what is wrong with them."""


def encode_length(length: int) -> bytes:
    """Write the length of a word in one to five bytes."""
    for bound, size, mark in _SIZES:
        if 0 <= length < bound:
            value = length | mark << (8 * (size - 1))
            return value.to_bytes(size, "big")
    raise WireError(f"no word has a length of {length}")


def decode_length(data: bytes | bytearray, start: int = 0) -> tuple[int, int] | None:
    """Return the length that begins at `start` and how many bytes it took, None while some are missing."""
    if start >= len(data):
        return None
    first = data[start]
    if first >= 0xF8:
        raise WireError(f"{first:#04x} is a control byte this version does not know")
    size = 1 + sum(first >= bound for bound in (0x80, 0xC0, 0xE0, 0xF0))
    if start + size > len(data):
        return None
    value = int.from_bytes(data[start : start + size], "big")
    return value & ~(_SIZES[size - 1][2] << (8 * (size - 1))), size


def encode(words: Iterable[str]) -> bytes:
    """Write one sentence with its empty word at the end."""
    parts = []
    for word in words:
        data = word.encode()
        parts += [encode_length(len(data)), data]
    return b"".join((*parts, b"\0"))


class Reader:
    """Takes bytes as they come and gives whole sentences; `replies` hold to words that begin with `!`."""

    def __init__(self, *, replies: bool = False) -> None:
        self._replies = replies
        self._data = bytearray()
        self._words: list[str] = []

    def feed(self, data: bytes) -> Iterator[Sentence]:
        """Yield every sentence these bytes complete; raises WireError for what no RouterOS sends."""
        self._data += data
        place = 0
        try:
            while (found := self._word(place)) is not None:
                word, place = found
                if word:
                    self._words.append(word)
                elif self._words:
                    words, self._words = tuple(self._words), []
                    yield words
        finally:
            del self._data[:place]

    def _word(self, place: int) -> tuple[str, int] | None:
        found = decode_length(self._data, place)
        if found is None:
            return None
        length, size = found
        start = place + size
        self._refuse_strangers(length, start)
        if start + length > len(self._data):
            return None
        return self._data[start : start + length].decode(errors="replace"), start + length

    def _refuse_strangers(self, length: int, start: int) -> None:
        """Tell another protocol by its first bytes: the rest of its "word" would never come."""
        if length > LONGEST_WORD or len(self._words) >= MOST_WORDS:
            raise WireError(f"a word of {length} bytes after {len(self._words)} others is no RouterOS")
        is_first = self._replies and not self._words and length
        if is_first and start < len(self._data) and self._data[start] != ord("!"):
            raise WireError(f"{bytes(self._data[start - 1 : start + 20])!r} is not an answer of RouterOS")


def attributes(words: Iterable[str]) -> dict[str, str]:
    """Return the attributes `=name=value` of a sentence; a value may hold further equal signs."""
    found = {}
    for word in words:
        if word.startswith("="):
            name, _, value = word[1:].partition("=")
            found[name] = value
    return found


def tag_of(words: Iterable[str]) -> str:
    """Return the tag that tells which command an answer belongs to, empty without one."""
    return next((word[5:] for word in words if word.startswith(".tag=")), "")


def words_of(values: Mapping[str, str]) -> list[str]:
    """Write attributes as words."""
    return [f"={name}={value}" for name, value in values.items()]
