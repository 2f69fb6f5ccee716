"""Pages of the phone go compressed, whatever stands in front of us: their connection is poor."""

import gzip

from flask import Response, request

LEAST_BYTES = 600


def compress(answer: Response) -> Response:
    """Compress a page or fragment for a browser that takes gzip (RFC 9110, 8.4); streams stay as they are."""
    answer.vary.add("Accept-Encoding")
    if (
        answer.is_streamed
        or answer.content_encoding
        or not (answer.mimetype or "").startswith("text/")
        or not request.accept_encodings["gzip"]
    ):
        return answer
    plain = answer.get_data()
    if len(plain) < LEAST_BYTES:
        return answer
    answer.set_data(gzip.compress(plain, 6, mtime=0))
    answer.content_encoding = "gzip"
    return answer
