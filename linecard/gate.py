"""`linecard gate check NAME`: try a configured gate from this machine; nothing is changed."""

import gates
from core import db, secrets
from core.settings import Settings
from gates import GateError, nft_program
from linecard import embedded
from linecard.errors import StartError
from registry import line_gates


def check(settings: Settings, name: str) -> int:
    """Print in one sentence what the gate of this name answers; returns 0. Raises NotFound, StartError."""
    with embedded.attached(settings) as urls:
        database = db.Database(db.engine_of(urls.database))
        try:
            with database.reading() as session:
                gate = line_gates.find(session, name)
        finally:
            database.dispose()
    known = {}
    if gate.secrets_sealed:
        ring = secrets.Ring([key.get_secret_value() for key in settings.secrets.keys])
        known = line_gates.open_secrets(ring, gate.id, gate.secrets_sealed)
    nft_program.allow(settings.gates.nft_programs)
    try:
        print(gates.make(gate.kind, {**gate.options, **known}).check())
    except GateError as error:
        raise StartError(f"{gate.name}: {error}") from error
    return 0
