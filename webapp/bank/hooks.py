"""Messages of payment gateways: no session and no token, a signature instead; told twice they count once."""

from flask import Response, jsonify, request

from core import clock, db
from core.errors import Invalid
from registry import gateways
from tasks import enqueue
from webapp import permissions, runtime

LIMIT_BYTES = 64 * 1024
TIMESTAMP, SIGNATURE = "X-Linecard-Timestamp", "X-Linecard-Signature"


@permissions.public
def payment(gateway: str) -> Response:
    """Take a payment a gateway tells of: 200 with what became of it, also when it was told before.

    409 when the same event told another sum, currency or account before: sending it again changes nothing.
    """
    if (request.content_length or 0) > LIMIT_BYTES:
        raise Invalid("The message is too large")
    body = request.get_data(cache=False)[: LIMIT_BYTES + 1]
    now = runtime.current()
    with now.database.transaction() as session:
        known = gateways.checked(
            session,
            now.ring,
            gateway,
            body=body,
            timestamp=request.headers.get(TIMESTAMP, ""),
            signed=request.headers.get(SIGNATURE, ""),
            now=clock.now(),
        )
        heard = gateways.hear(
            session,
            known,
            body,
            usual_currency=now.settings.isp.currency,
            today=clock.today(now.settings.isp.time_zone),
            rules=now.policy.rules(session),
        )
        if heard.reopened:
            pop = now.settings.diagnostics.default_pop
            db.after_commit(session, lambda: enqueue.sweep_access(now.queue, pop=pop))
    answer = jsonify(outcome=heard.outcome)
    if heard.is_contradiction:
        answer.status_code = 409
    return answer
