"""The web pages in a real browser: every page in both sizes and themes, the journey by keyboard
alone and without script, two people racing, a restart in the middle of a form, hostile text."""

import re

from browsing import (INES, MARA, NOOR, PRIYA, SIZES, TOMASZ, Browser, Demo, overflow, serious, shift, shoot, weight)
from stage import Checks, Stage, wait

check = Checks()

PAGE_BYTES_MAX = 100_000


def pages(demo):
    """Path, name, who looks."""
    noor = demo.api(NOOR)
    waiting = noor.get("/api/v1/requests?state=pending&role=all").json["items"][0]["id"]
    held = next(one["id"] for one in noor.get("/api/v1/requests?role=all&limit=50").json["items"] if one["state"] == "approved")
    denied = next(one["id"] for one in noor.get("/api/v1/requests?role=all&limit=50").json["items"] if one["state"] == "denied")
    return [
        ("/", "home", MARA), ("/", "home-empty", TOMASZ), ("/ask", "ask", MARA),
        ("/ask?account=payments-prod&permission_set=DatabaseOperator", "ask-filled", MARA),
        ("/requests", "requests", NOOR), ("/reviews", "reviews", TOMASZ), ("/reviews", "reviews-empty", MARA),
        ("/reviews/done", "reviews-done", PRIYA),
        (f"/requests/{waiting}", "request-waiting", PRIYA), (f"/requests/{held}", "request-held", NOOR),
        (f"/requests/{denied}", "request-denied", NOOR), ("/requests/req_0", "request-unknown", MARA),
        ("/access", "access", NOOR), ("/access?by=person", "access-person", PRIYA), ("/access", "access-own", MARA),
        ("/audit", "audit", NOOR), ("/audit", "audit-own", MARA), ("/rules", "rules", MARA),
        ("/rules/explain?user=mara.lindqvist@example.com&account=payments-prod&permission_set=DatabaseOperator", "explain", PRIYA),
        ("/health", "health", PRIYA), ("/health", "health-refused", MARA), ("/nowhere", "nowhere", MARA),
    ]


def screens(demo, browser):
    todo = pages(demo)
    heaviest = (0, "")
    for size in SIZES:
        for dark in (False, True):
            look = f"{size}-{'dark' if dark else 'light'}"
            windows = {}
            for path, name, who in todo:
                page = windows.get(who) or windows.setdefault(who, browser.window(who, size, dark))
                page.goto(demo.base + path)
                page.wait_for_load_state("load")
                shoot(page, f"{name}-{look}")
                where = f"{name} ({look})"
                check.equal(f"{where}: nothing serious for axe", serious(page), [])
                check(f"{where}: no sideways scroll", overflow(page) <= 0, overflow(page))
                moved = shift(page)
                check(f"{where}: nothing moves by itself", moved < 0.02, moved)
                bytes_, hosts = weight(page)
                heaviest = max(heaviest, (bytes_, name))
                check(f"{where}: below 100 kB, from nowhere else", bytes_ < PAGE_BYTES_MAX and len(hosts) == 1, (bytes_, hosts))
                check(f"{where}: one heading, a title that names the page first",
                      page.locator("h1").count() == 1 and page.title().endswith("· Hallpass"), page.title())
            for page in windows.values():
                page.context.close()
    print(f"     the heaviest page is {heaviest[1]}: {heaviest[0]} bytes, uncompressed, with style and script", flush=True)
    page = browser.window(None, "wide")
    for dark in (False, True):
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.goto(demo.base + "/signin")
        shoot(page, f"signin-wide-{'dark' if dark else 'light'}")
        check.equal(f"signin: nothing serious for axe ({'dark' if dark else 'light'})", serious(page), [])
    page.context.close()


def main():
    with Stage("web") as stage:
        demo = Demo(stage)
        with Browser(demo.base) as browser:
            screens(demo, browser)
            check.equal("no page broke its script or its policy", browser.problems, [])
    check.end()


if __name__ == "__main__":
    main()
