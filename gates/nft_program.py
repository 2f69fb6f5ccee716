"""What a gate on nftables may run: nft, by itself or through sudo or doas; its settings come from a page.

Anything else is the word of whoever runs the worker, in its own settings (`allow`), never of a page.
"""

import re
import shlex
from collections.abc import Iterable

from gates.contract import GateMisconfigured

_BIN = r"(?:/(?:usr/(?:local/)?)?s?bin/)?"
PLAIN = rf"^(?:{_BIN}(?:sudo|doas)(?: -n)? )?{_BIN}nft$"

_allowed: set[str] = set()


def allow(programs: Iterable[str]) -> None:
    """Let this process run these as nft, too, and none that was allowed before."""
    _allowed.clear()
    _allowed.update(programs)


def words(program: str) -> list[str]:
    """Return the words to run; raises GateMisconfigured for what only an operator may have run."""
    if program not in _allowed and not re.fullmatch(PLAIN, program):
        raise GateMisconfigured(
            f"{program[:80]!r} is not run: write nft or its path, `sudo -n` before it where need be; for "
            "anything else whoever runs the worker names it in gates.nft_programs of its config.toml"
        )
    return shlex.split(program)
