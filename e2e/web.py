"""The web pages in a real browser: every page in both sizes and themes, the journey by keyboard
alone and without script, two people racing, a restart in the middle of a form, hostile text."""

import http.client
import json
import re
import time

import playwright.sync_api

from browsing import (INES, MARA, NOOR, PRIYA, SIZES, TOMASZ, Browser, Demo, overflow, overlaps, serious, shift, shoot, weight)
from stage import ROOT, Api, Checks, Stage, parts, wait

check = Checks()

PAGE_BYTES_MAX = 100_000


def pages(demo):
    """Path, name, who looks."""
    noor, locked = demo.api(NOOR), somebody_locked(demo)
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
        ("/sweeps", "sweeps", PRIYA), (newest_sweep(demo), "sweep", NOOR), ("/access?kind=unknown", "access-unknown", PRIYA),
        ("/standing/accept?user=tomasz.wilk@example.com&account=edge-prod&permission_set=ReadOnly", "standing-accept", PRIYA),
        ("/ask?account=edge-prod&permission_set=ReadOnly", "ask-held", TOMASZ),
        ("/access", "access", NOOR), ("/access?by=person", "access-person", PRIYA), ("/access", "access-own", MARA),
        ("/audit", "audit", NOOR), ("/audit", "audit-own", MARA), ("/rules", "rules", MARA),
        ("/reports", "reports", NOOR), ("/reports", "reports-refused", MARA), ("/reports/trends", "trends", NOOR),
        ("/help/how-to/reports", "help", MARA),
        ("/rules/explain?user=mara.lindqvist@example.com&account=payments-prod&permission_set=DatabaseOperator", "explain", PRIYA),
        ("/permission-sets/AdministratorAccess", "set-risky", PRIYA), ("/permission-sets/DatabaseOperator", "set", MARA),
        ("/permission-sets/payments-Deploy", "set-inline", PRIYA), ("/permission-sets/Nothing", "set-unknown", MARA),
        ("/alerts", "alerts", PRIYA), ("/alerts", "alerts-refused", MARA),
        *remediations(demo),
        ("/people", "judged", PRIYA), ("/people?state=soon", "judged-nobody", NOOR), ("/people", "judged-refused", MARA),
        ("/plans", "plans", PRIYA), ("/plans", "plans-refused", MARA),
        ("/health", "health", PRIYA), ("/health", "health-refused", MARA), ("/nowhere", "nowhere", MARA),
        ("/campaigns", "campaigns", PRIYA), ("/campaigns", "campaigns-none", MARA), (campaign(demo), "campaign", TOMASZ),
        ("/out-of-office", "out-of-office", MARA), ("/sign-ins", "sign-ins", MARA), (locked, "person-locked", PRIYA), (person(demo, MARA), "person", PRIYA),
        (person(demo, MARA) + "/lock", "lock", PRIYA), (locked + "/unlock", "unlock", PRIYA), (locked, "person-refused", MARA),
        ("/signin?again=1&within=600&acr=phr%20phrh&next=%2Freviews", "again", PRIYA),
        *paths(demo),
    ]


def campaign(demo):
    """An access review with lines that wait for the approver."""
    wait(lambda: any(it["state"] == "done" for it in demo.api(PRIYA).get("/api/v1/sweeps").json["items"]), 60, demo.process)
    due = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 14 * 86400))
    begun = demo.api(PRIYA).post("/api/v1/campaigns", {"name": "2026 Q4", "due_at": due, "reviewers": [TOMASZ], "unanswered": "keep"})
    assert begun.status == 201, begun
    return f"/campaigns/{begun.json['id']}"


def paths(demo):
    """The pages of paths, over a snapshot of the fixture of the specification."""
    fixture = ROOT / "docs/spec/fixtures/inventory-who.json"
    done = demo.stage.run("query", "snapshots", "--folder", demo.stage.path("demo/snapshots"), "import", fixture)
    assert done.returncode == 0, done.stderr
    tables = json.loads(fixture.read_text())["tables"]
    frank = next(row["user_id"] for row in tables["aws_identitystore_users"] if row["idc_user_name"] == "frank")
    account = tables["aws_organizations_accounts"][1]["id"]
    return [("/access/paths?q=a", "paths", NOOR), (f"/access/paths?person={frank}", "paths-person", NOOR),
            (f"/access/paths?account={account}", "paths-account", PRIYA), ("/access/paths", "paths-refused", MARA)]


def remediations(demo):
    """The pages of what findings led to."""
    rows = lambda: {it["state"]: it["id"] for it in demo.api(TOMASZ).get("/api/v1/remediations").json["items"]}
    found = wait(lambda: len(found := rows()) == 5 and "pending" not in found and found, 60, demo.process) or rows()
    at = {state: f"/remediations/{one}" for state, one in found.items()}
    return [("/remediations", "remediations", TOMASZ), ("/remediations", "remediations-seen", NOOR),
            ("/remediations", "remediations-refused", MARA), (at["waiting"], "remediation-waiting", TOMASZ),
            (at["waiting"] + "/approve", "remediation-approve", TOMASZ), (at["waiting"] + "/decline", "remediation-decline", TOMASZ),
            (at["changed"], "remediation-changed", PRIYA), (at["manual"], "remediation-manual", PRIYA),
            ("/remediations/rm-0000000000000000", "remediation-unknown", TOMASZ)]


def person(demo, who):
    """The page of somebody."""
    return "/people/" + demo.api(who).get("/api/v1/me").json["user_id"]


def somebody_locked(demo):
    """The page of somebody who is locked, and who is no persona."""
    personas = {MARA, TOMASZ, PRIYA, NOOR, INES}
    users = Api(demo.aws).get("/_sim/state?full=1").json["file"]["identity_center"]["users"]
    who = next(user["email"] for user in users
               if user.get("email", "").lower() not in personas | {""} and user.get("status") != "DISABLED")
    body = {"user": who, "reason": "OPS-12: their laptop was stolen on the train", "held": "goes_on"}
    return "/people/" + demo.api(PRIYA).post("/api/v1/locks", body).json["user_id"]


def newest_sweep(demo):
    """The page of the run that the demo makes at its start."""
    runs = lambda: [run for run in demo.api(NOOR).get("/api/v1/sweeps").json["items"] if run["state"] == "done"]
    return f"/sweeps/{wait(runs, 60, demo.process)[0]['id']}"


# what pages are looked at in: size, whether dark
LOOKS = {f"{size}-{'dark' if dark else 'light'}": (size, dark) for size in SIZES for dark in (False, True)}


