"""The status page in a browser: its numbers are the broker's, every loss is seen, nothing is cut, nobody is kept out."""

import json
import shutil
import threading
import time

import pytest

from admin import Admin
from paho_client import properties
from raw_client import RawClient, packet
from waiting import wait_until

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: see requirements.txt")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no chromium: script/bootstrap installs it")

# A browser on a small machine that does other things as well.
PATIENCE = 60
VIEWS = [(1920, 1080), (1280, 800), (390, 844)]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        yield made
        made.close()


@pytest.fixture
def open_page(browser):
    """`open_page(broker)` shows its status page and waits for the first numbers. Nothing may go wrong in it."""
    pages, problems = [], []

    def open_it(broker, width=1280, height=800, scheme="light", quiet=True):
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.set_default_timeout(PATIENCE * 1000)
        pages.append(page)
        host, port = broker.address(protocol="http")
        if quiet:
            page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url)
                if not request.url.startswith((f"http://{host}:{port}/status", "data:")) else None)
        page.goto(f"http://{host}:{port}/status")
        page.wait_for_selector("#charts figure")
        return page

    yield open_it
    for page in pages:
        page.close()
    assert problems == []


def text(page, selector):
    return page.inner_text(selector)


def wait_for(page, script):
    """Asked from here: the page's Content-Security-Policy keeps the browser from waiting by itself."""
    wait_until(script, lambda: page.evaluate(script), PATIENCE)


def loss_row(page, reason):
    """What the table says of a reason: its cells, or None."""
    rows = page.eval_on_selector_all("#drops tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))")
    return next((row for row in rows if len(row) > 1 and row[1] == reason), None)


class Background:
    """A publisher and a subscriber that never stop."""

    def __init__(self, broker, client):
        self.publisher, subscriber = client(broker), client(broker)
        subscriber.subscribe("background", 1)
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.ends.wait(0.02):
            self.publisher.send("background", b"x" * 20, 1)

    def stop(self):
        self.ends.set()
        self.thread.join()


@pytest.fixture
def background(client):
    made = []

    def begin(broker):
        made.append(Background(broker, client))
        return made[-1]

    yield begin
    for each in made:
        each.stop()


LASTS = properties("CONNECT", SessionExpiryInterval=600)


class Losses:
    """Ways to lose a message, each with the words of its reason on the page."""

    def __init__(self, broker, client):
        self.broker, self.client, self.publisher = broker, client, client(broker)

    def away(self, name, topic, qos):
        subscriber = self.client(self.broker, client_id=name, connect_properties=LASTS)
        subscriber.subscribe(topic, qos)
        subscriber.disconnect()

    def publish(self, topic, count=1, payload=b"x", **options):
        for _ in range(count):
            self.publisher.publish(topic, payload, 1, **options)

    def offline_qos0(self):
        self.away("zero", "zero", 0)
        self.publish("zero", 5)

    def queue_full(self):
        self.away("full", "full", 1)
        self.publish("full", 25)

    def expired(self):
        self.away("late", "late", 1)
        self.publish("late", 3, properties=properties("PUBLISH", MessageExpiryInterval=1))
        end = time.monotonic() + 2
        wait_until("they have expired", lambda: time.monotonic() > end)
        self.client(self.broker, client_id="late", clean=False, connect_properties=LASTS)

    def packet_too_large(self):
        small = self.client(self.broker, connect_properties=properties("CONNECT", MaximumPacketSize=60))
        small.subscribe("large", 1)
        self.publish("large", 4, b"x" * 200)

    def session_ended(self):
        self.away("ends", "ends", 1)
        self.publish("ends", 6)
        self.client(self.broker, client_id="ends")

    def refused_by_client(self):
        with RawClient(self.broker.address()) as refuser:
            refuser.open_session("refuser", version=5)
            refuser.subscribe("refused", 1)
            self.publish("refused", 2)
            for _ in range(2):
                first, body = refuser.read_packet()
                length = int.from_bytes(body[:2], "big")
                refuser.send(packet(0x40, body[2 + length:4 + length] + b"\x83"))
            self.broker.wait_for_metric("message_drops_total", 2, reason="refused_by_client")

    def connection_closed(self):
        with RawClient(self.broker.address(), receive_buffer=4096) as deaf:
            deaf.open_session("deaf", version=5)
            deaf.subscribe("deaf", 0)
            self.publish("deaf", 60, b"x" * 100_000)

    def queue_purged(self):
        self.away("purged", "purged", 1)
        self.publish("purged", 7)
        assert Admin(self.broker)("queue purge", "client-id=purged", "--yes").status == 200

    def dollar_topic(self):
        self.publish("$mine/own", 3)

    def topic_invalid(self):
        # The broker ends the connection of who does this.
        self.client(self.broker).send("/".join("abcdefghijklmnop"), b"x", 1)


REASONS = [
    "offline_qos0", "queue_full", "expired", "packet_too_large", "session_ended", "refused_by_client", "connection_closed",
    "queue_purged", "dollar_topic", "topic_invalid",
]


