"""The doors of a fake RouterOS: a server that speaks its binary API and one that speaks its REST.

Both answer from one `Router` of gates.testing_routeros_tables. Manual: help.mikrotik.com/docs, "API" and
"REST API". Bound to loopback only.
"""

import base64
import contextlib
import datetime
import hashlib
import http.server
import itertools
import json
import secrets
import socketserver
import ssl
import tempfile
import threading
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gates import routeros_wire as wire
from gates.testing_routeros_tables import INTERRUPTED, Router, Row, Trap

_PLAIN_LOGIN = (6, 43)
_EMPTY_REPLY = (7, 18)
_FIRST_REST = (7, 1)


class ApiSession(socketserver.BaseRequestHandler):
    """One connection of the API: commands are done in order of arrival, their answers come mixed."""

    router: ClassVar[Router]

    def setup(self) -> None:
        """Begin as a stranger."""
        self.user = ""
        self.challenge = b""
        self.listening: dict[str, str] = {}
        self.lock = threading.Lock()

    def handle(self) -> None:
        """Answer until the client leaves, is thrown out, or the fake has to die."""
        reader = wire.Reader()
        self.router.watchers.append(self._notice)
        try:
            while data := self.request.recv(1 << 16):
                answers: list[list[list[str]]] = []
                for sentence in reader.feed(data):
                    answers.append(self._answer(sentence))
                    if answers[-1][:1] and answers[-1][0][0] == "!fatal":
                        self._send(_mixed(answers))
                        return
                self._send(_mixed(answers))
        except OSError:
            return
        finally:
            self.router.watchers.remove(self._notice)

    def _answer(self, sentence: wire.Sentence) -> list[list[str]]:
        command, words = sentence[0], sentence[1:]
        tag = wire.tag_of(words)
        tail = [f".tag={tag}"] if tag else []
        if command == "/quit":
            return [["!fatal", "session terminated on request"]]
        if command == "/login":
            return [[*reply, *tail] for reply in self._login(wire.attributes(words))]
        if not self.user:
            return [["!fatal", "not logged in"]]
        try:
            replies = self._do(command, words, tag)
        except Trap as trap:
            category = [f"=category={trap.category}"] if trap.category else []
            replies = [["!trap", *category, f"=message={trap.message}"], ["!done"]]
        return [reply if reply[-1].startswith(".tag=") else [*reply, *tail] for reply in replies]

    def _do(self, command: str, words: Sequence[str], tag: str) -> list[list[str]]:
        menu, _, verb = command.rpartition("/")
        values = wire.attributes(words)
        if command == "/cancel":
            return self._cancel(values.get("tag"))
        if verb == "listen":
            self.listening[tag] = menu
            return []
        query = [word[1:] for word in words if word.startswith("?")]
        rows = self.router.command(self.user, menu, verb, values, query)
        if verb == "add":
            return [["!done", *wire.words_of(rows[0])]]
        is_told = not rows and verb in ("print", "getall") and self.router.release >= _EMPTY_REPLY
        return [
            *(["!re", *wire.words_of(row)] for row in rows),
            *([["!empty"]] if is_told else []),
            ["!done"],
        ]

    def _cancel(self, tag: str | None) -> list[list[str]]:
        """End one listening command, or all of them: each is told that it was interrupted."""
        ended = [each for each in self.listening if tag in (None, each)]
        if tag is not None and not ended:
            raise Trap("no such command", "5")
        replies = []
        for each in ended:
            del self.listening[each]
            trap = ["!trap", f"=category={INTERRUPTED}", "=message=interrupted", f".tag={each}"]
            replies += [trap, ["!done", f".tag={each}"]]
        return [*replies, ["!done"]]

    def _login(self, values: Mapping[str, str]) -> list[list[str]]:
        name = values.get("name", "")
        user = self.router.users.get(name)
        is_old = self.router.release < _PLAIN_LOGIN
        if is_old and "response" not in values:
            self.challenge = secrets.token_bytes(16)
            return [["!done", f"=ret={self.challenge.hex()}"]]
        if user and "api" in user.policy and self._knows(user.password, values, is_old=is_old):
            self.user = name
            return [["!done"]]
        words = "cannot log in" if is_old else "invalid user name or password (6)"
        return [["!trap", f"=message={words}"], ["!done"]]

    def _knows(self, password: str, values: Mapping[str, str], *, is_old: bool) -> bool:
        if not is_old:
            return values.get("password") == password
        digest = hashlib.md5(b"\0" + password.encode() + self.challenge, usedforsecurity=False)
        return values.get("response") == f"00{digest.hexdigest()}"

    def _notice(self, menu: str, row: Row) -> None:
        for tag, watched in list(self.listening.items()):
            if watched == menu:
                with contextlib.suppress(OSError):
                    self._send([["!re", *wire.words_of(row), f".tag={tag}"]])

    def _send(self, replies: Sequence[Sequence[str]]) -> None:
        with self.lock:
            self.request.sendall(b"".join(map(wire.encode, replies)))


