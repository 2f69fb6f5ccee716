"""How the core and the box of a POP talk through the broker: the keys, and what each letter is about.

Everything of a POP lies under `pop.<code>:`, the only keys its box may touch:

    probe.<code>  gate.<code>   lists of the ids of calls; they end by themselves when nobody takes any
    call:<id>     the sealed call, gone when it was taken or its time is over
    want:<id>     somebody waits for the answer; a box stops what nobody waits for
    said:<id>     the stream of the answer: taken, part, end or fault
    join welcome  the letters by which a new box is let in
    beat          the last sign of life
"""

from dataclasses import dataclass

MOST_WAITING = 200
WANT_S = 15
SAID_S = 120
BEAT_S = 10.0
BEAT_KEEP_S = 35
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


def about_call(call: str, hand: str) -> str:
    """Return what the letter of a call is about."""
    return f"call {call} {hand}"


def about_said(call: str, number: int) -> str:
    """Return what a part of the answer is about: none can be left out or given twice unseen."""
    return f"said {call} {number}"


def about_beat(pop: str) -> str:
    """Return what a sign of life is about."""
    return f"beat {pop}"
