// Enhancement only: the page is complete without it. Countdown, and a fresh list on every event.
((doc) => {
  const region = doc.querySelector("[data-live]");
  if (!region) return;
  const say = doc.getElementById("live");
  let arrived = Date.now();
  const two = (n) => String(n).padStart(2, "0");
  const words = (s) =>
    s <= 0 ? "Ending" : s < 300 ? `${(s / 60) | 0}:${two(s % 60)}` : s < 3600 ? `${(s / 60) | 0}m` : `${(s / 3600) | 0}h ${((s % 3600) / 60) | 0}m`;
  const tick = () => {
    const passed = ((Date.now() - arrived) / 1000) | 0;
    for (const el of region.querySelectorAll("[data-left]")) el.textContent = words(el.dataset.left - passed);
  };
  const refresh = async () => {
    const answer = await fetch(region.dataset.live);
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    region.replaceChildren(...fresh.body.childNodes);
    arrived = Date.now();
    tick();
  };
  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => { waiting = false; refresh().catch(() => {}); }, 150);
  };
  tick();
  setInterval(tick, 1000);
  const events = new EventSource("/live/events");
  for (const kind of ["request.created", "request.approved", "request.denied", "request.discarded", "request.expired", "grant.succeeded", "grant.failed", "end.started", "end.succeeded", "extend"]) {
    events.addEventListener(kind, () => { say.textContent = kind.replace(".", " "); soon(); });
  }
})(document);