def _mixed(answers: Sequence[Sequence[Sequence[str]]]) -> list[Sequence[str]]:
    """Mix the answers to commands that were under way together, one reply of each in turn."""
    rounds = itertools.zip_longest(*answers)
    return [reply for each in rounds for reply in each if reply is not None]


class RestHandler(http.server.BaseHTTPRequestHandler):
    """One connection of REST: JSON with texts only, statuses as the manual names them."""

    router: ClassVar[Router]
    protocol_version = "HTTP/1.1"
    timeout = 30
    wbufsize = 1 << 16  # head and body in one packet

    def log_message(self, format: str, *args: Any) -> None:
        """Keep still."""

    def do_GET(self) -> None:
        """List a menu or show one of its rows."""
        self._serve("GET")

    def do_PUT(self) -> None:
        """Add."""
        self._serve("PUT")

    def do_PATCH(self) -> None:
        """Set."""
        self._serve("PATCH")

    def do_DELETE(self) -> None:
        """Remove."""
        self._serve("DELETE")

    def do_POST(self) -> None:
        """Do a command of the console."""
        self._serve("POST")

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urllib.parse.urlsplit(self.path)
        if self.router.release < _FIRST_REST or not address.path.startswith("/rest/"):
            self._reply(404, b"<html><body>404 Not Found</body></html>", "text/html")
            return
        user = self._user()
        if user is None:
            self._error(401, "Unauthorized")
            return
        try:
            values = json.loads(body) if body else {}
            if not isinstance(values, dict):
                raise Trap("expected an object")
            path = urllib.parse.unquote(address.path).removeprefix("/rest")
            self._do(method, path, user, dict(urllib.parse.parse_qsl(address.query)) | values)
        except ValueError:
            self._error(400, "Bad Request", "malformed JSON")
        except Trap as trap:
            self._refuse(trap)
        except ConnectionAbortedError:
            self.close_connection = True
            self.connection.close()

    def _do(self, method: str, path: str, user: str, given: Mapping[str, Any]) -> None:
        query = [str(word) for word in given.get(".query", [])]
        values = {name: _text(value) for name, value in given.items() if name != ".query"}
        menu, _, last = path.rpartition("/")
        if method == "POST":
            rows = self.router.command(user, menu, last, values, query)
            self._json(200, rows if last in ("print", "getall") else rows[0] if rows else [])
        elif method == "PUT":
            added = self.router.command(user, path, "add", values)[0]["ret"]
            self._json(201, self._row(user, path, added))
        elif not last.startswith("*"):
            if method != "GET":
                raise Trap("no such command", "0")
            words = [f"{name}={value}" for name, value in values.items() if name != ".proplist"]
            self._json(200, self.router.command(user, path, "print", values, words))
        elif method == "DELETE":
            self.router.command(user, menu, "remove", {".id": last})
            self._reply(204, b"", "application/json")
        else:
            if method == "PATCH":
                self.router.command(user, menu, "set", {**values, ".id": last})
            self._json(200, self._row(user, menu, last))

    def _row(self, user: str, menu: str, id: str) -> Row:
        found = self.router.command(user, menu, "print", {}, [f".id={id}"])
        if not found:
            raise Trap("no such item", "0")
        return found[0]

    def _user(self) -> str | None:
        scheme, _, text = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return None
        name, _, password = base64.b64decode(text).decode().partition(":")
        user = self.router.users.get(name)
        fits = user and user.password == password and "rest-api" in user.policy
        return name if fits else None

    def _refuse(self, trap: Trap) -> None:
        if trap.message == "no such item":
            self._error(404, "Not Found")
        elif trap.message.startswith("no such command"):
            self._error(400, "Bad Request", f"{trap.message.replace(' prefix', '')} or directory")
        else:
            self._error(400, "Bad Request", trap.message)

    def _error(self, status: int, message: str, detail: str = "") -> None:
        self._json(status, {"error": status, "message": message, **({"detail": detail} if detail else {})})

    def _json(self, status: int, content: object) -> None:
        self._reply(status, json.dumps(content).encode(), "application/json")

    def _reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if status != http.HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64
    context: ssl.SSLContext | None = None

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread: one that is silent holds up no other."""
        if self.context:
            try:
                request.settimeout(10)
                request = self.context.wrap_socket(request, server_side=True)
                request.settimeout(None)
            except OSError:
                self.shutdown_request(request)
                return
        super().process_request_thread(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep still: a test that cuts a connection means it."""


@contextlib.contextmanager
def serving(router: Router, door: str, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve a router by `api` or `rest` on a free port of loopback, with TLS if a context is given."""
    base: type[socketserver.BaseRequestHandler] = ApiSession if door == "api" else RestHandler
    handler = type("Handler", (base,), {"router": router})
    with _Server(("127.0.0.1", 0), handler) as server:
        server.context = tls
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate, served by `context`; `pem` is what a client may trust, `pin` its SHA-256."""

    context: ssl.SSLContext
    pem: str
    pin: str


def certificate(name: str = "localhost") -> Certificate:
    """Make a certificate of this name, as `/certificate` of the router would."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem + secret)
        file.flush()
        context.load_cert_chain(file.name)
    return Certificate(context, pem.decode(), made.fingerprint(hashes.SHA256()).hex())
