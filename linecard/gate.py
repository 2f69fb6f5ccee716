"""`linecard gate check NAME`: try a configured gate from where it is told; nothing is changed."""

from pydantic import SecretStr

from core.errors import Unavailable
from core.settings import Settings
from gates import GateError, nft_program
from linecard import embedded
from linecard.errors import StartError
from netdiag.errors import WireError
from registry import line_gates
from registry.lines import GateTarget
from tasks import gate_tries, sites
from tasks.runtime import Runtime


def check(settings: Settings, name: str) -> int:
    """Print what the gate of this name answers, a line each; returns 0. Raises NotFound, StartError.

    It is asked by the box of its POP, else from this machine; what only its own worker can tell is refused.
    """
    with embedded.attached(settings, queue=True) as urls:
        known = {"database_url": SecretStr(urls.database), "queue_url": SecretStr(urls.queue)}
        runtime = Runtime(settings.model_copy(update={"data": settings.data.model_copy(update=known)}))
        try:
            with runtime.database.reading() as session:
                gate = line_gates.find(session, name)
            nft_program.allow(settings.gates.nft_programs)
            target = GateTarget(gate.id, gate.kind, dict(gate.options), gate.secrets_sealed)
            found = gate_tries.check(runtime, target)
        except sites.Elsewhere as error:
            raise StartError(f"{name}: {error}; try it there, or on its page (Setup, Gates)") from error
        except (GateError, WireError, Unavailable) as error:
            raise StartError(f"{name}: {error}") from error
        finally:
            runtime.close()
    for one in found:
        print(f"{'ok' if one.is_good else '!!'}  {one.words}{f' ({one.advice})' if one.advice else ''}")
    return 0
