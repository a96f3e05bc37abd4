// Links to a console carry account and role after the `#`, which no server sees: hand them over.
"use strict";
(() => {
  const place = document.querySelector("[data-portal]");
  const wish = /^#\/?console\?(.*)$/.exec(location.hash);
  if (!place || !wish) return;
  const given = new URLSearchParams(wish[1]);
  const query = new URLSearchParams();
  for (const name of ["account_id", "role_name"]) query.set(name, given.get(name) || "");
  if (place.dataset.portal === "home") location.replace(place.dataset.console + "?" + query);
  else place.setAttribute("action", place.getAttribute("action").split("?")[0] + "?" + query);
})();