def screens(demo, browser, look):
    """Every page in one size, light or dark."""
    size, dark = LOOKS[look]
    heaviest, windows = (0, ""), {}
    for path, name, who in pages(demo):
        page = windows.get(who) or windows.setdefault(who, browser.window(who, size, dark))
        page.goto(demo.base + path)
        page.wait_for_load_state("load")
        moving = shift(page)
        shoot(page, f"{name}-{look}")
        where = f"{name} ({look})"
        # dark is the same page in other colours
        check.equal(f"{where}: nothing serious for axe", serious(page, only="color-contrast" if dark else None), [])
        check(f"{where}: no sideways scroll", overflow(page) <= 0, overflow(page))
        cut = page.evaluate("[...document.querySelectorAll('.lean .cut')].filter(it => it.scrollWidth > it.clientWidth).map(it => it.textContent)")
        check(f"{where}: no name in a row is cut", not cut, cut)
        moved = moving()
        check(f"{where}: nothing moves automatically", moved < 0.02, moved)
        bytes_, again, hosts = weight(page)
        heaviest = max(heaviest, (bytes_, name))
        check(f"{where}: below 100 kB, from nowhere else",
              bytes_ < PAGE_BYTES_MAX and again < bytes_ and len(hosts) == 1, (bytes_, again, hosts))
        check(f"{where}: one heading, a title that names the page first",
              page.locator("h1").count() == 1 and page.title().endswith("· Hallpass"), page.title())
    for page in windows.values():
        page.context.close()
    print(f"     the heaviest page is {heaviest[1]}: {heaviest[0]} bytes, uncompressed, with style and script", flush=True)


def wide_screen_and_sign_in(demo, browser):
    page = browser.window(MARA, "wide")
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(demo.base + "/")
    used = page.evaluate("document.querySelector('#home').clientWidth")
    check("home uses a wide screen", used > 1500 and overflow(page) <= 0, used)
    page.context.close()
    page = browser.window(None, "wide")
    for dark in (False, True):
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.goto(demo.base + "/signin")
        shoot(page, f"signin-wide-{'dark' if dark else 'light'}")
        check.equal(f"signin: nothing serious for axe ({'dark' if dark else 'light'})", serious(page), [])
    page.context.close()


