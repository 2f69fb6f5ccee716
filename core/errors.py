"""The errors raised on purpose, split by what the caller can do about them.

    LinecardError
    ├── Invalid       422  the person corrects the fields named in `fields`
    ├── NotFound      404  there is no such thing (or the person may not know of it)
    ├── Forbidden     403  the person lacks a permission
    ├── Conflict      409  it does not go as things stand: the person decides anew
    │   └── Overtaken      somebody else was first: load again
    ├── Busy          429  the same is running already, or too much is: wait
    └── Unavailable   503  a part we depend on does not answer: try again later

`webapp/errors.py` holds the only map to a status. Tasks retry only `Unavailable`.
"""

from collections.abc import Mapping


class LinecardError(Exception):
    """What every error raised on purpose is."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(LinecardError):
    """The input is wrong; `fields` maps a field's name to what is wrong with it."""

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields: dict[str, str] = dict(fields or {})


class NotFound(LinecardError):
    """There is no such thing."""


class Forbidden(LinecardError):
    """The person may not do this."""


class Conflict(LinecardError):
    """It does not go as things stand; `constraint` names the database's rule when that noticed."""

    def __init__(self, message: str, constraint: str | None = None) -> None:
        super().__init__(message)
        self.constraint = constraint


class Overtaken(Conflict):
    """Somebody else was first: what was looked at has changed since, or is there already."""


class Busy(LinecardError):
    """The same thing runs already, or as many as may run at once do."""


class Unavailable(LinecardError):
    """A part we depend on does not answer; the same call may succeed later."""
