"""Switch ports that a line's former gate closed: opened there, for no list of a switch shows them."""

from core.errors import LinecardError
from gates import LineAccess
from registry import strangers
from registry.gate_turns import Turn
from tasks import gate_calls
from tasks.gate_calls import Maker
from tasks.runtime import Runtime


def open_all(runtime: Runtime, turn: Turn, make: Maker) -> None:
    """Open the ports asked open at a gate, and write down which are; raises Failed.

    One that cannot be opened says why in the drift list and is asked open again there.
    """
    if turn.gate.kind != strangers.PORTS:
        return
    with runtime.database.transaction() as session:
        asked = strangers.ports_to_open(session, turn.gate.id)
    if not asked:
        return
    site = gate_calls.site_of(runtime, turn.gate)
    errors: dict[int, str] = {}
    ports: list[LineAccess] = []
    for key, port in asked.items():
        try:
            ports.append(LineAccess(-key, port=gate_calls.port_ref(runtime, port, site)))
        except LinecardError as error:
            errors[key] = str(error)
    outcomes = gate_calls.ask(
        runtime, turn.gate, make, lambda made: made.apply(dict.fromkeys(ports, "open")) if ports else {}
    )
    errors |= {-key: outcome.error for key, outcome in outcomes.items() if outcome.error}
    with runtime.database.transaction() as session:
        strangers.note_opened(session, [-key for key in outcomes if -key not in errors])
        for key, words in errors.items():
            strangers.note_error(session, [key], words)