def many_reviews(demo, browser):
    """More than 50 requests wait for one approver: nothing overlaps, and several are decided on one page, also without script."""
    for who in (MARA, INES, NOOR, PRIYA):
        items = demo.api(who).get("/api/v1/catalog").json["items"]
        # what needs a ticket is left out
        free = [it for it in items if "account" in it and (it["account"]["name"], it["permission_set"]) != ("checkout-prod", "PowerUser")]
        for n, it in enumerate([it for it in free if TOMASZ in it["approvers"]][:13]):
            ask_over_api(demo, who, it["account"]["name"], f"OPS-{n}: look why the queue does not drain. " * (1 + n % 5), it["permission_set"])
    for has_script, verb in ((True, "approve"), (False, "deny")):
        page = browser.window(TOMASZ, script=has_script)
        page.goto(f"{demo.base}/reviews")
        cards = page.locator("[data-card]").count()
        check("50 requests wait", cards >= 50, cards)
        for width in (390, 768, 1024, 1280, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            check.equal(f"{cards} reviews, {width} px wide: nothing overlaps", (overlaps(page)[:5], overflow(page)), ([], 0))
        for n in (0, 2, 5):
            page.locator("[name=pick]").nth(n).check()
        shoot(page, f"reviews-many-{verb}", whole=False)
        page.locator(f"#several-{verb}").click()
        send = page.get_by_role("button", name=f"{verb.capitalize()} 3 requests")
        send.wait_for()
        check.equal(f"{verb} several: nothing overlaps", overlaps(page), [])
        if has_script:
            check.equal("several: nothing serious for axe", serious(page), [])
        shoot(page, f"several-{verb}")
        send.click()
        page.locator("h1:has-text('You decided 3 requests')").wait_for()
        check.equal(f"{verb} several: each is reported", page.locator("main tbody tr").count(), 3)
        page.context.close()


def press(page, key, times=1):
    for _ in range(times):
        page.keyboard.press(key)


def go(page, key):
    """Where `g` and a key lead. The second is to follow within a second, by a clock that stands still meanwhile."""
    page.clock.set_fixed_time(page.evaluate("Date.now()"))
    press(page, "g")
    press(page, key)


def tab_to(page, name, limit=120):
    """Moves with Tab until something of that name has the focus."""
    for _ in range(limit):
        found = page.evaluate("""() => { const el = document.activeElement;
            return (el.getAttribute("aria-label") || el.labels?.[0]?.innerText || el.innerText || el.value || "").trim(); }""")
        if re.match(name, found, re.I | re.S):
            return found
        page.keyboard.press("Tab")
    return None


def by_keyboard(demo, browser):
    """Ask, approve, use, extend's form, give back: no mouse at all."""
    mara = browser.window(MARA)
    press(mara, "n")
    mara.wait_for_url(re.compile("/ask"))
    press(mara, "/")
    mara.keyboard.type("checkout-pr")
    offered = """() => [...document.querySelectorAll("input[type=radio][name=account]")]
        .map(it => (it.closest("label") ?? it.parentElement).innerText)"""
    check("keyboard: the search narrows while one types", wait(
        lambda: (names := mara.evaluate(offered)) and all("checkout-pr" in name for name in names), 10),
        mara.evaluate(offered))
    press(mara, "ArrowDown")
    check("keyboard: an arrow leads from the search to what it found", tab_to(mara, "checkout-prod", 1))
    press(mara, " ")
    mara.wait_for_selector("input[name=permission_set][value=DatabaseOperator]")
    check("keyboard: the permission sets are reached", tab_to(mara, "ReadOnly|AdministratorAccess|DatabaseOperator"))
    for _ in range(12):
        if mara.evaluate("document.activeElement.value") == "DatabaseOperator":
            break
        press(mara, "ArrowDown")
    press(mara, " ")
    check("keyboard: who must say yes is shown", wait(lambda: "must approve" in mara.locator("main").inner_text(), 10))
    check("keyboard: a length is reached", tab_to(mara, "30m|1h"))
    press(mara, "ArrowRight")
    check("keyboard: the reason is reached", tab_to(mara, "Why do you need it"))
    mara.keyboard.type("OPS-7: by keyboard")
    # the button follows what was chosen and written
    wait(lambda: mara.evaluate("""() => document.querySelector("[name=meant]")?.value.split(" ")[1]
        === document.querySelector("[name=for]:checked")?.value"""), 20)
    wait(lambda: mara.get_by_role("button", name=re.compile("^Ask \\d people for")).count(), 20)
    label = tab_to(mara, "Ask \\d people for")
    check("keyboard: the button says what it will do", label, label)
    press(mara, "Enter")
    mara.wait_for_url(re.compile("/requests/req_"))
    request = re.search("req_[0-9a-f]+", mara.url).group(0)
    shoot(mara, "journey-1-asked", whole=False)

    tomasz = browser.window(TOMASZ)
    go(tomasz, "r")
    tomasz.wait_for_url(re.compile("/reviews"))
    card = tomasz.locator(f"[data-card]:has(a[href*='{request}'])")
    count = tomasz.locator("[data-card]").count()
    for _ in range(count + 1):
        press(tomasz, "j")
        if card.evaluate("card => card.contains(document.activeElement)"):
            break
    press(tomasz, "a")
    check("keyboard: a goes to Approve", "Approve" in tomasz.evaluate("document.activeElement.innerText"))
    shoot(tomasz, "journey-2-review", whole=False)
    press(tomasz, "Enter")
    tomasz.wait_for_url(re.compile("said="))
    check("keyboard: the result is shown", "You approved" in tomasz.locator("#live").inner_text(), tomasz.locator("#live").inner_text())

    check("Mara's page follows without reloading", wait(
        lambda: "Active" in mara.locator("main").inner_text(), 30), mara.locator("main").inner_text()[:300])
    shoot(mara, "journey-3-active", whole=False)
    go(mara, "h")
    mara.wait_for_url(f"{demo.base}/")
    mara.wait_for_selector("text=checkout-prod")
    passes = mara.locator("li.pass:has-text('checkout-prod')")
    check("Home shows the pass with its end", "Ends" in passes.inner_text(), passes.inner_text())
    for _ in range(60):
        press(mara, "Tab")
        if mara.evaluate("""() => document.activeElement.innerText.includes("End early")
                && !!document.activeElement.closest("li.pass")?.innerText.includes("checkout-prod")"""):
            break
    press(mara, "Enter")
    mara.locator("dialog[open]:has-text('checkout-prod')").wait_for()
    check("keyboard: ending early asks once, and the button to keep it has the focus",
          mara.evaluate("document.activeElement.innerText") == "Keep it", mara.evaluate("document.activeElement.outerHTML"))
    tab_to(mara, "End early", 3)
    # as it is served: what is heard of the end may take its place before a slow page is looked at
    with mara.expect_response(lambda it: "said=" in it.url) as told:
        press(mara, "Enter")
    told = re.search(r'id="live"[^>]*>([^<]*)', told.value.text())
    check("keyboard: given back", told and "Ended early" in told.group(1), told)
    mara.wait_for_url(re.compile("said="))
    check("the pass goes when AWS confirmed", wait(lambda: not mara.locator("li.pass:has-text('checkout-prod')").count(), 30))
    check("the end is on record", wait(lambda: any(
        row.get("access_request_id") == request for row in demo.api(NOOR).all("/api/v1/audit?event=end.succeeded")), 30))
    press(mara, "?")
    check("? shows the keys", mara.locator("#keys[open]").count() == 1)
    press(mara, "Escape")
    check("Escape closes them", mara.locator("#keys[open]").count() == 0)
    mara.context.close()
    tomasz.context.close()


def ask_over_api(demo, who, account, reason, permission_set="DatabaseOperator", seconds=1800):
    answer = demo.api(who).post("/api/v1/requests", {
        "account": account, "permission_set": permission_set, "duration_seconds": seconds, "reason": reason})
    assert answer.status in (200, 201), answer
    return answer.json["id"]


def racing(demo, browser):
    """Two approvers look at one request; the second press gets a kind, true answer."""
    request = ask_over_api(demo, INES, "orders-prod", "OPS-8: a race")
    first, second = browser.window(TOMASZ), browser.window(PRIYA)
    for page in (first, second):
        page.goto(f"{demo.base}/requests/{request}")
    # the second page must not learn of the first press before its own
    second.route("**/events*", lambda route: route.abort())
    second.goto(f"{demo.base}/requests/{request}")
    first.locator("button[data-approve]").click()
    first.wait_for_url(re.compile("said="))
    second.locator("button[data-approve]").click()
    second.wait_for_url(re.compile("said="))
    told = second.locator("main").inner_text() + second.locator("#live").inner_text()
    check("the second sees who was first, and when", re.search(r"Already approved by Tomasz Wilk at \d\d:\d\d", told), told[:500])
    records = demo.api(NOOR).all(f"/api/v1/audit?event=request.approved")
    check("there is one approval on record", sum(row.get("access_request_id") == request for row in records) == 1)
    first.context.close()
    second.context.close()


def catching_up(demo, browser):
    """What came under an open dialog, or while the browser kept the page, is shown as soon as it may be."""
    page = browser.window(TOMASZ)
    for n, what in enumerate(("a dialog was open", "the browser kept the page")):
        request = ask_over_api(demo, INES, "orders-prod", f"OPS-84{n}: decided meanwhile")
        page.goto(f"{demo.base}/requests/{request}")
        if n == 0:
            page.locator("a:has-text('Approve with')").click()
            page.locator("dialog[open] textarea").wait_for()
        else:
            page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
        deny = lambda request=request: demo.api(PRIYA).post(f"/api/v1/requests/{request}/deny", {"reason": "not today"})
        if n == 0:
            # it has been read anew by then
            with page.expect_response(lambda it: it.request.headers.get("x-hallpass-part") == "request"):
                deny()
            page.wait_for_timeout(500)
            check("nothing moves under an open dialog", "not today" not in page.locator("main").inner_text())
            page.locator("dialog[open] [data-close]").first.click()
        else:
            deny()
            page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        check(f"what came while {what} is shown", wait(lambda: "not today" in page.locator("main").inner_text(), 10),
              page.locator("main").inner_text()[:400])
    request = ask_over_api(demo, INES, "orders-prod", "OPS-842: decided before the page listened")
    held = []
    page.route("**/events*", lambda route: held.append(route))
    page.goto(f"{demo.base}/requests/{request}")
    check("the page would listen", wait(lambda: page.wait_for_timeout(50) or held, 20))
    demo.api(PRIYA).post(f"/api/v1/requests/{request}/deny", {"reason": "not today"})
    check("no event has reached the page yet", "not today" not in page.locator("main").inner_text())
    for one in held:
        one.continue_()
    check("what came before the page listened is shown", wait(lambda: "not today" in page.locator("main").inner_text(), 10),
          page.locator("main").inner_text()[:400])
    page.unroute("**/events*")
    page.goto(f"{demo.base}/ask?account=orders-prod&permission_set=DatabaseOperator")
    page.locator("textarea").first.fill("OPS-85: nobody else's")
    check("written text survives a sign-in in between", page.evaluate("sessionStorage.length") > 0)
    with page.expect_navigation():
        page.evaluate("document.querySelector(\"form[action='/signout']\").requestSubmit()")
    check("and is gone after signing out", page.evaluate("sessionStorage.length") == 0)
    page.context.close()


def under_a_dialog(demo, browser):
    """Time goes on counting down under a dialog, which keeps what came meanwhile from being shown; and what was opened last is what
    is open, in whatever order the answers come."""
    request = ask_over_api(demo, INES, "orders-prod", "OPS-86: time goes on")
    grant = demo.api(TOMASZ).post(f"/api/v1/requests/{request}/approve").json["grant_id"]
    wait(lambda: demo.api(INES).get(f"/api/v1/grants/{grant}").json["state"] == "active", 30)
    page = browser.window(PRIYA)
    page.clock.install()
    page.goto(f"{demo.base}/requests/{request}")
    minutes = lambda: int(re.match(r"(\d+)m", page.locator("#request [data-left]").first.inner_text()).group(1))
    begun = minutes()
    page.locator("#request a:has-text('Revoke')").first.click()
    page.locator("dialog[open]").wait_for()
    page.clock.run_for(600_000)
    then = minutes()
    check("time left counts down under a dialog", 9 <= begun - then <= 11, (begun, then))
    with page.expect_response(lambda it: it.request.headers.get("x-hallpass-part") == "request"):
        demo.api(INES).post(f"/api/v1/grants/{grant}/release", {})
    page.wait_for_timeout(500)
    page.clock.run_for(2_000)
    check("and does not begin again where nothing may be put in place", minutes() <= then, (begun, then, minutes()))
    page.context.close()
    page, held = browser.window(PRIYA), []
    page.goto(f"{demo.base}/access")
    first, second = page.locator("main a[data-sheet]").first, page.locator("main a[data-sheet]").nth(1)
    slow = f"{demo.base}{first.get_attribute('href')}"
    check("there are two things to do", slow != f"{demo.base}{second.get_attribute('href')}", slow)
    page.route(slow, lambda route: held.append(route))
    first.click()
    check("the first is requested", wait(lambda: page.wait_for_timeout(50) or held, 20))
    second.click()
    written = page.locator("dialog[open] textarea").first
    written.fill("OPS-87: in the second")
    with page.expect_response(slow):
        held[0].continue_()
    page.wait_for_timeout(500)
    check("an answer that comes late opens nothing over what is being written",
          page.locator("dialog[open] textarea").first.input_value() == "OPS-87: in the second", page.locator("dialog[open]").inner_html()[:600])
    page.context.close()


def approving_less(demo, browser):
    """An approver comments and approves less time than was asked, in a dialog and on a page without script."""
    for n, has_script in enumerate((True, False)):
        request = ask_over_api(demo, INES, "orders-prod", f"OPS-8{n}: less will do", seconds=3600)
        page = browser.window(TOMASZ, script=has_script)
        page.goto(f"{demo.base}/requests/{request}")
        page.locator("a:has-text('Approve with')").click()
        form = page.locator("dialog[open] form" if has_script else "main form[action$='/approve']")
        form.locator("select[name=duration]").select_option("1800")
        form.locator("textarea[name=comment]").fill("half an hour <b>will</b> do")
        if has_script:
            check.equal("approve with: nothing serious for axe", serious(page), [])
        form.locator("button[type=submit]").click()
        page.wait_for_url(re.compile("said=approved"))
        said = page.locator("main").inner_text()
        check("approve with: the approver who shortened it is shown, and the comment", "to 30m by" in said and "half an hour <b>will</b> do" in said, said[:600])
        record = next(row for row in demo.api(NOOR).all("/api/v1/audit?event=request.approved") if row.get("access_request_id") == request)
        check("approve with: both are on record", record["why"].startswith("shortened from ")
              and record["why"].endswith("; comment: half an hour <b>will</b> do"), record["why"])
        grant = demo.api(INES).get(f"/api/v1/requests/{request}").json["grant_id"]
        wait(lambda: demo.api(INES).get(f"/api/v1/grants/{grant}").json["state"] == "active", 30)
        demo.api(INES).post(f"/api/v1/grants/{grant}/release", {})
        page.context.close()


def starting_later(demo, browser):
    """Access that starts later: asked for in the form, approved ahead, refused where it is too far ahead."""
    for n, has_script in enumerate((True, False)):
        page = browser.window(MARA, script=has_script)
        ask = f"{demo.base}/ask?account=payments-prod&permission_set=DatabaseOperator&for=1h&reason=OPS-9{n}:+the+window"
        page.goto(ask)
        send = page.locator("main form button[formmethod=post]:not([formaction])")
        show = page.locator("main form button:has-text('See approvers')").last
        page.locator("#starts").fill("2099-01-01T08:00")
        if not has_script:
            show.click()
        check("start: one that is too far ahead is reported", wait(lambda: "At the latest " in page.locator("main").inner_text(), 10),
              page.locator("main").inner_text()[:900])
        day = 1 + n
        soon = page.evaluate("""days => { const at = new Date(Date.now() + days * 86400e3);
            return new Intl.DateTimeFormat("sv", {dateStyle: "short"}).format(at) + "T08:00"; }""", day)
        page.locator("#starts").fill(soon)
        if has_script:
            check("start: the button says from when", wait(lambda: re.search("Ask .* for 1h from", page.locator("main").inner_text()), 10),
                  page.locator("main").inner_text()[:600])
            check.equal("start: nothing serious for axe", serious(page), [])
            shoot(page, "ask-later", whole=False)
        if not has_script:
            show.click()
        send.click()
        page.wait_for_url(re.compile("/requests/req_"))
        request = re.search("req_[0-9a-f]+", page.url).group(0)
        asked = demo.api(MARA).get(f"/api/v1/requests/{request}").json
        check("start: the request has it", asked["state"] == "pending" and asked.get("starts_at", "").startswith(soon[:10]), asked)
        approved = demo.api(TOMASZ).post(f"/api/v1/requests/{request}/approve", {})
        check("start: approved ahead it still waits", approved.status == 200 and approved.json["state"] == "pending"
              and approved.json.get("decided_by") == TOMASZ, approved.json)
        again = demo.api(PRIYA).post(f"/api/v1/requests/{request}/approve", {})
        check("start: one more yes says who was first", again.status == 409 and "tomasz" in json.dumps(again.json).lower(), again.json)
        page.goto(f"{demo.base}/requests/{request}")
        said = page.locator("main").inner_text()
        check("start: its page says what comes", "It starts" in said and "Approved by Tomasz Wilk" in said and "can’t approve" not in said, said[:600])
        check("start: nothing is given yet", "grant_id" not in demo.api(MARA).get(f"/api/v1/requests/{request}").json)
        page.locator("button:has-text('Discard')").first.click()
        if page.locator("dialog[open] button[type=submit]").count():
            page.locator("dialog[open] button[type=submit]").click()
        check("start: it can be taken back", wait(
            lambda: demo.api(MARA).get(f"/api/v1/requests/{request}").json["state"] == "discarded", 10))
        page.context.close()
    held = demo.api(MARA).post("/api/v1/requests", {"account": "payments-dev", "permission_set": "ReadOnly", "duration_seconds": 600,
                                                   "reason": "OPS-92: soon", "starts_at": in_seconds(15)})
    check("start: a request without approval waits for its start, too", held.status in (200, 201) and held.json["state"] == "pending"
          and held.json.get("decided_by") == MARA, held.json)
    check("start: and begins", wait(lambda: demo.api(MARA).get(f"/api/v1/requests/{held.json['id']}").json["state"] == "approved", 30))


def together(demo, browser):
    """Several targets with one reason: gathered on the form, sent at once, approved with one press."""
    for has_script in (True, False):
        page = browser.window(MARA, script=has_script)
        form = page.locator("main form")

        def choose(account, permission_set):
            page.goto(f"{demo.base}/ask?account={account}&permission_set={permission_set}&for=1h"
                      + (f"&also={also}" if also else ""))

        also = ""
        choose("analytics-dev", "ReadOnly")
        form.locator("button[name=add]").click()
        listed = form.locator(".picked li")
        check("together: what was chosen is in the list", wait(lambda: listed.count() == 1, 10), page.locator("main").inner_text()[:600])
        check.equal("together: and nothing is chosen on the form", form.locator("input[name=account]:checked").count(), 0)
        if has_script:
            check.equal("together: one continues searching", page.evaluate("document.activeElement.id"), "q")
        also = form.locator("input[name=also]").get_attribute("value").replace(" ", "+")
        choose("orders-prod", "DatabaseOperator")
        check("together: both are listed with what they take", wait(lambda: listed.count() == 2, 10)
              and "No approval" in listed.nth(0).inner_text(), listed.all_inner_texts())
        if has_script:
            check.equal("together: nothing serious for axe", serious(page), [])
            shoot(page, "ask-together", whole=False)
            form.locator("button[aria-label='Remove analytics-dev / ReadOnly']").click()
            check("together: one can be taken out", wait(lambda: listed.count() == 0, 10)
                  and wait(lambda: "DatabaseOperator" in page.locator("main").inner_text(), 10), page.locator("main").inner_text()[:600])
            choose("orders-prod", "DatabaseOperator")
        form.locator("textarea").fill("OPS-95: compare the ledgers")
        form.locator("button[formmethod=post]:not([formaction])").click()
        page.wait_for_url(re.compile("/requests/req_"))
        request = re.search("req_[0-9a-f]+", page.url).group(0)
        asked = demo.api(MARA).get(f"/api/v1/requests/{request}").json
        check("together: what waits is shown, and knows the other", asked["state"] == "pending" and len(asked["asked_with"]) == 1, asked)
        other = demo.api(MARA).get(f"/api/v1/requests/{asked['asked_with'][0]}").json
        check.equal("together: the immediately granted ones", (other["state"], other["permission_set"]), ("approved", "ReadOnly"))
        check("together: the page names it", "analytics-dev / ReadOnly" in page.locator("aside").last.inner_text())
        demo.api(MARA).post(f"/api/v1/requests/{request}/discard", {})
        wait(lambda: demo.api(MARA).get(f"/api/v1/grants/{other['grant_id']}").json["state"] == "active", 30)
        demo.api(MARA).post(f"/api/v1/grants/{other['grant_id']}/release", {})
        wait(lambda: demo.api(MARA).get(f"/api/v1/grants/{other['grant_id']}").json["state"] == "ended", 30)
        page.context.close()
    batch = {"targets": [{"account": name, "permission_set": "DatabaseOperator"} for name in ("orders-prod", "catalog-prod", "analytics-prod")],
             "duration_seconds": 600, "reason": "OPS-96: three of them"}
    asked = demo.api(MARA).post("/api/v1/requests/batch", batch)
    ids = [item["id"] for item in asked.json.get("items", [])]
    check("together: three over HTTP", asked.status == 201 and len(ids) == 3, asked.json)
    page = browser.window(TOMASZ)
    page.goto(f"{demo.base}/reviews")
    check.equal("together: one link for all of them", page.locator("a:has-text('Approve all 3')").count(), 1)
    shoot(page, "reviews-together", whole=False)
    page.locator("a:has-text('Approve all 3')").click()
    page.locator("main button:has-text('Approve 3 requests')").click()
    page.locator("h1:has-text('You decided 3 requests')").wait_for()
    states = lambda: [demo.api(MARA).get(f"/api/v1/requests/{one}").json["state"] for one in ids]
    check("together: one page approves all", wait(lambda: states() == ["approved"] * 3, 10), states())
    check.equal("together: and says so of each", page.locator("main").inner_text().count("You approved 10m for Mara Lindqvist."), 3)
    for one in ids:
        grant = demo.api(MARA).get(f"/api/v1/requests/{one}").json["grant_id"]
        wait(lambda grant=grant: demo.api(MARA).get(f"/api/v1/grants/{grant}").json["state"] == "active", 30)
        demo.api(MARA).post(f"/api/v1/grants/{grant}/release", {})
    page.context.close()


def picking(demo, browser):
    """What is picked with a mouse that is held down for as long as a hand does is what is chosen, listed and taken out again."""
    page = browser.window(MARA)
    page.goto(f"{demo.base}/ask?q=prod")
    chosen = lambda: page.evaluate("document.querySelector('[name=account]:checked')?.closest('label').querySelector('.acct').innerText ?? ''")
    names = page.locator("#ask-hits label .acct").all_inner_texts()
    for name in names[:2]:
        page.locator("#ask-hits label").filter(has_text=name).first.click(delay=150)
        check(f"picking: {name} is chosen", wait(lambda: chosen() == name, 10), chosen())
    page.locator("#ask-sets label").first.click(delay=150)
    page.locator("button[name=add]").first.click(delay=150)
    listed = page.locator(".picked li")
    check("picking: and listed", wait(lambda: listed.count() == 1, 10) and names[1] in listed.inner_text(), page.locator("main").inner_text()[:600])
    page.locator(f"button[aria-label^='Remove {names[1]} /']").click(delay=150)
    check("picking: and taken out", wait(lambda: listed.count() == 0, 10), page.locator("main").inner_text()[:600])
    page.context.close()


def saving(demo, browser):
    """Targets that one pins, filters that one saves, and notifications of reviews while the page is hidden."""
    page = browser.window(MARA)
    page.goto(f"{demo.base}/ask?account=orders-dev&permission_set=PowerUser")
    page.locator("#why").fill("OPS-11: written before")
    page.get_by_role("button", name="Pin for next time").click()
    pinned = page.get_by_role("navigation", name="Pinned").get_by_role("link", name="orders-dev / PowerUser")
    pinned.wait_for()
    check("saving: what was written is still there", page.locator("#why").input_value() == "OPS-11: written before")
    page.goto(f"{demo.base}/ask")
    pinned.click()
    check("saving: a pinned target is chosen", page.locator("[name=permission_set]:checked").input_value() == "PowerUser", page.url)
    page.get_by_role("button", name="Unpin").click()
    page.get_by_role("button", name="Pin for next time").wait_for()
    check("saving: and unpinned", pinned.count() == 0)
    page.context.close()
    page = browser.window(NOOR)
    page.goto(f"{demo.base}/reports?permission_set=AdministratorAccess")
    page.get_by_label("Name of these filters").fill("Admins <b>")
    page.get_by_role("button", name="Save these filters").click()
    page.goto(f"{demo.base}/reports")
    page.get_by_role("navigation", name="Saved filters").get_by_role("link", name="Admins <b>").click()
    check("saving: filters of a report", page.locator("[name=permission_set]").first.input_value() == "AdministratorAccess", page.url)
    page.get_by_role("button", name="Remove these saved filters").click()
    page.get_by_role("button", name="Save these filters").wait_for()
    check("saving: and removed", page.get_by_role("navigation", name="Saved filters").count() == 0)
    page.context.close()
    page = browser.window(TOMASZ)
    page.add_init_script("""window.sent = [];
      window.Notification = class { constructor(title, options) { sent.push(options.body); } static permission = "granted";
        static requestPermission = async () => "granted"; };
      Object.defineProperty(document, "hidden", { get: () => window.away === true });""")
    page.clock.install()
    page.goto(f"{demo.base}/reviews")
    page.get_by_role("button", name="Notify me of new reviews").click()
    on = page.get_by_role("button", name="Notifications: on")
    on.wait_for()
    first = ask_over_api(demo, MARA, "payments-prod", "OPS-13: while the page is open")
    card = page.locator(f"[id='{first}'][data-waiting]")
    card.wait_for()
    check("saving: the button stays where the list is updated", wait(on.is_visible, 10), page.locator("aside").first.inner_text())
    demo.api(MARA).post(f"/api/v1/requests/{first}/discard")
    card.wait_for(state="detached")
    page.evaluate("away = true; document.dispatchEvent(new Event('visibilitychange'))")
    asked = ask_over_api(demo, MARA, "payments-prod", "OPS-12: while nobody looks")
    page.clock.fast_forward(31_000)
    check("saving: a hidden page notifies once", wait(lambda: page.evaluate("sent.length") == 1, 10), page.evaluate("sent"))
    page.clock.fast_forward(31_000)
    page.wait_for_timeout(500)
    check("saving: and not again", page.evaluate("sent.length") == 1 and "wait" in page.evaluate("sent[0]"), page.evaluate("sent"))
    demo.api(MARA).post(f"/api/v1/requests/{asked}/discard")
    page.context.close()


def in_seconds(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def crowded(demo, browser):
    """There is no place for one more event stream: the page looks by itself, and listens again later."""
    token = Api(demo.base).get(f"/demo/token/{MARA}").body.decode()
    open_now = lambda: next(line for line in demo.api(MARA).get("/metrics").body.decode().splitlines() if line.startswith("hallpass_event_streams "))
    check("no window that was closed listens", wait(lambda: open_now() == "hallpass_event_streams 0", 20), open_now())
    streams = []
    while len(streams) < 100:
        connection = http.client.HTTPConnection("127.0.0.1", demo.port, timeout=60)
        connection.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        if answer.status != 200:
            break
        streams.append((connection, answer))
    refused = json.loads(answer.read())
    check("a seventeenth event stream of a person is refused, with when to come again",
          (len(streams), answer.status, refused["code"], answer.headers["Retry-After"]) == (16, 429, "too-many-streams", "30"), refused)
    page = browser.window(MARA)
    page.clock.install()
    with page.expect_response("**/events*"):
        page.goto(f"{demo.base}/")
    note = page.locator("#stale")
    page.clock.run_for(8_000)
    is_stale = note.filter(has_text="Live updates stopped", visible=True)
    is_stale.wait_for()
    check("the page says that it is not live", True)
    shoot(page, "crowded")
    mine = page.locator("main [data-live]").get_by_text("pricing-prod").first
    before = mine.count()
    ask_over_api(demo, MARA, "pricing-prod", "OPS-77: nobody told the page")
    with page.expect_response("**/events*"):
        page.clock.run_for(13_000)
    page.clock.run_for(500)
    mine.wait_for(state="visible")
    check("and finds out automatically", before == 0, before)
    page.clock.run_for(8_000)
    is_stale.wait_for()
    check("it still says so on what was put in place", True)
    for connection, answer in streams:
        # the answer holds the connection open as well
        answer.close()
        connection.close()
    check("streams whose readers are gone make room", wait(lambda: open_now() == "hallpass_event_streams 0", 20), open_now())
    with page.expect_response("**/events*"):
        page.clock.run_for(13_000)
    note.wait_for(state="hidden")
    check("when there is room it listens again", not note.is_visible())
    hide = lambda hidden: page.evaluate(f"""() => {{
        Object.defineProperty(document, "hidden", {{ get: () => {hidden}, configurable: true }});
        document.dispatchEvent(new Event("visibilitychange"));
    }}""")
    hide("true")
    check("a hidden page closes its event stream", wait(lambda: open_now() == "hallpass_event_streams 0", 20), open_now())
    with page.expect_response("**/events*"):
        hide("false")
    check("a page that is visible again opens one", wait(lambda: open_now() == "hallpass_event_streams 1", 20), open_now())
    page.context.close()


def restarted(demo, browser):
    """The server goes and comes while somebody writes; the form still works."""
    page = browser.window(MARA)
    page.goto(f"{demo.base}/ask?account=orders-prod&permission_set=DatabaseOperator")
    page.locator("textarea").first.fill("OPS-9: written across a restart")
    demo.restart()
    page.wait_for_timeout(500)
    button = page.locator("button[type=submit]:has-text('Ask')").last
    button.click()
    page.wait_for_url(re.compile("/requests/req_"))
    check("a form filled in before a restart is sent after it", "OPS-9: written across a restart" in page.locator("main").inner_text())
    page.context.close()


def warned(demo, browser):
    """A warning stands above the button with its tick, for whoever asks and whoever approves, in light and dark, with and without script."""
    says = "Changes to the network reach every account within seconds. Announce them in #network first."
    asks = "/ask?account=payments-dev&permission_set=NetworkAdmin&for=3600&reason=OPS-14:+a+route"
    for dark, size, has_script in ((False, "wide", True), (True, "phone", True), (False, "phone", False)):
        look = f"{size}-{'dark' if dark else 'light'}{'' if has_script else '-without-script'}"
        page = browser.window(MARA, size, dark, script=has_script)
        page.goto(demo.base + asks)
        box = page.locator(".warned")
        check(f"warned ({look}): the form shows the text", says in box.inner_text(), box.inner_text())
        # axe needs the page's own script
        if has_script:
            check.equal(f"warned ({look}): nothing serious for axe", serious(page), [])
        check(f"warned ({look}): no sideways scroll", overflow(page) <= 0, overflow(page))
        shoot(page, f"warned-ask-{look}")
        if page.locator("textarea[name=reason]").input_value() == "":
            page.locator("textarea[name=reason]").fill("OPS-14: a route")
        send = page.get_by_role("button", name=re.compile(r"^Ask"))
        send.first.click()
        page.get_by_text("tick that you have").first.wait_for()
        said = page.locator("main").inner_text()
        check(f"warned ({look}): without the tick nothing is sent", "tick that you have" in said, said[:500])
        shoot(page, f"warned-missing-{look}")
        page.get_by_label("I have read this warning").check()
        page.get_by_role("button", name=re.compile(r"^Ask")).first.click()
        page.wait_for_url(re.compile("/requests/req_"))
        request = re.search("req_[0-9a-f]+", page.url).group(0)
        check(f"warned ({look}): what was confirmed is shown", f"Read and confirmed: {says}" in page.locator("main").inner_text().replace("“", "").replace("”", ""), page.locator("main").inner_text()[:900])
        reviewer = browser.window(PRIYA, size, dark, script=has_script)
        reviewer.goto(f"{demo.base}/requests/{request}")
        shoot(reviewer, f"warned-request-{look}")
        reviewer.get_by_role("link", name=re.compile("^Approve 1h.*…")).click()
        form = reviewer.locator("dialog[open] form" if has_script else "main form[action$='/approve']")
        check(f"warned ({look}): the form to approve shows the text", says in form.inner_text(), form.inner_text())
        if has_script:
            check.equal(f"warned ({look}): nothing serious for axe when approving", serious(reviewer), [])
        shoot(reviewer, f"warned-approve-{look}", whole=False)
        form.get_by_label("I have read this warning").check()
        form.locator("button[type=submit]").click()
        reviewer.wait_for_url(re.compile("said=approved"))
        texts = demo.api(NOOR).get(f"/api/v1/requests/{request}").json["confirmed"]
        check.equal(f"warned ({look}): both are kept", [(one["by"], one["texts"]) for one in texts], [(MARA, [says]), (PRIYA, [says])])
        demo.api(MARA).post(f"/api/v1/requests/{request}/discard", {})
        page.context.close()
        reviewer.context.close()


def days_of_the_log(demo, browser):
    """From and To are days of the reader's zone, which the browser says; without script they are UTC. The page says which."""
    for has_script, zone, shown in ((True, "Europe/Stockholm", "CES?T"), (True, "America/Phoenix", "MST"), (False, "Europe/Stockholm", "UTC")):
        page = browser.window(NOOR, script=has_script, zone=zone)
        page.goto(f"{demo.base}/audit")
        said = page.locator("form.filters").inner_text()
        found = [bool(re.search(rf"{field} \({shown}\)", said, re.IGNORECASE)) for field in ("From", "To")]
        check(f"days of the log in {zone}{'' if has_script else ', without script'}", all(found), said)
        page.context.close()


def without_script(demo, browser):
    page = browser.window(MARA, script=False)
    page.goto(f"{demo.base}/ask")
    show = "noscript button, .cols button:visible:has-text('See approvers')"
    page.locator("input[type=search]").fill("orders-dev")
    page.locator(show).last.click()
    for name, value in (("account", ""), ("permission_set", "[value='PowerUser']")):
        field = page.locator(f"input[name={name}]{value}")
        field.first.check()
        page.locator(show).last.click()
    page.locator("textarea").first.fill("OPS-10: without script")
    send = page.get_by_role("button", name=re.compile(r"^(Ask \d|Get |Approve myself)"))
    send.first.click()
    page.wait_for_url(re.compile("/requests/req_"))
    check("without script one asks", "OPS-10: without script" in page.locator("main").inner_text(), page.url)
    request = re.search("req_[0-9a-f]+", page.url).group(0)
    reviewer = browser.window(TOMASZ, script=False)
    reviewer.goto(f"{demo.base}/reviews")
    card = reviewer.locator(f"[data-card]:has(a[href*='{request}'])")
    card.get_by_role("link", name=re.compile("Deny")).or_(card.get_by_role("button", name=re.compile("Deny"))).first.click()
    field = reviewer.locator("textarea:visible")
    field.first.fill("use the stage of your own team")
    reviewer.get_by_role("button", name="Deny request").first.click()
    reviewer.wait_for_url(re.compile("said="))
    page.reload()
    told = page.locator("main").inner_text()
    check("without script one denies, with words", "Denied" in told and "use the stage of your own team" in told, told[:400])
    page.context.close()
    reviewer.context.close()


HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> \u202egnp.exe & \"quoted\" 'too' {{7*7}} javascript:alert(3)"


def own_sign_ins(demo, browser):
    """The way there by keyboard; a session ended from another browser, a token revoked."""
    here, there = browser.window(MARA), browser.window(MARA)
    tab_to(here, "Your menu")
    press(here, "Enter")
    check("keyboard: the menu leads to one's sign-ins", tab_to(here, "Sign-ins and tokens"))
    press(here, "Enter")
    here.wait_for_url(re.compile("/sign-ins"))
    check("this session is marked, once", here.get_by_text("This one").count() == 1)
    check("the browser is named", "Chrome on Linux" in here.locator("main").inner_text(), here.locator("main").inner_text()[:400])
    token = Api(demo.base).get(f"/demo/token/{MARA}").body.decode()
    check("no secret is shown", token not in here.content())
    check("keyboard: everywhere else is reached", tab_to(here, "Sign out everywhere else"))
    press(here, "Enter")
    here.wait_for_url(re.compile("ended=others"))
    check("the result is shown", "Signed out everywhere else" in here.locator("#live").inner_text())
    note = there.locator("#stale")
    is_told = lambda: there.wait_for_timeout(50) or note.locator("a[href*='/signin']").count()
    check("the page of the other browser shows it automatically", wait(is_told, 30), note.inner_text())
    # the note that it is not live any more does not take its place
    there.wait_for_timeout(7_000)
    check("and keeps showing it", "You were signed out" in note.inner_text() and note.is_visible(), note.inner_text())
    there.goto(f"{demo.base}/reviews")
    check("the other browser is signed out", "/signin" in there.url, there.url)
    here.goto(f"{demo.base}/")
    check("this one is not", "/signin" not in here.url, here.url)
    for page in (here, there):
        page.context.close()


def locking(demo, browser):
    """An administrator locks somebody on their page, and lets them in again."""
    priya, tomasz = browser.window(PRIYA), browser.window(TOMASZ)
    path = person(demo, TOMASZ)
    priya.goto(demo.base + path)
    priya.get_by_role("link", name="Lock…").click()
    priya.wait_for_url(re.compile("/lock$"))
    priya.get_by_label("Continues until its end").check()
    priya.locator("textarea").fill("OPS-13: a phone was lost")
    priya.get_by_role("button", name="Lock Tomasz now").click()
    priya.wait_for_url(demo.base + path)
    check("the lock is shown, with its reason", "OPS-13: a phone was lost" in priya.locator("main").inner_text())
    tomasz.goto(f"{demo.base}/reviews")
    check("a locked user is out", "/signin" in tomasz.url, tomasz.url)
    priya.goto(f"{demo.base}/access")
    check("Access names all locked users", "Tomasz Wilk, since" in priya.locator("#locked").inner_text())
    priya.locator("#locked a", has_text="Tomasz").click()
    priya.get_by_role("link", name="Unlock…").click()
    priya.locator("textarea").fill("it was found")
    priya.get_by_role("button", name="Unlock").click()
    priya.wait_for_url(demo.base + path)
    check("and no one else", "Not locked" in priya.locator("main").inner_text())
    for page in (priya, tomasz):
        page.context.close()


def hostile(demo, browser):
    """Text that tries to be more: it is shown, and is nothing else."""
    request = ask_over_api(demo, MARA, "checkout-prod", HOSTILE)
    before = len(browser.problems)
    for who, path in ((MARA, "/"), (MARA, "/requests"), (TOMASZ, "/reviews"), (TOMASZ, f"/requests/{request}"), (NOOR, f"/audit?q={request}"), (NOOR, "/access")):
        page = browser.window(who)
        page.goto(demo.base + path)
        inside = page.locator("main").inner_html()
        check(f"{path}: no element and no address comes of it",
              "<img src=x" not in inside and "<script>alert" not in inside and "href=\"javascript:" not in inside)
        check(f"{path}: what turns writing around is shown", "\u202e" not in page.locator("main").inner_text())
        page.context.close()
    check.equal("nothing of it ran", browser.problems[before:], [])


def in_slack(demo, browser):
    """The same journey by clicking in the simulated Slack that stands beside the product."""
    page = browser.window()
    be = {MARA: "U0MARA", TOMASZ: "U0TOMASZ", NOOR: "U0NOOR"}

    def who(person):
        page.goto(f"{demo.aws}/_slack/?as={be[person]}")
        page.wait_for_selector("text=You are")

    def shortcut(name):
        # what a click gives is good for three seconds: whoever sees no form on a busy machine clicks again
        for _ in range(4):
            page.locator("button:has-text('Shortcuts'), summary:has-text('Shortcuts')").first.click()
            page.locator(f"button:visible:has-text('{name}')").first.click()
            try:
                return page.wait_for_selector("dialog[open]", timeout=15_000)
            except playwright.sync_api.TimeoutError:
                page.reload()
                # one that came after all
                if page.locator("dialog[open]").count():
                    return page.locator("dialog[open]")
        raise AssertionError(f"no form of {name} came in four tries")

    def choose(field, text):
        option = page.locator(f"dialog[open] [role=option]:visible:has-text('{text}')").first
        # Slack gives up on options that come late, and asks again when something is typed
        for typed in (text, text[:-1], text, text[:-1]):
            page.locator(f"dialog[open] #{field}").fill(typed)
            try:
                return option.click(timeout=15_000)
            except playwright.sync_api.TimeoutError:
                continue
        option.click()

    def message(text):
        return page.locator("li.post").filter(has_text=text).last

    who(MARA)
    check.equal("slack page: nothing serious for axe", serious(page), [])
    shortcut("access")
    choose("f-select_account", "orders-prod")
    page.wait_for_timeout(700)
    choose("f-select_permission_set", "DatabaseOperator")
    page.locator("dialog[open] #f-provide_reason").fill("OPS-11: asked in Slack")
    shoot(page, "slack-1-form", whole=False)
    page.locator("dialog[open] button:has-text('Request')").click()
    page.wait_for_selector("li.post:has-text('OPS-11: asked in Slack')")
    check("slack page: the request is a message", message("OPS-11").count() == 1)
    who(NOOR)
    message("OPS-11").get_by_role("button", name="Approve", exact=True).last.click()
    page.wait_for_selector("text=/not an approver/i")
    check.equal("slack page: a bystander gets the reason, once", page.locator("text=/not an approver/i").count(), 1)
    who(TOMASZ)
    page.wait_for_selector("text=OPS-11")
    check("slack page: no one else reads that", page.locator("text=/You are not an approver/i").count() == 0)
    message("OPS-11").get_by_role("button", name="Approve", exact=True).last.click()
    check("slack page: granted, once AWS confirmed", wait(lambda: "Access granted" in message("OPS-11").inner_text(), 30),
          message("OPS-11").inner_text())
    shoot(page, "slack-2-granted", whole=False)
    held = [one for one in demo.api(MARA).get("/api/v1/grants?state=active").json["items"] if one["reason"].startswith("OPS-11")]
    check("slack page: the grant is live in the API too", len(held) == 1, held)
    who(MARA)
    shortcut("my access")
    page.wait_for_selector("dialog[open] :text('orders-prod')")
    shoot(page, "slack-3-my-access", whole=False)
    page.keyboard.press("Escape")
    who(MARA)
    shortcut("End early")
    page.wait_for_selector("dialog[open] :text('orders-prod')")
    page.locator("dialog[open] button:has-text('End early')").first.click()
    check("slack page: given back", wait(lambda: not [
        one for one in demo.api(MARA).get("/api/v1/grants?state=active").json["items"] if one["reason"].startswith("OPS-11")], 30))
    who(MARA)
    check("slack page: its message says that it ended", wait(lambda: "Access ended" in page.locator("main, body").first.inner_text(), 30))
    page.context.close()


def pictured(_, browser):
    """What the README shows."""
    page = browser.window(NOOR)
    for path in ("access", "reports"):
        page.goto(browser.base + "/" + path)
        shoot(page, path, whole=False)


def journeys(demo, browser):
    for journey in (by_keyboard, racing, catching_up, under_a_dialog, approving_less, starting_later, picking, saving, together, warned, days_of_the_log, without_script, own_sign_ins, locking,
                    hostile, crowded, in_slack, pictured):
        journey(demo, browser)


def main():
    for part in parts("journeys", *LOOKS):
        with Stage("web") as stage:
            demo = Demo(stage)
            with Browser(demo.base) as browser:
                if part == "journeys":
                    journeys(demo, browser)
                else:
                    screens(demo, browser, part)
                if part == "wide-light":
                    wide_screen_and_sign_in(demo, browser)
                    many_reviews(demo, browser)
                check.equal(f"{part}: no page broke its script or its policy", browser.problems, [])
                if part == "journeys":
                    restarted(demo, browser)
    check.end()


if __name__ == "__main__":
    main()
