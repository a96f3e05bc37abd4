// Notifications about new reviews, if the person turned them on here. The page works without it.
const region = document.getElementById("reviews");
const waiting = (from) => from.querySelectorAll("[data-waiting]").length;
const isOn = () => localStorage.notify === "on" && Notification.permission === "granted";
let known = waiting(region);
// the button is new after each update of the region
const show = () => {
  const button = document.getElementById("notify");
  button.hidden = false;
  button.textContent = isOn() ? "Notifications: on" : "Notify me of new reviews";
};
const look = async () => {
  // a page that is seen follows by itself
  if (!document.hidden || !isOn()) return;
  const answer = await fetch(region.dataset.live, { headers: { "x-hallpass-part": "reviews" } }).catch(() => {});
  if (!answer?.ok) return;
  const now = waiting(new DOMParser().parseFromString(await answer.text(), "text/html"));
  if (now > known) {
    const words = now === 1 ? "1 request waits for your review" : `${now} requests wait for your review`;
    const note = new Notification("Hallpass", { body: words, tag: "reviews" });
    note.onclick = () => { window.focus(); note.close(); };
  }
  known = now;
};
if ("Notification" in window) {
  show();
  new MutationObserver(show).observe(region, { childList: true });
  document.addEventListener("visibilitychange", () => { known = waiting(region); });
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("#notify");
    if (!button) return;
    if (isOn()) delete localStorage.notify;
    else if ((await Notification.requestPermission()) === "granted") localStorage.notify = "on";
    else button.nextElementSibling.hidden = false;
    show();
  });
  setInterval(look, 30_000);
}
