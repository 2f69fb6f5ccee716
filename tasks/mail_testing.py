"""A mail server for tests: takes letters over SMTP (RFC 5321), or refuses them as it is told."""

import socketserver
import threading
from types import TracebackType
from typing import Self


class FakeSmtp:
    """Listens on loopback at `port`; `letters` are (recipient, whole letter) as they came in.

    `replies` maps a recipient to what is answered to RCPT, such as "550 no such user"; `data_reply` is the
    answer to a letter's end.
    """

    def __init__(self) -> None:
        self.letters: list[tuple[str, bytes]] = []
        self.replies: dict[str, str] = {}
        self.data_reply = "250 taken"
        self._server = _Server(("127.0.0.1", 0), _Talk)
        self._server.mailbox = self
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    mailbox: FakeSmtp


class _Talk(socketserver.StreamRequestHandler):
    """One connection: a word of the client, an answer of ours, until it quits."""

    timeout = 10
    server: _Server

    def handle(self) -> None:
        """Talk."""
        self._say("220 fake")
        to = ""
        while line := self.rfile.readline(2000):
            word = line.decode("ascii", "replace").strip()
            verb = word[:4].upper()
            if verb == "RCPT":
                to = word.partition("<")[2].partition(">")[0]
                self._say(self.server.mailbox.replies.get(to, "250 fine"))
            elif verb == "DATA":
                self._say("354 go on")
                self._take(to)
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _take(self, to: str) -> None:
        lines = []
        while (line := self.rfile.readline(100_000)) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        reply = self.server.mailbox.data_reply
        if reply.startswith("250"):
            self.server.mailbox.letters.append((to, b"".join(lines)))
        self._say(reply)

    def _say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")
