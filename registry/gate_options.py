"""An option of a kind of gate, as a form asks for it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class GateOption:
    """A setting of a kind of gate, as a form asks for it.

    `form`: text, whole, decimal, prefixes, choice (one of `choices`: value and label), secret (one line) or
    secrets (several lines). A secret is sealed and never shown; its empty field keeps the one on file.
    `longest` is how many characters one line may have, `fault` what is said where the pattern does not fit.
    """

    name: str
    label: str
    form: str = "text"
    default: Any = ""
    hint: str = ""
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    longest: int = 200
    fault: str = ""

    @property
    def is_secret(self) -> bool:
        """Whether it is kept sealed."""
        return self.form in ("secret", "secrets")
