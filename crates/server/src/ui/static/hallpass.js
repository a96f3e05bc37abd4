// Every page and form works without it.
const d = document;
const all = (s, from = d) => [...from.querySelectorAll(s)];
const on = (what, then) => d.addEventListener(what, then);
// whoever had hold of something lets go of it
const leave = (then) => { on("focusout", then); on("pointerup", then); };
const stop = (event) => event.preventDefault();
const id = (name) => d.getElementById(name);
const live = id("live");
const say = (text) => { if (live && text) live.textContent = text; };
// when the page was answered, however long it took to be read
const [loading] = performance.getEntriesByType("navigation");
const arrived = Date.now() - (loading ? performance.now() - loading.responseStart : 0);

// Zone and theme travel as cookies, so that the first paint is right.
const keep = (name, value) => { d.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax`; };
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const known = d.cookie.split("; ").find((pair) => pair.startsWith("zone="));
if (known !== `zone=${zone}`) {
  keep("zone", zone);
  if (!known && d.body.dataset.events) location.reload();
}

// Seconds left count from the arrival of each region: a wrong clock does not lie.
const age = (el) => (el ? (el.at ? since(el.at) : age(el.parentElement)) : since(arrived));
const since = (at) => ((Date.now() - at) / 1000) | 0;
const clock = (s) => `${(s / 60) | 0}:${String(s % 60).padStart(2, "0")}`;
const words = (s) => (s <= 0 ? "Ending" : s < 300 ? clock(s) : s < 3600 ? `${(s / 60) | 0}m` : `${(s / 3600) | 0}h ${((s % 3600) / 60) | 0}m`);
const tick = () => {
  for (const el of all("[data-left]")) {
    const left = el.dataset.left - age(el);
    el.textContent = words(left);
    const arc = el.parentElement.querySelector("[data-total]");
    if (arc) arc.setAttribute("stroke-dasharray", `${Math.max(0, (100 * left) / arc.dataset.total)} 100`);
    if ([900, 300].includes(left) && el.dataset.say) say(`${el.dataset.say} ends in ${words(left)}.`);
  }
  for (const el of all("[data-since]")) el.textContent = clock(+el.dataset.since + age(el));
};

// Parts of a page are fetched again and put in place; rights are checked anew.
const read = async (url, regions, signal) => {
  const answer = await fetch(url, { signal, headers: { "x-hallpass-part": regions.map((el) => el.id).join(" ") } });
  if (answer.status === 401) signedOut();
  if (answer.ok) return new DOMParser().parseFromString(await answer.text(), "text/html");
};
let turn = 0;
const part = async (url, regions, signal) => {
  const mine = ++turn;
  const page = await read(url, regions, signal).catch(() => {});
  if (!page) return;
  // an answer that others overtook says nothing
  for (const region of regions) if (!(region.turn > mine)) { region.turn = mine; put(page.getElementById(region.id), region); }
  tick();
};
const late = new Set();
const put = (fresh, region) => {
  // never under somebody's fingers
  if (!fresh) return;
  if (region.querySelector(":active, dialog[open], :is(input, textarea, select):focus, form:has(:checked) :focus")) return late.add(region);
  const waited = late.delete(region);
  region.at = Date.now();
  if (fresh.dataset.say && fresh.dataset.say !== region.dataset.say) say((region.dataset.say = fresh.dataset.say));
  // what is as it was keeps its focus and what somebody marked, unless they changed it
  if (region.text === (region.text = fresh.innerHTML) && !waited) return;
  const focused = region.contains(d.activeElement) && d.activeElement.id;
  const open = all("details[open][id], [name=pick]:checked", region).map((el) => el.id);
  region.replaceChildren(...fresh.childNodes);
  for (const name of open) Object.assign(id(name) || {}, { open: 1, checked: 1 });
  if (focused) id(focused)?.focus({ preventScroll: true });
  if (region.dataset.count === undefined) return;
  const waiting = all("[data-waiting]", region).length;
  const count = id("reviews-count");
  if (count) count.firstChild.textContent = waiting;
  d.title = (waiting ? `(${waiting}) ` : "") + d.title.replace(/^\(\d+\+?\) /, "");
};
const warn = (...words) => { const stale = id("stale"); if (stale) { stale.hidden = false; stale.replaceChildren(...words); } };
let out;
const signedOut = () => {
  if (out) return;
  out = "You were signed out. ";
  say(out);
  const href = `/signin?next=${encodeURIComponent(location.pathname + location.search)}`;
  warn(out, Object.assign(d.createElement("a"), { href, textContent: "Sign in and your text is still here." }));
};

// Live regions listen to the events their page names.
const regions = all("[data-live]");
if (regions.length && d.body.dataset.events) {
  for (const region of regions) region.text = region.innerHTML;
  const due = new Set();
  const soon = (region) => {
    if (!due.has(region)) setTimeout(() => { due.delete(region); part(place(region), [region]); }, 150);
    due.add(region);
  };
  // cards on the page stay in place, in their true state
  const place = (region) => {
    const { dataset } = region;
    if (!("shown" in dataset)) return dataset.live;
    const shown = all("[data-shown-id]", region).map((el) => el.dataset.shownId);
    return `${dataset.live}${dataset.live.includes("?") ? "&" : "?"}shown=${shown}`;
  };
  // after the newest record it knows
  let { events: address } = d.body.dataset, events, lost = 0;
  const look = () => regions.forEach(soon);
  // a hidden page leaves its connection to others: a browser has six
  const listen = () => {
    events?.close();
    if (d.hidden) return;
    events = new EventSource(address);
    events.onopen = () => { if (lost) look(); lost = out = 0; id("stale")?.setAttribute("hidden", ""); };
    // turned away: look, and ask again later
    events.onerror = () => { lost ||= Date.now(); if (events.readyState > 1) { look(); setTimeout(listen, 2e4); } };
    events.addEventListener("news", heard);
  };
  const heard = (event) => {
    const data = JSON.parse(event.data);
    address = `/events?after=${data.seq}`;
    for (const region of regions) {
      const { on = "", id: about } = region.dataset;
      if (on.split(" ").some((kind) => data.event.startsWith(kind)) && (!about || about.split(" ").some((one) => [data.request_id, data.grant_id].includes(one)))) soon(region);
    }
    for (const el of all("[data-news]")) {
      const news = ++el.dataset.news;
      el.hidden = false;
      el.firstChild.textContent = `${news} new record${news > 1 ? "s" : ""}`;
    }
    say(data.words);
  };
  listen();
  setInterval(() => {
    const seconds = lost ? Math.min(since(lost), Math.max(...regions.map(age))) : 0;
    d.body.classList.toggle("old", seconds > 60);
    if (seconds > 5 && !out) warn(events.readyState ? `Live updates stopped ${seconds}s ago. Reconnecting…` : `Can’t reach Hallpass. Access still ends on time; this page is ${seconds}s old.`);
  }, 1000);
  for (const region of regions) if (region.dataset.every) setInterval(() => soon(region), 1000 * region.dataset.every);
  on("visibilitychange", () => { if (!d.hidden) look(); lost = 0; listen(); });
  addEventListener("pagehide", () => events?.close());
  // a page that the browser kept
  addEventListener("pageshow", ({ persisted }) => { if (persisted) { look(); listen(); } });
  const again = () => { for (const region of regions) if (late.has(region)) soon(region); };
  d.addEventListener("close", again, true);
  leave(({ target, relatedTarget: to }) => { if (!to?.form || to.form !== target.form) again(); });
}

const address = (form, fields) => `${form.getAttribute("action")}?${new URLSearchParams(fields)}`;
// Forms that only look (GET) refresh their region while one types.
for (const form of all("form[data-part]")) {
  const regions = form.dataset.part.split(" ").map(id);
  const push = "push" in form.dataset;
  let timer, asked;
  const look = (button) => {
    const fields = new FormData(form, button);
    // words of people do not belong in addresses
    for (const field of all("textarea, [name=meant]", form)) fields.delete(field.name);
    for (const [name, value] of [...fields]) if (!value) fields.delete(name);
    const url = address(form, fields);
    if (push) history.replaceState(null, "", url);
    asked?.abort();
    asked = new AbortController();
    part(url, regions, asked.signal);
    if (push) for (const el of all("[data-live]")) el.dataset.live = url;
  };
  // a button that only looks
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-look]");
    if (!button) return;
    stop(event);
    const search = form.querySelector("[type=search]");
    search.value = "";
    // what is left by that is looked at first
    search.focus();
    look(button);
  });
  form.addEventListener("input", ({ target }) => {
    const other = target.type === "radio" && form.querySelector(`[data-beats="${target.name}"]`);
    if (other) other.value = "";
    if (target.matches("textarea")) return;
    clearTimeout(timer);
    timer = setTimeout(() => look(), target.matches("select, [type=radio], [type=checkbox]") ? 0 : 250);
  });
  // what came while somebody was in it
  leave(({ relatedTarget: to }) => { if (regions.some((el) => late.has(el) && !el.contains(to))) look(); });
}
// A text being written survives a sign-in in between.
const memory = sessionStorage, sent = memory.sent, kept = `kept:${location.pathname}:`;
if (sent && location.pathname !== "/signin" && !sent.startsWith(kept)) {
  delete memory[sent];
  delete memory.sent;
}
for (const field of all("textarea[data-keep]")) {
  const key = kept + field.id;
  if (!field.value) field.value = memory[key] || "";
  const counter = id(field.dataset.countTo);
  const count = () => { if (counter) counter.textContent = [...field.value.trim()].length.toLocaleString("en"); };
  count();
  field.addEventListener("input", () => { memory[key] = field.value; count(); });
  field.form?.addEventListener("submit", () => memory.sent = key);
}
// What opens in a dialog is a page of its own without script.
const sheet = d.querySelector("dialog#sheet");
const open = async (url) => {
  const mine = (sheet.turn = ++turn);
  const page = await read(url, [sheet]).catch(() => {});
  // something else is being opened since
  if (sheet.turn !== mine) return;
  const fresh = page?.getElementById("sheet");
  if (!fresh) { location = url; return; }
  sheet.replaceChildren(...fresh.childNodes);
  if (!sheet.open) sheet.showModal();
  (sheet.querySelector("[autofocus]") || sheet.querySelector("input:not([type=hidden]), textarea"))?.focus();
};
const theme = () => {
  const root = d.documentElement.dataset;
  const now = root.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  keep("theme", (root.theme = now === "dark" ? "light" : "dark"));
};
on("submit", (event) => {
  const { target: form, submitter: button } = event;
  const { themeForm, sheet: here } = form.dataset;
  if (themeForm !== undefined) { stop(event); theme(); }
  else if (sheet && here !== undefined) { stop(event); open(address(form, new FormData(form))); }
  // what was written is nobody else's in this tab
  else if (form.matches("[action='/signout']")) memory.clear();
  // one press is one press
  else if (button && (button.formMethod || form.method) === "post") setTimeout(() => { button.disabled = true; button.setAttribute("aria-busy", "true"); }, 0);
});
addEventListener("pageshow", () => { for (const el of all("button[aria-busy]")) { el.disabled = false; el.removeAttribute("aria-busy"); } });

on("click", (event) => {
  const button = event.target.closest("[data-copy],[data-open],[data-close],[data-keys-toggle],a[data-sheet]");
  if (!button) return;
  if (sheet && "sheet" in button.dataset && !event.metaKey && !event.ctrlKey && !event.shiftKey) { stop(event); open(button.href); }
  if (button.dataset.copy) {
    navigator.clipboard?.writeText(id(button.dataset.copy).textContent);
    button.lastElementChild.textContent = "Copied";
    say("Copied");
  }
  if (button.dataset.open) { stop(event); id(button.dataset.open)?.showModal(); }
  if ("close" in button.dataset) {
    const dialog = button.closest("dialog");
    if (dialog?.open) { stop(event); dialog.close(); } else button.closest(".toast")?.remove();
  }
  if ("keysToggle" in button.dataset) { keep("keys", keysOn() ? "off" : "on"); showKeys(); }
});

// Single keys: off while typing, or when switched off (WCAG 2.1.4).
const keysOn = () => !d.cookie.includes("keys=off");
const showKeys = () => { for (const el of all("[data-keys-toggle]")) { el.hidden = false; el.textContent = `Single keys: ${keysOn() ? "on" : "off"}`; } };
showKeys();
const places = { h: "/", n: "/ask", r: "/reviews", a: "/access", u: "/audit", l: "/rules", s: "/health" };
let went = 0;
const cards = () => all("[data-card], main tbody tr:not(.src)");
const current = () => cards().find((card) => card.contains(d.activeElement));
const move = (by) => {
  const list = cards();
  const next = list[Math.min(list.length - 1, Math.max(0, list.indexOf(current()) + by))];
  const target = next?.querySelector("a, :is(h2,h3)[tabindex], button, th input") || next;
  target?.focus();
  next?.scrollIntoView({ block: "nearest" });
};
const keys = {
  g: () => { went = Date.now(); },
  n: () => { location = "/ask"; },
  "?": () => id("keys")?.showModal(),
  "/": (event) => { const field = d.querySelector("main [type=search]"); if (field) { stop(event); field.focus(); } },
  j: () => move(1),
  k: () => move(-1),
  o: (_, card) => (card?.querySelector("[data-go]") || card?.querySelector("a"))?.click(),
  a: (_, card) => card?.querySelector("[data-approve]")?.focus(),
  d: (event, card) => { stop(event); card?.querySelector("[data-open^=deny]")?.click(); },
  c: () => d.activeElement.closest(".code, pre")?.parentElement.querySelector("[data-copy]")?.click(),
};
on("keydown", (event) => {
  const { key, target } = event;
  if (key === "Escape" && target.matches("[type=search]")) { target.value = ""; target.dispatchEvent(new Event("input", { bubbles: true })); return; }
  // from a search into what it found, and back
  const form = target.closest("form[data-part]");
  const found = form && all(".pick input:not([disabled])", form);
  if (found?.length && target.matches("[type=search]")) {
    const first = key === "ArrowDown" || (key === "Enter" && target.value);
    if (first) { stop(event); found[0].focus(); if (!found[0].checked) found[0].click(); return; }
  }
  if (found?.[0] === target && key === "ArrowUp") { const field = form.querySelector("[type=search]"); if (field) { stop(event); field.focus(); return; } }
  if (!keysOn() || event.metaKey || event.ctrlKey || event.altKey) return;
  if (target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, dialog[open]")) return;
  const go = went && Date.now() - went < 900;
  went = 0;
  if (go && places[key]) { location = places[key]; return; }
  keys[key]?.(event, current() || cards()[0]);
});

tick();
setInterval(tick, 1000);
