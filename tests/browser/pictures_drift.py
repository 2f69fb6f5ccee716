"""Real drift for the picture of the list: somebody changed the laboratory's gateway by hand."""

import gates
from gates import LineAccess
from linecard.demo import lab as demo_lab
from tasks import celery_app, enqueue
from tasks.runtime import queue_url
from tests.product import Product, wait_for

CUT_BY_HAND = ("c1", "c9", "c11")
STRANGERS = ("10.77.2.99", "10.77.3.128/29")


def stage(product: Product) -> None:
    """Let who is locked pass, cut three who paid and two addresses of nobody; wait until it was read back."""
    lab = product.plan
    gateway = gates.make(lab.gate_kind, dict(lab.gate_settings))
    locked = LineAccess(1, (lab.customer(demo_lab.LOCKED).address,))
    gateway.apply({locked: "open"})
    hand = [(lab.customer(key).address,) for key in CUT_BY_HAND] + [(one,) for one in STRANGERS]
    gateway.apply({LineAccess(place, addresses): "closed" for place, addresses in enumerate(hand, 2)})
    app = celery_app.make(queue_url(product.settings))
    enqueue.observe_access(app)
    app.close()
    browser = product.client("noc")
    wait_for(lambda: all(one in browser.get("/drift").text for one in STRANGERS), 60, product.log)