def test_ten_losses_one_after_the_other_are_each_seen_with_rate_and_since_when(start_broker, client, open_page, background):
    broker = start_broker({"max_offline_messages": 10, "topic_max_depth": 8})
    background(broker)
    page = open_page(broker)
    wait_for(page, "() => document.body.className === 'ok'")
    losses, delays = Losses(broker, client), {}
    for reason in REASONS:
        getattr(losses, reason)()
        begin = time.monotonic()
        row = wait_until(
            f"the page shows {reason} with a rate", lambda: (lambda row: row if row and row[2] not in ("0/s", "–") else None)(
                loss_row(page, reason.replace("_", " "))), PATIENCE)
        delays[reason] = round(time.monotonic() - begin, 1)
        what, _, rate, count, since, last, advice = row
        assert what == ("Rejected" if reason in ("dollar_topic", "topic_invalid") else "Lost")
        assert rate.endswith("/s") and since.count(":") == 2 and last.count(":") == 2 and advice
        assert int(count.replace(",", "")) >= 1
        wait_for(page, "() => document.body.classList.contains('losing') && document.title.includes('⚠')")
        assert page.get_attribute("#icon", "href").count("path") > 0
    print("seconds until each was seen:", delays)
    metrics = broker.metrics()
    for reason in REASONS[:8]:
        assert loss_row(page, reason.replace("_", " "))[3].replace(",", "") == str(int(metrics("message_drops_total", reason=reason)))


def test_the_numbers_on_the_page_are_the_brokers(start_broker, client, open_page):
    broker = start_broker({"max_offline_messages": 10})
    losses = Losses(broker, client)
    losses.offline_qos0()
    losses.queue_full()
    losses.packet_too_large()
    losses.publish("nobody/there", 3)

    def caught_up():
        """The page shows the last second's look."""
        [node] = json.loads(broker.get("/status.json").body)[0].values()
        same = node["ledger"]["received"] == broker.metrics()("ledger_received_total")
        return node if same else None

    node = wait_until("a look has seen it all", caught_up, PATIENCE)
    page = open_page(broker)
    metrics = broker.metrics()
    assert text(page, "#clients") == str(node["num_online"]) == str(int(metrics("sessions", state="online")))
    picture = page.get_attribute("#ledger", "aria-label")
    for station, name in [("Received", "ledger_received_total"), ("Accepted", "ledger_accepted_total"),
                          ("Copies", "ledger_copies_total"), ("Queued", "queued_messages"), ("Delivered", "ledger_delivered_total")]:
        assert f"{station} {int(metrics(name))}" in picture, picture
    for reason in ("offline_qos0", "queue_full", "packet_too_large"):
        count = int(metrics("message_drops_total", reason=reason))
        assert count and f"{reason.replace('_', ' ')} {count}" in picture
        assert loss_row(page, reason.replace("_", " "))[3] == str(count)
    assert "no subscriber 3" in picture
    assert text(page, "#verdict") == "Accounted 100 %"
    listener = page.eval_on_selector_all("#listeners tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))")[0]
    assert listener[:4] == ["mqtt", "running", "127.0.0.1", str(broker.port)] and listener[5] == str(node["listeners"][0]["conns"])
    assert f"{node['msg_in']} so far" in text(page, "#in-note") and f"{node['msg_out']} so far" in text(page, "#out-note")


def session_rows(page):
    """What the table of sessions says, by client."""
    rows = page.eval_on_selector_all("#sessions tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))")
    return {row[0]: row[1:] for row in rows}


def test_who_loses_and_who_waits_is_named_when_asked(start_broker, client, open_page):
    broker = start_broker({"max_offline_messages": 10})
    losses = Losses(broker, client)
    losses.queue_full()
    losses.away("waits", "waits", 1)
    losses.publish("waits", 7)
    asked = broker.metrics()("http_requests_total", code="2xx")
    page = open_page(broker)
    assert not page.is_visible("#sessions-box")
    page.click("#ask-sessions")
    rows = wait_until("the sessions are there", lambda: session_rows(page) if page.is_visible("#sessions-box") else None, PATIENCE)
    assert list(rows) == ["full", "waits"]
    assert rows["full"][:3] == ["–", "away", "15"] and rows["full"][3].startswith("queue full, ") and rows["full"][4] == "10"
    assert rows["waits"][2:5] == ["0", "–", "7"] and rows["waits"][5] == "0"
    assert "4 sessions" in text(page, "#sessions-note") or "3 sessions" in text(page, "#sessions-note")
    assert page.evaluate(CUT) == []
    assert broker.metrics()("http_requests_total", code="2xx") > asked


