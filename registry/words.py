"""Sentences of the records that more than one module says."""

from core.words import N_
from registry.models import CustomerStatus

STATUS_WORDS = {
    CustomerStatus.CONNECTED: N_("The customer is connected"),
    CustomerStatus.WAITING: N_("The customer is waiting"),
    CustomerStatus.PROSPECT: N_("The customer is prospect"),
    CustomerStatus.FORMER: N_("The customer is former"),
}


def idle_words(status: CustomerStatus) -> str:
    """Return why services of a customer of this status are off and not billed; nothing when they are on."""
    return "" if status is CustomerStatus.CONNECTED else STATUS_WORDS[status]
