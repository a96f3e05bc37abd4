// Enhancement only: every page and form works without it.
((d) => {
  const all = (s, from = d) => [...from.querySelectorAll(s)];
  const live = d.getElementById("live");
  const say = (words) => { if (live && words) live.textContent = words; };
  let arrived = Date.now();

  // The reader's zone and theme travel as cookies, so that the first paint is right.
  const keep = (name, value) => { d.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax`; };
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const known = d.cookie.split("; ").find((pair) => pair.startsWith("zone="));
  if (known !== `zone=${zone}`) {
    keep("zone", zone);
    if (known === undefined && d.body.dataset.events) location.reload();
  }

  // Countdowns: seconds left come from the server and are counted from arrival, so a wrong clock
  // of this machine does not lie.
  const two = (n) => String(n).padStart(2, "0");
  const words = (s) =>
    s <= 0 ? "Ending" : s < 300 ? `${(s / 60) | 0}:${two(s % 60)}` : s < 3600 ? `${(s / 60) | 0}m` : `${(s / 3600) | 0}h ${((s % 3600) / 60) | 0}m`;
  const tick = () => {
    const passed = ((Date.now() - arrived) / 1000) | 0;
    for (const el of all("[data-left]")) {
      const left = el.dataset.left - passed;
      el.textContent = words(left);
      const arc = el.parentElement.querySelector("[data-total]");
      if (arc) arc.setAttribute("stroke-dasharray", `${Math.max(0, (100 * left) / arc.dataset.total)} 100`);
      for (const at of [900, 300]) {
        if (left === at && el.dataset.say) say(`${el.dataset.say} ends in ${words(at)}.`);
      }
    }
    for (const el of all("[data-since]")) {
      const s = +el.dataset.since + passed;
      el.textContent = `${(s / 60) | 0}:${two(s % 60)}`;
    }
  };

  // Parts of a page are fetched again and put in place; rights are checked anew each time.
  const part = async (url, regions, signal) => {
    const answer = await fetch(url, { signal, headers: { "x-hallpass-part": regions.map((el) => el.id).join(" ") } });
    if (answer.status === 401) return signedOut();
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const region of regions) put(page.getElementById(region.id), region);
    arrived = Date.now();
    tick();
  };
  const put = (fresh, region) => {
    if (!fresh || busy(region)) return;
    if (fresh.dataset.say && fresh.dataset.say !== region.dataset.say) say((region.dataset.say = fresh.dataset.say));
    const focused = region.contains(d.activeElement) ? d.activeElement.id : "";
    const open = all("details[open][id]", region).map((el) => el.id);
    region.replaceChildren(...fresh.childNodes);
    for (const id of open) d.getElementById(id)?.setAttribute("open", "");
    if (focused) d.getElementById(focused)?.focus({ preventScroll: true });
    const count = d.getElementById("reviews-count");
    if (count && region.dataset.count !== undefined) count.firstChild.textContent = all("[data-waiting]", region).length;
  };
  // never under somebody's fingers
  const busy = (region) => region.querySelector("dialog[open]") || region.querySelector("input:focus, textarea:focus, select:focus");
  const signedOut = () => {
    say("You were signed out.");
    const note = d.getElementById("stale");
    if (!note) return;
    const link = d.createElement("a");
    link.href = `/signin?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = "Sign in and your text is still here.";
    note.hidden = false;
    note.replaceChildren("You were signed out. ", link);
  };

  // Live regions listen to the events their page names.
  const regions = all("[data-live]");
  if (regions.length && d.body.dataset.events) {
    const timers = new Map();
    const soon = (region) => {
      if (timers.has(region)) return;
      timers.set(region, setTimeout(() => { timers.delete(region); part(address(region), [region]).catch(() => {}); }, 150));
    };
    // cards that are on the page stay in place, in their true state
    const address = (region) => {
      if (region.dataset.shown === undefined) return region.dataset.live;
      const shown = all("[data-shown-id]", region).map((el) => el.dataset.shownId);
      return `${region.dataset.live}${region.dataset.live.includes("?") ? "&" : "?"}shown=${shown}`;
    };
    const events = new EventSource(d.body.dataset.events);
    const stale = d.getElementById("stale");
    let lost = 0;
    events.onopen = () => {
      if (lost) for (const region of regions) soon(region);
      lost = 0;
      if (stale) stale.hidden = true;
    };
    events.onerror = () => { lost ||= Date.now(); };
    events.addEventListener("news", (event) => {
      const data = JSON.parse(event.data);
      for (const region of regions) {
        const wanted = (region.dataset.on || "").split(" ");
        const about = region.dataset.id;
        if (wanted.some((kind) => data.event.startsWith(kind)) && (!about || about.split(" ").some((id) => [data.request_id, data.grant_id].includes(id)))) soon(region);
      }
      for (const el of all("[data-news]")) {
        el.dataset.news = +el.dataset.news + 1;
        el.hidden = false;
        el.firstChild.textContent = `${el.dataset.news} new record${el.dataset.news === "1" ? "" : "s"}`;
      }
      say(data.words);
    });
    setInterval(() => {
      const seconds = lost ? ((Date.now() - lost) / 1000) | 0 : 0;
      d.body.classList.toggle("old", seconds > 60);
      if (stale && seconds > 5) { stale.hidden = false; stale.textContent = `Live updates stopped ${seconds}s ago. Reconnecting…`; }
    }, 1000);
    for (const region of regions) {
      if (region.dataset.every) setInterval(() => soon(region), 1000 * region.dataset.every);
    }
    addEventListener("pagehide", () => events.close());
  }

  // Forms that only look (GET) refresh their region while one types.
  for (const form of all("form[data-part]")) {
    const regions = form.dataset.part.split(" ").map((id) => d.getElementById(id));
    let timer, asked;
    const look = () => {
      const fields = new FormData(form);
      // words of people do not belong in addresses
      for (const field of all("textarea, [type=hidden]", form)) fields.delete(field.name);
      for (const [name, value] of [...fields]) if (!value) fields.delete(name);
      const url = `${form.getAttribute("action")}?${new URLSearchParams(fields)}`;
      if (form.dataset.push !== undefined) history.replaceState(null, "", url);
      asked?.abort();
      asked = new AbortController();
      part(url, regions, asked.signal).catch(() => {});
      for (const el of all("[data-live]")) if (form.dataset.push !== undefined) el.dataset.live = url;
    };
    const later = (ms) => { clearTimeout(timer); timer = setTimeout(look, ms); };
    form.addEventListener("input", (event) => {
      const other = event.target.type === "radio" && form.querySelector(`[data-beats="${event.target.name}"]`);
      if (other) other.value = "";
      if (!event.target.matches("textarea")) later(event.target.matches("select, [type=radio], [type=checkbox]") ? 0 : 250); });
  }
  // A text being written survives a sign-in in between.
  const sent = sessionStorage.getItem("sent");
  if (sent && location.pathname !== "/signin" && !sent.startsWith(`kept:${location.pathname}:`)) {
    sessionStorage.removeItem(sent);
    sessionStorage.removeItem("sent");
  }
  for (const field of all("textarea[data-keep]")) {
    const key = `kept:${location.pathname}:${field.id}`;
    if (!field.value) field.value = sessionStorage.getItem(key) || "";
    const counter = d.getElementById(field.dataset.countTo);
    const count = () => { if (counter) counter.textContent = [...field.value.trim()].length.toLocaleString("en"); };
    count();
    field.addEventListener("input", () => { sessionStorage.setItem(key, field.value); count(); });
    field.form?.addEventListener("submit", () => sessionStorage.setItem("sent", key));
  }
  // What opens in a dialog is a page of its own without script.
  const sheet = d.getElementById("sheet");
  const open = async (url) => {
    const answer = await fetch(url, { headers: { "x-hallpass-part": "sheet" } });
    const fresh = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("sheet");
    if (!fresh) { location = url; return; }
    sheet.replaceChildren(...fresh.childNodes);
    const back = sheet.querySelector("[name=back]");
    if (back) back.value = location.pathname + location.search;
    if (!sheet.open) sheet.showModal();
    (sheet.querySelector("[autofocus]") || sheet.querySelector("input:not([type=hidden]), textarea"))?.focus();
  };
  const away = (url) => { open(url).catch(() => { location = url; }); };
  if (sheet?.showModal) {
    d.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-sheet]");
      if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) { event.preventDefault(); away(link.href); }
    });
    d.addEventListener("submit", (event) => {
      if (!event.target.matches("form[data-sheet]")) return;
      event.preventDefault();
      away(`${event.target.action}?${new URLSearchParams(new FormData(event.target))}`);
    });
  }
  // One press is one press.
  d.addEventListener("submit", (event) => {
    const button = event.submitter;
    if ((button?.formMethod || event.target.method) === "post" && button) setTimeout(() => { button.disabled = true; button.setAttribute("aria-busy", "true"); }, 0);
  });
  addEventListener("pageshow", () => { for (const el of all("button[aria-busy]")) { el.disabled = false; el.removeAttribute("aria-busy"); } });

  d.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy],[data-open],[data-close],[data-keys-toggle]");
    if (!button) return;
    if (button.dataset.copy) {
      navigator.clipboard?.writeText(d.getElementById(button.dataset.copy).textContent);
      button.lastElementChild.textContent = "Copied";
      say("Copied");
    }
    if (button.dataset.open) { event.preventDefault(); d.getElementById(button.dataset.open)?.showModal(); }
    if ("close" in button.dataset) {
      const dialog = button.closest("dialog");
      if (dialog?.open) { event.preventDefault(); dialog.close(); } else button.closest(".toast")?.remove();
    }
    if ("keysToggle" in button.dataset) { keep("keys", keysOn() ? "off" : "on"); showKeys(); }
  });
  for (const form of all("[data-theme-form]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const root = d.documentElement;
      const now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
      root.dataset.theme = now === "dark" ? "light" : "dark";
      keep("theme", root.dataset.theme);
      setTimeout(() => { for (const el of all("button", form)) { el.disabled = false; el.removeAttribute("aria-busy"); } }, 1);
    });
  }

  // Single keys: off while typing, and for whoever switches them off (WCAG 2.1.4).
  const keysOn = () => !d.cookie.includes("keys=off");
  const showKeys = () => { for (const el of all("[data-keys-toggle]")) { el.hidden = false; el.textContent = `Single keys: ${keysOn() ? "on" : "off"}`; } };
  showKeys();
  const places = { h: "/", n: "/ask", r: "/reviews", a: "/access", u: "/audit", l: "/rules", s: "/health" };
  let went = 0;
  const cards = () => all("[data-card], main tbody tr");
  const current = () => cards().find((card) => card.contains(d.activeElement));
  const move = (by) => {
    const list = cards();
    const next = list[Math.min(list.length - 1, Math.max(0, list.indexOf(current()) + by))];
    const target = next?.querySelector("a, h2[tabindex], h3[tabindex], button") || next;
    target?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  d.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.matches("[type=search]")) { event.target.value = ""; event.target.dispatchEvent(new Event("input", { bubbles: true })); return; }
    if (!keysOn() || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, dialog[open]")) return;
    const go = went && Date.now() - went < 900;
    went = 0;
    const key = event.key;
    if (go && places[key]) { location = places[key]; return; }
    const card = current() || cards()[0];
    if (key === "g") went = Date.now();
    else if (key === "n") location = "/ask";
    else if (key === "?") d.getElementById("keys")?.showModal();
    else if (key === "/") { const field = d.querySelector("main [type=search]"); if (field) { event.preventDefault(); field.focus(); } }
    else if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (key === "o") (card?.querySelector("[data-go]") || card?.querySelector("a"))?.click();
    else if (key === "a") card?.querySelector("[data-approve]")?.focus();
    else if (key === "d") { event.preventDefault(); card?.querySelector("[data-open^=deny]")?.click(); }
    else if (key === "c") d.activeElement.closest(".code, pre")?.parentElement.querySelector("[data-copy]")?.click();
  });

  tick();
  setInterval(tick, 1000);
})(document);
