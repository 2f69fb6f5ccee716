"""From the press to the answer: `python bench/net/bench_diagnosis.py [PRESSES]`.

The whole product with its laboratory, in a data folder of this run's own: real web server, queue, worker,
wire. Pressed is "Ping" (an HTTP client reads the stream to the first reply; and headless Chromium, from the
click to the end of the frame that drew the first reply) and "Diagnose" (from the request to the end of the
stream), on lines that are fine and on lines that are broken for real. Medians and 95 %.
"""

import json
import re
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ground

from linecard.lab import shell
from tests import product as products
from tests.product import Client, Product

PROGRAMS = ("chromium", "ip", "nft", "snmpd")
# A run that has ended lets panels of the card load anew, for up to a second: nobody presses so fast.
PAUSE_S, CLICK_PAUSE_S = 0.15, 1.5
GOOD, BROKEN = ("c1", "c2", "c10"), ("c5", "c6", "c4", "c8")
BROKEN_WORDS = {
    "c5": "router dead",
    "c6": "two routers on one address",
    "c4": "40 % loss",
    "c8": "router drops ping",
}


def main(presses: int) -> int:
    print(ground.describe(*PROGRAMS), f"{presses} presses each", sep="; ")
    with products.running() as product:
        product.lab_up()
        client = product.client("noc")
        settle(product, client)
        live_ping(product, client, presses)
        diagnoses(product, client, presses)
    return 0


def settle(product: Product, client: Client) -> None:
    """Let everybody speak and every part be warm, as they are on a working day."""
    for key in GOOD:
        speak(product, key)
    products.wait_for(lambda: diagnose(product, client, "c1")[1]["stage"] is None, 60, product.log)


def speak(product: Product, key: str) -> None:
    """Let the customer's router send a packet, so that gateway and switch know it."""
    planned = product.plan.customer(key)
    gateway = product.plan.segment(planned.segment).gateway_address
    shell.run(shell.inside(planned.namespace, "ping", "-c1", "-W1", gateway))


def stream(client: Client, run: int) -> Iterator[dict[str, Any]]:
    """Yield the messages of the run's live stream, as the page reads them."""
    request = urllib.request.Request(f"{client.base_url}/runs/events?run={run}")
    client.cookies.add_cookie_header(request)
    with urllib.request.urlopen(request, timeout=30) as lines:
        for line in lines:
            if line.startswith(b"data: "):
                message = json.loads(line[6:])
                yield message
                if message["kind"] == "end":
                    return


def press(product: Product, client: Client, key: str, what: str, **form: Any) -> int:
    """Press a button of the customer's card; return the number of the run."""
    path = f"/customers/{customer_id(product, key)}/diagnostics/{what}"
    answer = client.post(path, form, {"HX-Request": "true"})
    found = re.search(r'id="run-(\d+)"', answer.text)
    assert found, f"{answer.status} {answer.text[:500]}"
    return int(found[1])


_ids: dict[str, int] = {}


def customer_id(product: Product, key: str) -> int:
    if key not in _ids:
        _ids[key] = product.customer_id(f"LAB-{key[1:]}")
    return _ids[key]


# -- live ping


def live_ping(product: Product, client: Client, presses: int) -> None:
    print("\n| Ping, from the press to its first reply | median ms | p95 ms | worst ms | less RTT, p95 |")
    print("|---|---|---|---|---|", flush=True)
    first_reply(product, client)
    times = [first_reply(product, client) for _ in range(presses)]
    row("request sent to reply line read, HTTP client", times)
    row("click to reply drawn, headless Chromium", clicks(product, presses))


def row(name: str, times: list[tuple[float, float]]) -> None:
    took = sorted(one for one, _ in times)
    beside = sorted(one - rtt for one, rtt in times)
    print(
        f"| {name} | {statistics.median(took):.1f} | {p95(took):.1f} | {took[-1]:.1f} | {p95(beside):.1f} |",
        flush=True,
    )


def p95(ordered: list[float]) -> float:
    return ordered[max(0, round(0.95 * len(ordered)) - 1)]


def first_reply(product: Product, client: Client) -> tuple[float, float]:
    """Return the milliseconds to the first reply, and its round trip."""
    time.sleep(PAUSE_S)
    address = product.plan.customer("c1").address
    began = time.perf_counter()
    run = press(product, client, "c1", "ping", target=[address], count=1, interval_s=1, size=56)
    took_ms = rtt_ms = 0.0
    for message in stream(client, run):
        if message["kind"] == "reply":
            took_ms, rtt_ms = (time.perf_counter() - began) * 1000, message["rtt_ms"]
    assert took_ms, "no reply came"
    return took_ms, rtt_ms


_CLICK = """
([button, known]) => new Promise((resolve) => {
  const began = performance.now();
  const fresh = () => [...document.querySelectorAll("article.run")].find((run) => !known.includes(run.id));
  const watch = new MutationObserver(() => {
    if (!fresh()?.querySelector("ol.replies li")) return;
    watch.disconnect();
    // What a message tells comes after the frame that drew it.
    const drawn = new MessageChannel();
    drawn.port1.onmessage = () => resolve(performance.now() - began);
    requestAnimationFrame(() => drawn.port2.postMessage(null));
  });
  watch.observe(document.body, { childList: true, subtree: true });
  button.click();
})
"""


