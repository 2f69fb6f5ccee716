"""The whole product with the demo: an open stream and a ping that goes on do not hold the stop."""

import threading
import time
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar

import pytest

from linecard.demo import plan
from tests import product as products
from tests.product import Product, children_of, start, wait_for

# The first test of a run starts the whole product, with neighbours on the same cores.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def product() -> Iterator[Product]:
    with products.running() as made:
        yield made


def _follow(url: str, cookies: CookieJar, seen: list[str]) -> None:
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    try:
        with opener.open(url, timeout=60) as stream:
            seen.extend(line.decode() for line in stream)
    except OSError as error:
        seen.append(f"broken off: {error}")


def test_an_open_stream_does_not_hold_the_stop_and_the_next_start_is_quick(product: Product) -> None:
    noc = product.client("noc")
    live = next(one for one in plan.build().connected if one.is_alive and not one.trouble)
    path = f"/customers/{product.customer_id(live.number)}/diagnostics/ping"
    answer = noc.post(path, {"target": live.address, "count": "600", "interval_s": "0.2"})
    run = answer.headers["Location"].rpartition("/")[2]
    seen: list[str] = []
    url = f"{product.base_url}/runs/events?run={run}"
    watcher = threading.Thread(target=_follow, args=(url, noc.cookies, seen), daemon=True)
    watcher.start()
    wait_for(lambda: sum('"reply"' in line for line in seen) > 3, 15, product.log)
    children = children_of(product.process.pid)
    began = time.monotonic()
    assert product.stop() == 0
    stopped_s = time.monotonic() - began
    watcher.join(5)
    assert not watcher.is_alive()
    assert not any(products.command_of(pid) for pid in children), "no process is left"
    product.process = start(product.folder, product.environ).process
    started_s = product.wait_well()
    print(f"first start {product.ready_s:.1f} s, stop {stopped_s:.1f} s, second start {started_s:.1f} s")
    assert stopped_s < 40
