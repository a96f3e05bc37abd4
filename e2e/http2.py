#!/usr/bin/env python3
"""HTTP/2 over the server's own TLS: ten pages of one person in a real browser, all of them alive; floods of frames that no honest
client sends, with the server's memory and descriptors measured; a stop while pages are open (`access.md` §15, decision 0129)."""

import contextlib
import gzip
import os
import socket
import ssl
import struct
import subprocess
import threading
import time

import playwright.sync_api

from browsing import NOOR, Browser, Demo
from served import MARA, asking
from stage import Api, Checks, Stage, wait
from tls import Authority, Server

check = Checks()
PAGES = 10
# of everything an attack may cost the server
MEMORY_MIB_MAX = 64
HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION, DATA = 1, 3, 4, 6, 7, 9, 0
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def spoken(server):
    """With curl, which speaks both."""
    def said(*flags):
        done = subprocess.run(["curl", "-sS", "-o", os.devnull, "-w", "%{http_version} %{http_code} %{num_connects}", "--cacert", str(server.authority.trusted), *flags,
                               f"{server.base}/healthz"], capture_output=True, text=True, timeout=120)
        return done.stdout or done.stderr
    check.equal("who speaks HTTP/2 is answered in it", said("--http2"), "2 200 1")
    check.equal("who does not, in HTTP/1.1", said("--http1.1"), "1.1 200 1")
    check.equal("and who names nothing", said("--no-alpn"), "1.1 200 1")
    now = numbers(server)
    # what waits for the server to be there speaks HTTP/1.1, and so does what reads the numbers
    check("connections are counted by what is spoken over them",
          now['hallpass_http_connections_spoken_total{protocol="h2"}'] == 1
          and now['hallpass_http_connections_spoken_total{protocol="http/1.1"}'] >= 3, now)


