"""How the core and the box of a POP talk through the broker: the keys, and what each letter is about.

Everything of a POP lies under `pop.<code>:`, the only keys its box may touch:

    probe.<code>  gate.<code>   lists of the ids of calls; they end by themselves when nobody takes any
    call:<id>     the sealed call, gone when it was taken or its time is over
    want:<id>     somebody waits for the answer; a box stops what nobody waits for
    said:<id>     the stream of the answer: taken, part, end or fault
    join welcome  the letters by which a new box is let in
    beat          the last sign of life
    round         what the core wants in the next sign of life, another one every half minute
"""

from dataclasses import dataclass

from core import sealing

MOST_WAITING = 200
WANT_S = 15
SAID_S = 120
BEAT_S = 10.0
BEAT_KEEP_S = 35
# A sign of life has to answer one of the last so many rounds: an older one was kept by somebody.
ROUND_S, ROUNDS_KEPT = 30.0, 3
JOIN_S = 600
TAKEN, PART, END, FAULT = "taken", "part", "end", "fault"


@dataclass(frozen=True, slots=True)
class Names:
    """The keys of one POP."""

    pop: str

    @property
    def prefix(self) -> str:
        """What all keys of the POP begin with; a code has no character that a pattern would read."""
        return f"pop.{self.pop}:"

    @property
    def user(self) -> str:
        """By which name the broker knows the box."""
        return f"pop.{self.pop}"

    def queue(self, kind: str) -> str:
        """The list of the ids of the calls of a kind, `probe` or `gate`."""
        return f"{self.prefix}{kind}.{self.pop}"

    def of(self, what: str, call: str = "") -> str:
        """Another key: `call`, `want`, `said` with the id of a call; `join`, `welcome`, `beat` without."""
        return f"{self.prefix}{what}:{call}" if call else f"{self.prefix}{what}"


def about_call(call: str, hand: str, mark: str, within_s: int) -> str:
    """Return what the letter of a call is about: good within so many seconds of a mark of the box, once."""
    return f"call {call} {hand} {mark} {within_s}"


def about_said(call: str, number: int) -> str:
    """Return what a part of the answer is about: none can be left out or given twice unseen."""
    return f"said {call} {number}"


def rounds(own: str, pop: str, now_s: float) -> list[str]:
    """Return what a sign of life may answer at this time of the core, the newest first.

    Only the core can make them, and nobody can make a box seal one before its time.
    """
    number = int(now_s // ROUND_S)
    return [sealing.token(own, f"round {pop} {number - back}") for back in range(ROUNDS_KEPT)]


def about_beat(pop: str) -> str:
    """Return what a sign of life is about."""
    return f"beat {pop}"
