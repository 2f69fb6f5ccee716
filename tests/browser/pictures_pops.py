"""The pages of POPs with a real box at work in one of them, for the pictures."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.box import place_of
from registry import pop_boxes, pops
from tasks.runtime import Runtime
from tests import pop_broker
from tests import product as products


@contextmanager
def boxed(product: products.Product) -> Iterator[str]:
    """Let a box work in a POP of the demo for the block; gives the path of its page."""
    settings = product.settings
    url = settings.data.queue_url
    assert url is not None
    place, number = place_of(url.get_secret_value())
    runtime = Runtime(settings)
    with runtime.database.reading() as session:
        pop = next(one for one in pops.list_all(session) if one.code != settings.diagnostics.default_pop)
    made = pop_broker.enrolled(runtime, Path(str(place)), number, pop.code)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()

    def is_joined() -> bool:
        with runtime.database.reading() as session:
            return pop_boxes.by_pop(session)[pop.code].joined_at is not None

    try:
        pop_broker.wait(is_joined, 30)  # the work worker hears it at its next turn
        yield f"/setup/pops/{pop.id}/box"
    finally:
        made.stop()
        thread.join(15)
        runtime.close()
