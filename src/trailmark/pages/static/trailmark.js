// What pages do beyond links and forms. Everything here only adds comfort: each page works without it.
"use strict";

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => Array.from(root.querySelectorAll(selector));
const html = document.documentElement;

// Theme: as the system, light, dark. Kept in a cookie, so that the server draws the page right at once.
function setTheme(theme) {
  if (theme === "auto") delete html.dataset.theme;
  else html.dataset.theme = theme;
  $$("iframe[data-fit]").forEach(tellTheme);
  document.cookie = `trailmark-theme=${theme}; path=/; max-age=31536000; samesite=strict`;
}

function nextTheme() {
  const order = ["auto", "light", "dark"];
  return order[(order.indexOf(html.dataset.theme || "auto") + 1) % order.length];
}

// Toasts: short words that go away by themselves.
function toast(text, tone = "neutral") {
  const box = document.createElement("div");
  box.className = `toast ${tone}`;
  box.setAttribute("role", tone === "bad" ? "alert" : "status");
  const words = document.createElement("p");
  words.textContent = text;
  box.append(words);
  $("#toasts").append(box);
  setTimeout(() => box.remove(), tone === "bad" ? 12000 : 5000);
}

async function copy(button) {
  const from = button.dataset.copyFrom;
  const text = from ? $(from).innerText : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1600);
  } catch {
    toast("The browser did not allow copying; select the text and copy it by hand.", "bad");
  }
}

// Relative times, kept fresh.
function ago(seconds) {
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  const hours = Math.floor(seconds / 3600);
  if (hours < 24) return `${hours} hour${hours === 1 ? "" : "s"} ago`;
  const days = Math.floor(hours / 24);
  return days === 1 ? "yesterday" : days < 14 ? `${days} days ago` : null;
}

function refreshTimes() {
  for (const time of $$("time[data-ago]")) {
    const words = ago((Date.now() - Date.parse(time.dateTime)) / 1000);
    if (words && words !== time.textContent) time.textContent = words;
  }
}

// Frames of isolated output say how tall they are. Only the frame itself is believed, and only within bounds.
function fitFrame(event) {
  const frame = $$("iframe[data-fit]").find((item) => item.contentWindow === event.source);
  const height = Number(event.data && event.data.trailmarkHeight);
  if (!frame || !Number.isFinite(height)) return;
  frame.style.height = `${Math.min(Math.max(Math.ceil(height), 24), Number(frame.dataset.fit) || 4000)}px`;
  if (!frame.classList.contains("fitted")) tellTheme(frame);
  frame.classList.add("fitted");
}

function tellTheme(frame) {
  frame.contentWindow.postMessage({ trailmarkTheme: html.dataset.theme || "light dark" }, "*");
}

function showFigure(image) {
  const box = $("#lightbox");
  $("img", box).src = image.dataset.full || image.currentSrc || image.src;
  $("img", box).alt = image.alt;
  $("p", box).textContent = image.alt;
  box.showModal();
}

// The trail: moving along it, and what comes in while it is read.
const stops = () => $$("[data-record]").filter((item) => item.offsetParent !== null);

function move(step) {
  const all = stops();
  if (!all.length) return;
  const at = all.findIndex((item) => item.classList.contains("current"));
  const near = all.findIndex((item) => item.getBoundingClientRect().top > 60);
  const next = all[at < 0 ? Math.max(near, 0) : Math.min(Math.max(at + step, 0), all.length - 1)];
  for (const item of all) item.classList.toggle("current", item === next);
  const link = $("a[data-open]", next);
  if (link) link.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest", behavior: "auto" });
}

function fold() {
  const current = $("[data-record].current");
  const group = (current && current.closest("details.fold")) || $("details.fold");
  if (group) group.open = !group.open;
}

async function fetchNew() {
  const feed = $("[data-feed]");
  if (!feed || !feed.dataset.newer || fetchNew.busy) return;
  fetchNew.busy = true;
  try {
    const address = new URL(feed.dataset.newer, location.href);
    address.searchParams.set("after", feed.dataset.newest);
    const answer = await fetch(address, { headers: { "HX-Request": "true" } });
    if (answer.ok) addNew(feed, await answer.text());
  } finally {
    fetchNew.busy = false;
  }
}

function addNew(feed, text) {
  const piece = new DOMParser().parseFromString(text, "text/html");
  const first = $("[data-record]", piece);
  if (!first) return;
  const held = $("template", feed) || feed.appendChild(document.createElement("template"));
  held.content.prepend(...$$("[data-day]", piece));
  feed.dataset.newest = first.dataset.record;
  showFilters($(".filters-in", piece));
  const waiting = $$("[data-record]", held.content).length;
  const reading = window.scrollY > 240 || $("[data-record].current");
  if (!reading) return showNew(feed);
  const pill = $("[data-show-new]");
  pill.hidden = false;
  $("span", pill).textContent = waiting === 1 ? "1 new record" : `${waiting} new records`;
}

// What there is to choose from grows with the trail; what somebody is just choosing is left alone.
function showFilters(fresh) {
  const shown = $(".filters-in");
  if (!fresh || !shown || shown.contains(document.activeElement)) return;
  if ($$("input", shown).some((input) => input.value !== input.defaultValue)) return;
  shown.replaceWith(fresh);
}

