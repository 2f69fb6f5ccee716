"""The one style sheet of the garden, and codes drawn as a path: nothing else is loaded."""

import hashlib
from collections.abc import Callable, Iterator

from flask import Flask, Response

from billing import bank
from webapp import rendering

_YEAR_S = 31_536_000


def register(app: Flask) -> None:
    """Serve the sheet under a name that changes with it; raises RuntimeError when it is not built."""
    sheet = rendering.built("garden.css").read_bytes()
    path = f"/garden-{hashlib.sha256(sheet).hexdigest()[:8]}.css"
    app.add_url_rule(path, "sheet", _serving(sheet))
    app.jinja_env.globals.update(sheet_path=path, qr=qr)


def _serving(sheet: bytes) -> Callable[[], Response]:
    def serve() -> Response:
        answer = Response(sheet, mimetype="text/css")
        answer.cache_control.public, answer.cache_control.max_age = True, _YEAR_S
        return answer

    return serve


def qr(text: str) -> tuple[int, str]:
    """Return how many modules wide the code of a text is (level M), and its dark ones as a path."""
    rows = bank.modules(text)
    runs = (
        f"M{start} {place}h{end - start}v1H{start}z"
        for place, row in enumerate(rows)
        for start, end in _runs(row)
    )
    return len(rows), "".join(runs)


def _runs(row: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while (start := row.find(1, start)) >= 0:
        end = row.find(0, start)
        end = len(row) if end < 0 else end
        yield start, end
        start = end
