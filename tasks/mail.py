"""How a letter leaves the house: by an SMTP server (RFC 5321), or to the log of a demo."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from typing import Protocol

import structlog

from core.settings import Mail

log = structlog.get_logger()


class Undeliverable(Exception):
    """The letter was not taken; `is_final` when the server will never take it."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class Post(Protocol):
    """Whoever takes letters."""

    def send(self, letter: EmailMessage) -> None:
        """Hand a letter over; raises Undeliverable."""


def letter_of(
    *,
    sender: str,
    to: str,
    subject: str,
    body: str,
    message_id: str,
    pdf: tuple[str, bytes] | None = None,
) -> EmailMessage:
    """Return a letter (RFC 5322); the same `message_id` at each attempt lets a reader drop a second copy."""
    letter = EmailMessage(policy=SMTP)
    letter["From"], letter["To"], letter["Subject"] = sender, to, subject
    letter["Date"] = formatdate(usegmt=True)
    letter["Message-ID"] = message_id
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers to us
    letter.set_content(body)
    if pdf is not None:
        letter.add_attachment(pdf[1], maintype="application", subtype="pdf", filename=pdf[0])
    return letter


@contextmanager
def opened(settings: Mail) -> Iterator[Post]:
    """Open the way out for some letters; raises Undeliverable when the server does not answer."""
    if settings.backend == "console":
        yield _Console()
        return
    try:
        server = _connect(settings)
    except (OSError, smtplib.SMTPException) as error:
        raise Undeliverable(f"The mail server does not answer: {error}") from error
    try:
        yield _Server(server)
    finally:
        try:
            server.quit()
        except (OSError, smtplib.SMTPException):
            server.close()


def _connect(settings: Mail) -> smtplib.SMTP:
    host, port, timeout_s = settings.host, settings.port, settings.timeout_s
    if settings.security == "tls":
        trusted = ssl.create_default_context()
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=timeout_s, context=trusted)
    else:
        server = smtplib.SMTP(host, port, timeout=timeout_s)
    try:
        if settings.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.user:
            password = settings.password.get_secret_value() if settings.password else ""
            server.login(settings.user, password)
    except BaseException:
        server.close()
        raise
    return server


class _Console:
    """Writes letters to the log: for a demo, where nobody is to be written to."""

    def send(self, letter: EmailMessage) -> None:
        parts = [part.get_filename() for part in letter.iter_attachments()]
        log.info("letter", to=letter["To"], subject=letter["Subject"], attached=parts)


class _Server:
    """An SMTP server that took our greeting."""

    def __init__(self, server: smtplib.SMTP) -> None:
        self._server = server

    def send(self, letter: EmailMessage) -> None:
        try:
            self._server.send_message(letter, from_addr=parseaddr(letter["From"])[1])
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            self._reset()
            raise Undeliverable(_words(code, words), is_final=code >= 500) from error
        except smtplib.SMTPResponseException as error:
            self._reset()
            raise Undeliverable(_words(error.smtp_code, error.smtp_error)) from error
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise Undeliverable(f"The mail server went away: {error}") from error

    def _reset(self) -> None:
        """Have the server forget the letter it refused, so that the next one may follow."""
        try:
            self._server.rset()
        except (OSError, smtplib.SMTPException):
            self._server.close()


def _words(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {text}"[:500]