def clicks(product: Product, presses: int) -> list[tuple[float, float]]:
    """Return for each click the milliseconds until its first reply is drawn; no round trip is taken off."""
    from playwright.sync_api import sync_playwright

    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{product.base_url}/sign-in")
        page.get_by_label("Name").fill("noc")
        page.get_by_label("Password").fill(products.PASSWORDS["noc"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        page.goto(f"{product.base_url}/customers/{customer_id(product, 'c1')}")
        form = page.locator("#diagnose-addresses")
        form.get_by_label("Count").fill("1")
        button = form.get_by_role("button", name="Ping").element_handle()
        for number in range(presses + 2):
            known = page.eval_on_selector_all("article.run", "all => all.map((one) => one.id)")
            took_ms = page.evaluate(_CLICK, [button, known])
            page.locator("article.run [data-run-open]").first.wait_for(state="detached")
            time.sleep(CLICK_PAUSE_S)
            if number >= 2:  # the first ones load the code of the page
                times.append((took_ms, 0.0))
        browser.close()
    return times


# -- diagnosis


def diagnoses(product: Product, client: Client, presses: int) -> None:
    print("\n| Diagnose, from the press to the verdict | verdict | median s | p95 s | worst s |")
    print("|---|---|---|---|---|", flush=True)
    every, half = range(presses), range(presses // 2)
    fine: list[float] = []
    for key in GOOD:
        speak(product, key)
        fine += tell(product, f"{key}, nothing wrong", [diagnose(product, client, key) for _ in every])
    summary("all healthy lines (goal 1.5 s)", fine)
    broken: list[float] = []
    for key in BROKEN:
        words = f"{key}, {BROKEN_WORDS[key]}"
        broken += tell(product, words, [diagnose(product, client, key) for _ in half])
    for name, key, fault in (
        ("c2, cable pulled", "c2", pulled(product, "c2")),
        ("c10, gateway silent", "c10", silent_gateway(product)),
    ):
        with fault:
            time.sleep(4)  # the agents' own caches notice it
            broken += tell(product, name, [diagnose(product, client, key) for _ in half])
    summary("all broken lines (goal 5 s)", broken)


def tell(product: Product, name: str, found: list[tuple[float, dict[str, Any]]]) -> list[float]:
    took = sorted(seconds for seconds, _ in found)
    verdicts = ", ".join(sorted({str(verdict["cause"]) for _, verdict in found}))
    print(f"| {name} | {verdicts} | {times_of(took)} |", flush=True)
    close_incidents(product)
    return took


def summary(name: str, took: list[float]) -> None:
    print(f"| **{name}** | | {times_of(sorted(took))} |", flush=True)


def times_of(ordered: list[float]) -> str:
    return f"{statistics.median(ordered):.2f} | {p95(ordered):.2f} | {ordered[-1]:.2f}"


def diagnose(product: Product, client: Client, key: str) -> tuple[float, dict[str, Any]]:
    """Return the seconds from the request to the end of the stream, and the verdict."""
    time.sleep(PAUSE_S)
    began = time.perf_counter()
    run = press(product, client, key, "diagnose")
    verdict: dict[str, Any] = {}
    for message in stream(client, run):
        if message["kind"] == "summary":
            verdict = message["verdict"]
    return time.perf_counter() - began, verdict


def close_incidents(product: Product) -> None:
    """An incident that is not over yet would be the verdict of the next line."""
    from registry import incidents

    with product.database.transaction() as session:
        for one in incidents.page(session, is_closed=False).rows:
            incidents.close(session, incidents.JOB, one.id, note="the fault was undone")


@contextmanager
def pulled(product: Product, key: str) -> Iterator[None]:
    planned = product.plan.customer(key)
    gateway = product.plan.segment(planned.segment).gateway_address
    ground.ip("-n", planned.namespace, "link", "set", "eth0", "down")
    try:
        yield
    finally:
        ground.ip("-n", planned.namespace, "link", "set", "eth0", "up")
        ground.ip("-n", planned.namespace, "route", "replace", "default", "via", gateway)


@contextmanager
def silent_gateway(product: Product) -> Iterator[None]:
    inside = product.plan.gateway.namespace
    drop = f"ip saddr {product.plan.probe_address} drop"
    chains = "".join(
        f"chain {hook} {{\n type filter hook {hook} priority -100\n {drop}\n}}\n"
        for hook in ("input", "forward")
    )
    shell.run(shell.inside(inside, "nft", "-f", "-"), f"table inet fault {{\n{chains}}}\n")
    try:
        yield
    finally:
        shell.run(shell.inside(inside, "nft", "delete", "table", "inet", "fault"))


if __name__ == "__main__":
    ground.run(main, int((sys.argv[1:] or ["20"])[0]), needs=PROGRAMS)
