// The documentation's own script: theme, search. Everything works from a folder without a server:
// the index of the search is a script, loaded when somebody begins to search.
"use strict";

const root = new URL("./", document.currentScript.src);
const THEMES = ["auto", "light", "dark"];

function remembered() {
  try { return localStorage.getItem("theme") || "auto"; } catch { return "auto"; }
}

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

setTheme(remembered());

function themeButton(button) {
  let theme = remembered();
  const show = () => { button.textContent = `Theme: ${theme}`; };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    setTheme(theme);
    show();
    try { localStorage.setItem("theme", theme); } catch { /* the choice lasts for this page */ }
  });
  button.hidden = false;
  show();
}

const SILENT = new Set("a an and are as at be by do does for from how i in is it my of on or the to what when who with".split(" "));

function terms(query) {
  const all = query.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const telling = all.filter((word) => !SILENT.has(word));
  return (telling.length ? telling : all).map((word) => ({ word, test: new RegExp(`(?<![\\p{L}\\p{N}])${stem(word)}${ending(word)}`, "giu") }));
}

// A short word is one alone, or in the plural: `HA` is in no "has", `CLI` in no "client".
function ending(word) { return word.length > 3 ? "" : "s?(?![\\p{L}\\p{N}])"; }

// What a word and its other forms begin with: `revoke`, `revoked`, `revoking`.
function stem(word) {
  if (word.length < 5) return word;
  const short = word.replace(/(ing|ies|ed|es|y|e|(?<!s)s)$/, "");
  return short.length < 4 ? word : short;
}

function hits(text, term) { return (text.match(term.test) || []).length; }

// What one page is worth for one term, and in which part it says most about it.
function worth(page, term) {
  let best = 0, body = 0, part = 0;
  page.parts.forEach(([, heading, words], index) => {
    const count = hits(words, term);
    const here = (index > 0 && hits(heading, term) ? 5 : 0) + count / (count + 4);
    body += count;
    if (here > best) { best = here; part = index; }
  });
  const title = hits(page.title, term) ? 12 : 0;
  const words = hits(page.words, term) ? 10 : 0;
  return { value: title + words + best + 3 * body / (body + 20), part, parts: best };
}

function search(query) {
  const wanted = terms(query);
  if (!wanted.length) return [];
  const pages = window.searchIndex;
  const phrase = query.toLowerCase().trim();
  const said = new RegExp(`(?<![\\p{L}\\p{N}])${phrase.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")}${ending(phrase)}`, "iu");
  const table = wanted.map((term) => {
    const column = pages.map((page) => worth(page, term));
    const found = column.filter((it) => it.value > 0).length;
    return { column, rarity: Math.log(1 + pages.length / (1 + found)) };
  });
  const judge = (needed) => pages.map((page, row) => {
    const cells = table.map(({ column }) => column[row]);
    if (cells.filter((cell) => cell.value > 0).length < needed) return null;
    let value = cells.reduce((sum, cell, index) => sum + cell.value * table[index].rarity, 0);
    // a title that says little else is about just that
    if (said.test(page.title)) value += 10 + 20 * phrase.length / page.title.length;
    else if (page.words.toLowerCase().split(/[(),]/).some((it) => it.trim().replace(/\s+/g, " ") === phrase)) value += 25;
    else if (said.test(page.words)) value += 15;
    const strongest = cells.reduce((one, other) => (other.parts > one.parts ? other : one));
    return { page, part: page.parts[strongest.part], value: value * page.weight };
  }).filter(Boolean).sort((one, other) => other.value - one.value).slice(0, 12);
  const all = judge(wanted.length);
  return all.length ? all : judge(1);
}

// The words around the first hit.
function excerpt(words, wanted) {
  const at = Math.max(0, Math.min(...wanted.map((term) => words.search(new RegExp(term.test.source, "iu"))).filter((it) => it >= 0)));
  const from = Number.isFinite(at) ? Math.max(0, words.lastIndexOf(" ", Math.max(0, at - 50))) : 0;
  return (from ? "… " : "") + words.slice(from, from + 160).trim() + (words.length > from + 160 ? " …" : "");
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function show(list, status, query) {
  const found = search(query);
  const wanted = terms(query);
  list.replaceChildren(...found.map(({ page, part }) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    const [anchor, heading, words] = part || ["", "", ""];
    const inside = page.parts.indexOf(part) > 0;
    link.href = new URL(page.address + (inside ? `#${anchor}` : ""), root).href;
    link.append(element("strong", "", page.title), element("small", "", inside ? `${page.group} › ${heading}` : page.group),
      element("span", "", excerpt(words, wanted)));
    item.append(link);
    return item;
  }));
  status.textContent = query.trim() ? (found.length ? `${found.length} pages, the best first` : "Nothing found: try another word") : "";
}

function searchBox(form) {
  const input = form.querySelector("input");
  const panel = form.querySelector(".results");
  const list = panel.querySelector("ol");
  const status = panel.querySelector("[role=status]");
  let loading = null;
  const load = () => loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = new URL("search-index.js", root).href;
    script.addEventListener("load", done);
    script.addEventListener("error", () => failed(new Error("search-index.js cannot be loaded")));
    document.head.append(script);
  });
  const close = () => { panel.hidden = true; };
  const run = () => load().then(() => { show(list, status, input.value); panel.hidden = !input.value.trim(); },
    (error) => { status.textContent = error.message; panel.hidden = false; });
  input.addEventListener("focus", load, { once: true });
  input.addEventListener("input", run);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run().then(() => list.querySelector("a")?.click());
  });
  form.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    if (event.key === "Escape") { input.focus(); close(); }
    else if (event.key === "ArrowDown" && links.length) links[Math.min(at + 1, links.length - 1)].focus();
    else if (event.key === "ArrowUp" && at >= 0) (links[at - 1] || input).focus();
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", close);
  document.addEventListener("click", (event) => { if (!form.contains(event.target)) close(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input,textarea")) return;
    event.preventDefault();
    input.focus();
  });
  form.hidden = false;
}

document.addEventListener("DOMContentLoaded", () => {
  themeButton(document.querySelector(".theme"));
  searchBox(document.querySelector("form.search"));
  // within the menu alone: where it is no column of its own, the page stays at its beginning
  const menu = document.querySelector("nav.pages");
  menu.scrollTop = (menu.querySelector("[aria-current]")?.offsetTop ?? 0) - menu.clientHeight / 2;
});