def numbers(server):
    rows = (line.rsplit(" ", 1) for line in server.api().get("/metrics").body.decode().splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def signed_in(server, browser):
    """A window of somebody who is signed in, whose tabs share their connections."""
    context = browser.chromium.new_context(ignore_https_errors=True, locale="en-GB")
    secret, _ = server.stage.session(MARA)
    context.add_cookies([{"name": "__Host-hallpass", "value": secret, "url": server.base, "secure": True, "httpOnly": True, "sameSite": "Lax"}])
    context.set_default_timeout(60_000)
    return context


def open_tabs(server, context, number, seconds=60):
    """So many pages, until each listens, and nothing. A page that cannot be opened within so many seconds ends it: those before it, and why."""
    pages = []
    while len(pages) < number:
        page = context.new_page()
        try:
            with page.expect_response("**/events*", timeout=seconds * 1000):
                page.goto(f"{server.base}/", timeout=seconds * 1000)
        except playwright.sync_api.TimeoutError as error:
            page.close()
            return pages, str(error).splitlines()[0]
        pages.append(page)
    return pages, ""


def tabs(server):
    """Ten pages of one person and an eleventh: all load, and all learn of what happens."""
    with Browser(server.base) as browser:
        context = signed_in(server, browser)
        before = numbers(server)
        pages, why = open_tabs(server, context, PAGES)
        check("ten pages of one person are open", len(pages) == PAGES, f"{len(pages)} are: {why}")
        protocols = {page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") for page in pages}
        check.equal("each came over HTTP/2", protocols, {"h2"})
        now = numbers(server)
        key = 'hallpass_http_connections_spoken_total{protocol="h2"}'
        opened = now[key] - before[key]
        check(f"all over {opened:.0f} connection(s)", opened <= 2, (before[key], now[key]))
        check.equal("each has its event stream", now["hallpass_event_streams"], PAGES)
        eleventh, why = open_tabs(server, context, 1)
        check("an eleventh loads", len(eleventh) == 1, why)
        pages += eleventh
        shown = lambda page: page.locator("main [data-live]").get_by_text("payments-dev").count()
        check.equal("none of them shows what has not happened", sum(map(shown, pages)), 0)
        asked = server.api(server.token).post("/api/v1/requests", asking("ReadOnly", account="payments-dev"))
        check("something happens", asked.status == 201, asked)
        for page in pages:
            page.locator("main [data-live]").get_by_text("payments-dev").first.wait_for(state="visible")
        check("every page shows it, by itself", all(shown(page) for page in pages))
        said = 'main [data-live]'
        check("none says that it is not live", not any(page.locator("#stale").is_visible() for page in pages if page.locator(said).count()))
        stopped(server, pages)
        context.close()


def stopped(server, pages):
    """The server goes while pages listen, and comes again."""
    begun = time.monotonic()
    check.equal("it stops in order while they are open", server.stage.stop(server.process), 0)
    took = time.monotonic() - begun
    # who waits for callers does so for 15 s, and then says that it cut them off
    check(f"without waiting for them ({took:.1f} s)", took < 15 and "calls were cut off" not in server.stage.said("serve.log"), server.stage.said("serve.log")[-600:])
    check("and comes again", server.start())
    open_now = lambda: numbers(server)["hallpass_event_streams"]
    check("all of them listen again", wait(lambda: open_now() == len(pages), 90), open_now())


def control(server):
    """What it is for: a browser without HTTP/2 has six connections, and each page holds one."""
    with Browser(server.base, "--disable-http2") as browser:
        context = signed_in(server, browser)
        pages, why = open_tabs(server, context, 6)
        if check("without HTTP/2 six pages are open", len(pages) == 6, f"{len(pages)} are: {why}"):
            seventh, why = open_tabs(server, context, 1, seconds=10)
            check("and a seventh waits for ever", not seventh, why)
        context.close()


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def length(number):
    """With a prefix of seven bits (RFC 7541 §5.1)."""
    if number < 127:
        return bytes([number])
    rest, out = number - 127, [127]
    while rest >= 128:
        out.append(rest % 128 + 128)
        rest //= 128
    return bytes([*out, rest])


def field(name, value, first=0):
    return bytes([first]) + length(len(name)) + name.encode() + length(len(value)) + value.encode()


def header(method="GET", path="/healthz", *fields):
    pseudo = ((":method", method), (":scheme", "https"), (":path", path), (":authority", "hallpass.example"))
    return b"".join(field(*it) for it in (*pseudo, *fields))


class Peer:
    """A connection by hand."""

    def __init__(self, server, window=None):
        context = ssl.create_default_context(cafile=server.authority.trusted)
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        self.socket = context.wrap_socket(plain, server_hostname="127.0.0.1")
        settings = b"" if window is None else struct.pack(">HI", 4, window)
        self.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, settings) + frame(SETTINGS, ACK, 0))

    def send(self, data):
        """As much as the server takes until it closes; whether it took all."""
        try:
            self.socket.sendall(data)
            return True
        except (ssl.SSLError, OSError):
            return False

    def ended(self, seconds=60):
        """Reads until the server closes."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except (ssl.SSLError, OSError):
            pass
        return True

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()


def resets(peer):
    """CVE-2023-44487."""
    one = header()
    for begun in range(1, 200_001, 20_000):
        if not peer.send(b"".join(frame(HEADERS, END_HEADERS | END_STREAM, stream, one) + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))
                                  for stream in range(begun, begun + 20_000, 2))):
            return


def continuations(peer):
    part = frame(CONTINUATION, 0, 1, field("x-more", "a" * 15_000))
    peer.send(frame(HEADERS, END_STREAM, 1, header()))
    for _ in range(2_000):
        if not peer.send(part):
            return


def unpacked(peer):
    """One entry of the table, from there ten thousand times, in each of many calls."""
    for stream in range(1, 400, 2):
        bomb = header() + field("x-bomb", "a" * 3_900, 0x40) + b"\xbe" * 10_000
        if not peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, bomb)):
            return


def pings(peer):
    for _ in range(200):
        if not peer.send(frame(PING, 0, 0, b"12345678") * 10_000):
            return


def settings(peer):
    for _ in range(200):
        if not peer.send(frame(SETTINGS, 0, 0) * 10_000):
            return


def unread(peer):
    """Answers that nobody lets come: its windows have no room."""
    peer.send(b"".join(frame(HEADERS, END_HEADERS | END_STREAM, stream, header("GET", "/static/hallpass.css")) for stream in range(1, 64, 2)))


def bodies(peer):
    """Bodies that come a little and then no more."""
    head = header("POST", "/api/v1/login/device", ("content-type", "application/json"))
    for stream in range(1, 64, 2):
        peer.send(frame(HEADERS, END_HEADERS, stream, head) + frame(DATA, 0, stream, b"{" + b" " * 8_000))


def beyond(peer):
    """Calls beyond the limit of a connection, without an end."""
    head = header("POST", "/api/v1/login/device", ("content-type", "application/json"))
    for begun in range(1, 200_001, 20_000):
        if not peer.send(b"".join(frame(HEADERS, END_HEADERS, stream, head) for stream in range(begun, begun + 20_000, 2))):
            return


def silent(_):
    pass


# what comes over each connection, and the window of its peer
FLOODS = {"calls taken back": (resets, None), "headers without an end": (continuations, None), "headers that unpack": (unpacked, None),
          "pings": (pings, None), "settings": (settings, None), "answers unread": (unread, 0), "slow bodies": (bodies, None),
          "calls beyond the limit": (beyond, None), "silence": (silent, None)}
AT_ONCE = 20


def resident(process):
    """MiB of memory."""
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def weights(stage):
    """What the demo's pages and their files weigh, as they are sent, and what comes of them again."""
    demo = Demo(stage)
    entries = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .map(it => [new URL(it.name).pathname, it.transferSize, it.encodedBodySize, it.decodedBodySize])"""
    with Browser(demo.base) as browser:
        page = browser.window(NOOR)
        seen, again = {}, {}
        # sign-in has brought the style sheet already
        first = Api(demo.base).get(page.locator("link[rel=stylesheet]").get_attribute("href"), headers={"Accept-Encoding": "gzip"})
        for path in ("/", "/ask", "/reviews", "/requests", "/access", "/rules", "/audit"):
            page.goto(f"{demo.base}{path}")
            for name, sent, encoded, plain in page.evaluate(entries):
                if name.startswith("/static/"):
                    again[name] = again.get(name, 0) + sent
                elif name == path:
                    seen[name] = (encoded, plain, len(gzip.compress(page.context.request.get(page.url).body())))
        for name, (encoded, plain, packed) in seen.items():
            print(f"     {name}: {encoded} bytes, gzip would leave {packed}", flush=True)
        check("pages are sent as they are", all(encoded == plain for encoded, plain, _ in seen.values()), seen)
        for name in again:
            plain, packed = (len(Api(demo.base).get(name, headers=takes).body) for takes in ({}, {"Accept-Encoding": "gzip"}))
            print(f"     {name}: {plain} bytes, sent as {packed}", flush=True)
        check("their files are compressed", first.headers.get("content-encoding") == "gzip", first.headers)
        check("and come once", again and not any(again.values()), again)
    stage.stop(demo.process)


class Flood:
    """One kind of it from twenty connections at a time, until each has ended."""

    def __init__(self, server, name):
        self.name, (self.act, window) = name, FLOODS[name]
        self.peers = [Peer(server, window) for _ in range(AT_ONCE)]
        self.ended = [None] * AT_ONCE
        self.threads = []
        for peer in self.peers:
            self.begin(self.act, peer)

    def begin(self, act, *arguments):
        self.threads.append(threading.Thread(target=act, args=arguments, daemon=True))
        self.threads[-1].start()

    def listen(self):
        """Until the server closes them, which some kinds have to wait for."""
        def read(number):
            self.ended[number] = self.peers[number].ended(120)
        for number in range(AT_ONCE):
            self.begin(read, number)

    def over(self):
        for thread in self.threads:
            thread.join(150)
        for peer in self.peers:
            peer.close()
        check(f"{self.name}: each connection ended", all(self.ended), self.ended)


def floods(server):
    """Others are answered meanwhile, and nothing is left of any."""
    descriptors = lambda: len(os.listdir(f"/proc/{server.process.pid}/fd"))
    server.api().get("/healthz")
    first, flown = descriptors(), []
    for name in FLOODS:
        memory, files, most, open_most = resident(server.process), descriptors(), 0, 0
        flood = Flood(server, name)
        flown.append(flood)
        answered, slowest = [], 0
        until = time.monotonic() + 4
        while time.monotonic() < until:
            begun = time.monotonic()
            answered.append(server.api(server.token).get("/api/v1/me").status)
            slowest = max(slowest, time.monotonic() - begun)
            most, open_most = max(most, resident(server.process)), max(open_most, descriptors())
            time.sleep(0.1)
        check.equal(f"{name}: others are answered ({len(answered)} calls, {slowest:.2f} s at most)", set(answered), {200})
        check(f"{name}: {most - memory:.0f} MiB and {open_most - files} descriptors at most", most - memory < MEMORY_MIB_MAX and open_most - files < AT_ONCE + 20,
              (memory, most, files, open_most))
        flood.listen()
    for flood in flown:
        flood.over()
    check("nothing is left of all this", wait(lambda: descriptors() <= first + 2, 30), (first, descriptors()))
    now = numbers(server)
    check("calls that were too slow are counted", now['hallpass_http_calls_reset_total{reason="reader_too_slow"}'] > 0, now)
    check("nobody panicked", "panicked" not in server.stage.said("serve.log"), server.stage.said("serve.log")[-800:])
    size = server.stage.path("serve.log").stat().st_size
    check(f"its log has {size // 1024} KiB", size < 1024 * 1024, size)


def main():
    with Stage("http2") as stage:
        server = Server(stage, Authority(stage))
        check("it listens over TLS", server.start(), stage.said("serve.log")[-600:])
        spoken(server)
        tabs(server)
        control(server)
        floods(server)
        check.equal("it stops in order", stage.stop(server.process), 0)
        weights(stage)
    check.end()


if __name__ == "__main__":
    main()
