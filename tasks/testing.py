"""What tests and demos ask instead of the world: a Nominatim server on loopback, a sweep of no wire."""

import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from netdiag import ping
from netdiag.results import PingReply, PingSummary


class FakeNominatim:
    """Answers GET /search with the places it was given; use it as a context manager.

    `places` maps the street asked for (lower case) to what is found. `refusals` holds HTTP statuses to answer
    with first, one a request. `requests` lists (monotonic seconds, query, user agent) of all requests.
    """

    def __init__(self, places: dict[str, dict[str, Any]] | None = None) -> None:
        self.places = dict(places or {})
        self.refusals: list[int] = []
        self.requests: list[tuple[float, dict[str, str], str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _requests_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where it answers, as the setting geocoding.url wants it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, street: str, latitude: float, longitude: float, *, rank: int = 30) -> None:
        """Let a place be found for this street (with its house number, as asked)."""
        kind = {30: "house", 26: "road"}.get(rank, "town")
        self.places[street.lower()] = {
            "lat": str(latitude),
            "lon": str(longitude),
            "display_name": f"{street}, found by the fake",
            "place_rank": rank,
            "addresstype": kind,
            "type": kind,
            "osm_type": "node",
            "osm_id": len(self.places) + 1,
        }

    def answer(self, query: dict[str, str], agent: str) -> tuple[int, list[dict[str, Any]]]:
        """Return the status and what is found for a query."""
        self.requests.append((time.monotonic(), query, agent))
        if self.refusals:
            return self.refusals.pop(0), []
        place = self.places.get(query.get("street", "").lower())
        return 200, [place] if place else []

    def __enter__(self) -> "FakeNominatim":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _requests_of(fake: FakeNominatim) -> type[BaseHTTPRequestHandler]:
    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(parts.query))
            if parts.path != "/search":
                self.send_error(404)
                return
            status, places = fake.answer(query, self.headers.get("User-Agent", ""))
            body = json.dumps(places).encode()
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "120")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    return Requests


class FakeSweep:
    """Answers as netdiag.sweep.sweep does, for those named in `alive`, with their round trip in milliseconds.

    `asked` lists the addresses of every call; `during` is called in the middle of each.
    """

    def __init__(self, alive: dict[str, float] | None = None) -> None:
        self.alive = dict(alive or {})
        self.asked: list[list[str]] = []
        self.during: Callable[[], object] = lambda: None

    def __call__(
        self,
        addresses: Iterable[str],
        *,
        probes: int,
        timeout_s: float,
        pace_s: float,
        should_stop: Callable[[], bool],
    ) -> list[PingSummary]:
        """Return a summary for each address, in order; one named twice is asked once."""
        named = list(dict.fromkeys(addresses))
        self.asked.append(named)
        self.during()
        return [ping.summarize(address, self._replies(address, probes)) for address in named]

    def _replies(self, address: str, probes: int) -> list[PingReply]:
        rtt_ms = self.alive.get(address)
        reason = "timeout" if rtt_ms is None else None
        return [
            PingReply(number + 1, rtt_ms, 64, 56, address, reason, False, 0.0) for number in range(probes)
        ]
