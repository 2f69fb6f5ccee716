"""Deliver what lies in the outbox: each message once, tried again after growing pauses."""

import structlog

from billing import paper, pdf, policies
from core import catalogues, clock
from core.errors import LinecardError
from registry import dunning, outbox
from registry.models import OutboxChannel
from registry.outbox import Letter
from tasks import mail
from tasks.mail import Post, Undeliverable
from tasks.runtime import Runtime

log = structlog.get_logger()

BATCH = 20
LEASE_S = 600
# A run ends before its lease and its next turn; what is left is taken by the next one.
ROUNDS = 10


def run(runtime: Runtime) -> int:
    """Deliver the messages that are due; return how many went out. Runs may overlap: leases part them.

    No transaction is open while the mail server is spoken to.
    """
    sent = 0
    _withdraw_paid(runtime)
    for _ in range(ROUNDS):
        if runtime.is_stopping.is_set():
            break
        with runtime.database.transaction() as session:
            letters = outbox.claim(
                session, channels=set(OutboxChannel), now=clock.now(), limit=BATCH, lease_s=LEASE_S
            )
        if not letters:
            break
        went = _write_down(runtime, [one for one in letters if one.channel is OutboxChannel.SMS])
        went += _deliver(runtime, [one for one in letters if one.channel is OutboxChannel.EMAIL])
        sent += went
        if not went:  # the server is away: the rest waits for it, too
            break
    return sent


def _withdraw_paid(runtime: Runtime) -> None:
    """Who paid while the mail server was away is not reminded of what he paid."""
    on = clock.today(runtime.settings.isp.time_zone)
    with runtime.database.transaction() as session:
        limits = policies.in_force(session, runtime.settings)
        withdrawn = dunning.withdraw_paid(session, on, rules=limits)
    if withdrawn:
        log.info("reminders_withdrawn", count=withdrawn)


def _write_down(runtime: Runtime, letters: list[Letter]) -> int:
    """Text messages have no gateway yet: the log is their console."""
    for letter in letters:
        log.info("text_message", to=letter.address, characters=len(letter.body))
        _settle(runtime, letter, "")
    return len(letters)


def _deliver(runtime: Runtime, letters: list[Letter]) -> int:
    sent, fault = 0, ""
    if not letters:
        return 0
    try:
        with mail.opened(runtime.settings.mail) as post:
            while letters:
                sent += _one(runtime, post, letters.pop(0))
    except Undeliverable as error:
        fault = str(error)
        log.warning("mail_server_away", error=fault)
    for letter in letters:
        _settle(runtime, letter, fault)
    return sent


def _one(runtime: Runtime, post: Post, letter: Letter) -> bool:
    """Send one letter and write down what became of it; say whether it went out."""
    try:
        post.send(
            mail.letter_of(
                sender=runtime.settings.mail.sender,
                to=letter.address,
                subject=letter.subject,
                body=letter.body,
                message_id=f"<outbox-{letter.id}@{runtime.settings.mail.domain}>",
                pdf=_attached(runtime, letter),
            )
        )
    except Undeliverable as error:
        _settle(runtime, letter, str(error), is_final=error.is_final)
        return False
    except (LinecardError, ValueError) as error:  # an address or a document no letter can be made of
        _settle(runtime, letter, str(error) or type(error).__name__, is_final=True)
        return False
    _settle(runtime, letter, "", has_left=runtime.settings.mail.backend != "console")
    return True


def _attached(runtime: Runtime, letter: Letter) -> tuple[str, bytes] | None:
    if letter.document_id is None:
        return None
    with runtime.database.reading() as session:
        found = paper.of(session, letter.document_id)
    locale = found.language or runtime.settings.isp.locale
    return pdf.file_name(found), pdf.write(found, catalogues.voice_of(locale))


def _settle(
    runtime: Runtime, letter: Letter, error: str, *, is_final: bool = False, has_left: bool = False
) -> None:
    arrived_on = clock.today(runtime.settings.isp.time_zone) if has_left else None
    with runtime.database.transaction() as session:
        status = outbox.settle(
            session, letter, now=clock.now(), error=error, is_final=is_final, arrived_on=arrived_on
        )
    if error:
        log.warning("letter_not_sent", id=letter.id, status=status.value, error=error)
