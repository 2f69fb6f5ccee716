"""Files kept with a customer: handing one out."""

import io

from flask import Response, send_file

from registry import files
from webapp import identity, permissions, runtime


@permissions.required("customer.view")
def download(customer_id: int, file_id: int) -> Response:
    """Hand a file out, always as a download; history notes who took it, so this GET writes."""
    with runtime.current().database.transaction() as session:
        stored = files.read(session, identity.actor(), customer_id, file_id)
        content, name, media_type = stored.content, stored.name, stored.media_type
    answer = send_file(io.BytesIO(content), mimetype=media_type, as_attachment=True, download_name=name)
    answer.cache_control.private, answer.cache_control.no_store = True, True
    return answer