function showNew(feed) {
  const held = $("template", feed);
  $("[data-show-new]").hidden = true;
  if (!held) return;
  const empty = $(".empty", feed);
  if (empty) empty.remove();
  const list = $("[data-days]", feed);
  for (const day of $$("[data-day]", held.content).reverse()) {
    const same = $(`[data-day="${CSS.escape(day.dataset.day)}"]`, list);
    const items = $$("[data-items] > *", day);
    for (const item of items) item.classList.add("arrived");
    if (same) $("[data-items]", same).prepend(...items);
    else list.prepend(day);
  }
  held.remove();
  if (window.htmx) window.htmx.process(list);
  refreshTimes();
}

// The server's events become DOM events, so that any element can wait for one: hx-trigger="tm:jobs from:body".
// Browsers keep few connections to one address, so a page that nobody sees gives its own up and catches up later.
function listen(address) {
  let source = null;
  let before = false;
  const tell = (name, detail) => document.body.dispatchEvent(new CustomEvent(`tm:${name}`, { detail }));
  const close = () => { if (source) source.close(); source = null; };
  const open = () => {
    source = new EventSource(address);
    for (const name of ["records", "jobs", "session", "environment", "files", "branch"]) {
      source.addEventListener(name, (event) => {
        let detail = event.data;
        try { detail = JSON.parse(event.data); } catch { /* plain words are fine */ }
        tell(name, detail);
      });
    }
    source.onopen = () => {
      if (before) for (const name of ["records", "jobs", "session"]) tell(name, null);
      before = true;
    };
  };
  const look = () => {
    if (document.hidden) close();
    else if (!source) open();
  };
  document.addEventListener("visibilitychange", look);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", look);
  look();
}

function onClick(event) {
  const on = (selector) => event.target.closest(selector);
  if (on("[data-theme-toggle]")) return setTheme(nextTheme());
  if (on("[data-copy], [data-copy-from]")) return copy(on("[data-copy], [data-copy-from]"));
  if (on("[data-dialog]")) return $(`#${CSS.escape(on("[data-dialog]").dataset.dialog)}`).showModal();
  if (on('[data-close="dialog"]') || event.target.matches("dialog.lightbox img, dialog")) return on("dialog").close();
  if (on('[data-close="toast"]')) return on(".toast").remove();
  if (on("[data-show-new]")) { showNew($("[data-feed]")); return window.scrollTo({ top: 0 }); }
  const long = on("[data-unclip]");
  if (long) { document.getElementById(long.dataset.unclip).classList.remove("clipped"); return long.remove(); }
  const code = on("[data-open-on-click]");
  if (code && !on("a") && !String(getSelection())) return $("a[data-open]", code.closest("[data-record]")).click();
  const figure = on("[data-figure]");
  if (figure && !event.metaKey && !event.ctrlKey) { event.preventDefault(); showFigure($("img", figure) || figure); }
}

const typing = (target) => target.isContentEditable || target.matches("input, textarea, select");

function onKey(event) {
  if (event.key === "Escape") $$("details.menu[open]").forEach((menu) => { menu.open = false; });
  if (typing(event.target) || event.metaKey || event.ctrlKey || event.altKey || $("dialog[open]")) return;
  if (onKey.go) {
    onKey.go = false;
    const tab = $(`[data-go="${CSS.escape(event.key)}"]`);
    if (tab) return tab.click();
  }
  const acts = {
    "/": () => $("[data-search]") && $("[data-search]").select(),
    "j": () => move(1), "k": () => move(-1), "x": fold,
    "?": () => $("#shortcuts").showModal(),
    "g": () => { onKey.go = true; },
  };
  if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
}

// On a narrow screen the tabs scroll sideways; the one that is open is brought into sight.
function showTab() {
  for (const tab of $$(".tabs [aria-current]")) {
    const row = tab.closest(".tabs");
    row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  }
}

// A link into the middle of the trail opens the fold it lies in.
function openAnchor() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const group = target && target.closest("details");
  if (group) { group.open = true; target.scrollIntoView(); }
}

document.addEventListener("click", onClick);
document.addEventListener("keydown", onKey);
document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-submit-on-change]");
  if (form) form.requestSubmit();
});
document.addEventListener("formdata", (event) => {
  if (event.target.method !== "get") return;
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
});
window.addEventListener("message", fitFrame);
window.addEventListener("hashchange", openAnchor);
document.body.addEventListener("tm:records", fetchNew);
document.body.addEventListener("tm:toast", (event) => toast(event.detail.value || event.detail.text, event.detail.tone));
document.body.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-Trailmark-CSRF"] = $('meta[name="csrf-token"]').content;
});
document.body.addEventListener("htmx:responseError", () => toast("That did not work; nothing was changed. Try again, or reload the page.", "bad"));
document.body.addEventListener("htmx:sendError", () => toast("Trailmark does not answer. Is it still running? `trailmark start` starts it.", "bad"));
html.classList.add("scripted");
showTab();
openAnchor();
setInterval(refreshTimes, 30000);
if (document.body.dataset.events) listen(document.body.dataset.events);