def test_clients_are_named_to_who_has_a_key_once_there_are_keys(start_broker, client, open_page):
    broker = start_broker({"max_offline_messages": 10})
    Losses(broker, client).queue_full()
    assert json.loads(broker.get("/status/sessions.json").body)["losing"][0]["client_id"] == "full"
    admin = Admin(broker)
    other = "k" * 40
    key = "s" * 40
    assert admin("api-key add", f"key={other}", "scope=metrics").text == "ok"
    assert admin("api-key add", f"key={key}", "scope=status").text == "ok"
    assert broker.get("/status/sessions.json").status == 401
    assert broker.get("/status/sessions.json", **{"x-api-key": other}).status == 401
    assert broker.get("/status/sessions.json", **{"x-api-key": key}).status == 200
    assert broker.get("/status.json").status == 200, "the numbers name nobody"
    page = open_page(broker, quiet=False)
    page.click("#ask-sessions")
    page.wait_for_selector("#key")
    page.fill("#key", other)
    page.click("#use-key")
    wait_for(page, "() => document.getElementById('sessions-note').textContent.includes('not good')")
    page.fill("#key", key)
    page.press("#key", "Enter")
    wait_until("the sessions are there", lambda: page.is_visible("#sessions-box"), PATIENCE)
    assert list(session_rows(page)) == ["full"] and not page.is_visible("#key")
    assert page.evaluate("() => document.getElementById('key').value") == ""


CUT = """() => {
  const wrong = [];
  if (document.documentElement.scrollWidth > innerWidth) wrong.push(`the page is ${document.documentElement.scrollWidth} wide`);
  for (const element of document.querySelectorAll('.big, .pair, .note, #state, #reason, #node, #about, #warnings li, dd, figcaption, .axis'))
    if (element.scrollWidth > element.clientWidth + 1 || element.getBoundingClientRect().right > innerWidth + 1)
      wrong.push(`cut: ${element.className || element.id} ${element.textContent}`);
  const box = document.getElementById('ledger').getBoundingClientRect();
  const texts = [...document.querySelectorAll('#ledger text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  for (const [text, at] of texts)
    if (at.left < box.left - 1 || at.right > box.right + 1 || at.top < box.top - 2 || at.bottom > box.bottom + 2) wrong.push(`outside the picture: ${text}`);
  texts.forEach(([one, a], i) => texts.slice(i + 1).forEach(([other, b]) => {
    const over = (p, q) => Math.min(p, q);
    if (over(a.right, b.right) - Math.max(a.left, b.left) > 2 && over(a.bottom, b.bottom) - Math.max(a.top, b.top) > 6) wrong.push(`${one} over ${other}`);
  }));
  return wrong;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_and_axe_finds_nothing_in_any_view_with_losses_idle_and_when_the_broker_is_gone(
    start_broker, client, open_page, background, scheme
):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()

    def check(page, when):
        problems = page.evaluate(CUT)
        assert problems == [], (when, problems)
        found = axe.run(page)
        assert found.violations_count == 0, (when, found.generate_report())

    broker = start_broker({"max_offline_messages": 10})
    pages = [open_page(broker, *view, scheme=scheme, quiet=False) for view in VIEWS]
    # 200 % zoom of a small laptop is this many pixels.
    pages.append(open_page(broker, 640, 400, scheme=scheme, quiet=False))
    for page in pages:
        wait_for(page, "() => document.body.className === 'ok'")
        check(page, "idle")
    traffic = background(broker)
    losses = Losses(broker, client)
    for reason in ("offline_qos0", "queue_full", "packet_too_large", "session_ended", "connection_closed", "dollar_topic"):
        getattr(losses, reason)()
    losses.publish("nobody/there", 3)
    for page in pages:
        wait_for(page, "() => document.body.className === 'losing' && document.querySelectorAll('#drops tbody tr').length >= 6")
        check(page, "losses")
    traffic.stop()
    broker.stop()
    for page in pages:
        wait_for(page, "() => document.body.className.includes('silent') && document.body.classList.contains('stale')")
        assert text(page, "#state") == "Silent" and "No answer since" in text(page, "#reason")
        assert page.title().startswith("⚠ Silent")
        assert "No answer from the broker" in text(page, "#notice")
        assert page.evaluate(CUT) == []


def test_tables_are_sorted_by_keyboard_and_the_range_changes(start_broker, client, open_page):
    broker = start_broker({"max_offline_messages": 10})
    losses = Losses(broker, client)
    losses.queue_full()
    losses.offline_qos0()
    page = open_page(broker)
    wait_for(page, "() => document.querySelectorAll('#drops tbody tr td:nth-child(4)').length === 2")
    counts = "rows => rows.map(row => Number(row.cells[3].innerText))"
    page.focus("#drops thead th:nth-child(4) button")
    page.keyboard.press("Enter")
    assert page.eval_on_selector_all("#drops tbody tr", counts) == [15, 5]
    assert page.get_attribute("#drops thead th:nth-child(4)", "aria-sort") == "descending"
    page.keyboard.press("Enter")
    assert page.eval_on_selector_all("#drops tbody tr", counts) == [5, 15]
    page.focus("[data-range='48h']")
    page.keyboard.press("Space")
    assert page.get_attribute("[data-range='48h']", "aria-pressed") == "true"
    wait_for(page, "() => document.querySelectorAll('#charts figure').length === 8")
