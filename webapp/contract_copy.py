"""A contract as a file: for staff from its page, for the customer who has signed it."""

from zoneinfo import ZoneInfo

from flask import Response, request
from sqlalchemy.orm import Session

from core import catalogues
from desk import contract_pdf
from desk.models import Contract
from registry import company, payers
from registry.models import Customer
from webapp import runtime


def answer(session: Session, contract: Contract) -> Response:
    """Answer with the contract as PDF, in the language the customer is written to in, else the ISP's.

    It is written in the request, in a tenth of a second: the same contract gives the same bytes, so a browser
    that has them is told so.
    """
    isp = runtime.current().settings.isp
    number = session.get_one(Customer, contract.customer_id).number
    language = payers.language_of(session, contract.customer_id) or isp.locale
    content = contract_pdf.write(
        contract, number, company.get(session), catalogues.voice_of(language), ZoneInfo(isp.time_zone)
    )
    made = Response(content, mimetype="application/pdf")
    made.headers["Content-Disposition"] = f'attachment; filename="{contract_pdf.file_name(contract)}"'
    made.cache_control.private, made.cache_control.no_cache = True, True
    made.add_etag()
    return made.make_conditional(request)
