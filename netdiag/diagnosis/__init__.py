"""The verdict: evidence in, eight stages and a conclusion in plain words out. Pure: no clock, no socket.

    found = diagnosis.judge(Evidence(account=..., pop=..., ...))
    found.stages     in order, each good, bad, warning or unknown (which says why)
    found.verdict    what is broken, who must act, what to say, how sure that is, and what was not checked

The first bad stage is the verdict's; later ones are shown and change nothing. Missing or contradictory
evidence lowers the confidence and says so. `evidence` holds the types to fill in.
"""

from netdiag.diagnosis.conclusion import judge
from netdiag.diagnosis.evidence import Evidence, NotChecked
from netdiag.diagnosis.outcome import Cause, Confidence, Diagnosis, Stage, StageKey, State, Verdict, Who

__all__ = [
    "Cause",
    "Confidence",
    "Diagnosis",
    "Evidence",
    "NotChecked",
    "Stage",
    "StageKey",
    "State",
    "Verdict",
    "Who",
    "judge",
]
