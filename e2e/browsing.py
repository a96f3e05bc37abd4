"""A real browser for the end-to-end scripts: Debian's chromium, driven by Playwright, against the
demo of the binary under test. People sign in by the demo's picker."""

import json
import os
import pathlib
import shutil
import sys

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from stage import Api, answers, free_port, wait

MARA, TOMASZ, PRIYA = "mara.lindqvist@example.com", "tomasz.wilk@example.com", "priya.raman@example.com"
NOOR, INES = "noor.haddad@example.com", "ines.moreau@example.com"
# 1280 and 390 px wide, as the brief says
SIZES = {"wide": (1280, 900), "phone": (390, 844)}


def chromium():
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        sys.exit("no chromium: apt-get install chromium, or name one in CHROMIUM")
    return found


class Demo:
    """`hallpass demo` of its own: ports, folder and history."""

    def __init__(self, stage, *arguments, quiet=False):
        self.stage, self.arguments = stage, arguments
        self.port, self.aws_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.aws = f"http://127.0.0.1:{self.aws_port}"
        self.start()
        if not quiet:
            # the history is written by the same calls as everything else
            wait(lambda: self.waiting() >= 2, 60, self.process)

    def start(self):
        self.process = self.stage.spawn(
            "demo", "--listen", f"127.0.0.1:{self.port}", "--aws-listen", f"127.0.0.1:{self.aws_port}",
            "--data", self.stage.path("demo"), *self.arguments, log="demo.log")
        if not wait(lambda: answers(Api(self.base), "/readyz"), 120, self.process):
            sys.exit(f"the demo does not answer:\n{self.stage.said('demo.log')}")

    def restart(self):
        self.stage.stop(self.process)
        self.start()

    def api(self, who):
        return Api(self.base, Api(self.base).get(f"/demo/token/{who}").body.decode())

    def waiting(self):
        return len(self.api(NOOR).get("/api/v1/requests?state=pending&role=all").json["items"])


class Browser:
    """One chromium, with more of its own options; a window per person."""

    def __init__(self, base, *options):
        self.base = base
        self.driver = sync_playwright().start()
        # a machine that has other things to do starts it late
        self.chromium = self.driver.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage", *options], timeout=120_000)
        self.problems = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.chromium.close()
        self.driver.stop()

    def window(self, who=None, size="wide", dark=False, script=True, zone="Europe/Stockholm"):
        """A fresh window, signed in as somebody; its page."""
        width, height = SIZES[size]
        context = self.chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light",
            java_script_enabled=script, timezone_id=zone, locale="en-GB", reduced_motion="reduce")
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self.heard(page, said))
        page.on("dialog", lambda dialog: (self.problems.append(f"{page.url}: a dialog: {dialog.message}"), dialog.dismiss()))
        if who:
            page.goto(f"{self.base}/signin")
            page.locator(f"button[value='{who}']").click()
            page.wait_for_url(f"{self.base}/")
        return page

    def heard(self, page, said):
        # a call that a page makes may be refused by design; what a page is made of may not
        if said.type == "error" and "/events" not in said.text and "ERR_FAILED" not in said.text and "ERR_CONNECTION" not in said.text and "the server responded with a status of 4" not in said.text:
            self.problems.append(f"{page.url}: {said.text}")


def serious(page, only=None):
    """What axe finds that keeps people out, as lines; `only` one of its rules, for what differs by colours alone. The page does
    not change under its eyes: what it looks at would not be there any more, and be told as nothing."""
    page.evaluate("""() => { const fetch = window.fetch, looked = new Promise(done => window.looked = () => { window.fetch = fetch; done(); });
        window.fetch = async (...asked) => { await looked; return fetch(...asked); }; }""")
    found = Axe().run(page, options={"resultTypes": ["violations"], **({"runOnly": [only]} if only else {})}).response["violations"]
    page.evaluate("() => looked()")
    return [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:160]}" for one in found
            if one["impact"] in ("serious", "critical")]


def overflow(page):
    """By how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def overlaps(page):
    """Texts and buttons of the page that lie on each other, as pairs of their words."""
    return page.evaluate("""() => {
        const shown = [], found = [], walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
            const text = walk.currentNode, button = text.parentElement.closest(".btn"), el = button ?? text.parentElement, range = new Range();
            if (!text.data.trim() || !el.checkVisibility() || el.closest(".sr, dialog:not([open])")) continue;
            range.selectNodeContents(text);
            // what a clamp hides is not shown
            const whole = el.getBoundingClientRect(), boxes = button ? [whole] : [...range.getClientRects()];
            for (const box of boxes) if (box.width > 1 && box.bottom < whole.bottom + 4) shown.push([box, el, text.data.trim().slice(0, 40)]);
        }
        shown.sort(([a], [b]) => a.top - b.top);
        shown.forEach(([a, el, words], n) => {
            for (const [b, other, said] of shown.slice(n + 1)) {
                if (b.top > a.bottom - 4) break;
                if (el !== other && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2) found.push(`${words} | ${said}`);
            }
        });
        return found; }""")


def shift(page):
    """The page's layout shift since it was opened (Cumulative Layout Shift), 300 ms from now: what gives it. What looks at the
    page meanwhile does not move it."""
    begun = page.evaluate_handle("""() => { const it = {}; it.sum = new Promise(done => {
        let sum = 0;
        new PerformanceObserver(list => { for (const one of list.getEntries()) if (!one.hadRecentInput) sum += one.value; })
            .observe({ type: "layout-shift", buffered: true });
        setTimeout(() => done(sum), 300); }); return it; }""")
    return lambda: begun.evaluate("it => it.sum")


def weight(page):
    """Bytes of everything the page needed to be shown, uncompressed; of the heaviest that it has read again since, which it does
    for as long as somebody looks; and where all of it is from."""
    found = page.evaluate("""() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .map(one => [one.name, one.decodedBodySize, one.initiatorType === "fetch"])""")
    again = [size for _, size, is_again in found if is_again]
    return sum(size for _, size, _ in found) - sum(again), max(again, default=0), sorted({name.split("/")[2] for name, _, _ in found})


def pictures():
    """Where screenshots go: $PICTURES, or nowhere."""
    folder = os.environ.get("PICTURES")
    if folder:
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    return pathlib.Path(folder) if folder else None


def shoot(page, name, whole=True):
    folder = pictures()
    if folder:
        page.screenshot(path=str(folder / f"{name}.png"), full_page=whole)


def dumps(value):
    return json.dumps(value, sort_keys=True)
