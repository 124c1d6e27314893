// What only the client's pages do. Everything here adds comfort: each page works without it.
"use strict";

// An answer that failed but brings words of its own is shown; the words are where the server put them.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const answer = event.detail.xhr;
  if (answer.status >= 400 && answer.getResponseHeader("HX-Retarget")) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

// A log that grows is read from its end.
function followLogs(root) {
  for (const log of root.querySelectorAll("[data-follow]")) log.scrollTop = log.scrollHeight;
}
followLogs(document);
document.body.addEventListener("htmx:afterSettle", (event) => followLogs(event.target.parentElement || document));

// Uploads: files go in pieces, each saying where it begins, so that an interruption costs one piece.
const PIECE_BYTES = 8 * 1024 * 1024;
const TRIES = 6;
const RECORDED_TOGETHER = 2000;

async function ask(method, address, body, type) {
  const headers = { "X-Trailmark-CSRF": document.querySelector('meta[name="csrf-token"]').content };
  if (type) headers["Content-Type"] = type;
  const answer = await fetch(address, { method, body, headers });
  const value = await answer.json().catch(() => ({}));
  if (answer.ok) return value;
  throw Object.assign(new Error(value.error || "Trailmark did not understand the upload."), { status: answer.status, offset: value.offset });
}

const askJson = (address, value) => ask("POST", address, JSON.stringify(value), "application/json");
const pause = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

async function sendFile(address, { file, path }, tell) {
  let upload = await askJson(address, { path, size: file.size, stamp: String(file.lastModified) });
  let tries = 0;
  while (upload.offset < upload.size) {
    const piece = file.slice(upload.offset, upload.offset + PIECE_BYTES);
    try {
      upload = await ask("PUT", `${address}/${upload.id}?offset=${upload.offset}`, piece, "application/octet-stream");
      tries = 0;
    } catch (error) {
      if (error.status === 409 && Number.isInteger(error.offset)) upload.offset = error.offset;
      else if ((error.status && error.status < 500) || ++tries >= TRIES) throw error;
      else await pause(250 * 2 ** tries);
    }
    tell(upload.offset);
  }
  return upload.id;
}

function showUpload(zone, total) {
  const box = zone.querySelector(".upload-progress") || zone.appendChild(document.createElement("div"));
  box.className = "upload-progress";
  box.setAttribute("role", "status");
  const words = document.createElement("p");
  const bar = document.createElement("progress");
  bar.max = Math.max(1, total);
  bar.setAttribute("aria-label", "Upload");
  box.replaceChildren(words, bar);
  return (text, done) => { words.textContent = text; bar.value = done; };
}

async function sendAll(zone, chosen) {
  if (!chosen.length || zone.dataset.busy) return;
  zone.dataset.busy = "1";
  const address = zone.dataset.uploads;
  const show = showUpload(zone, chosen.reduce((sum, item) => sum + item.file.size, 0));
  let ready = [];
  let before = 0;
  const record = async () => {
    if (ready.length) await askJson(`${address}/finish`, { uploads: ready });
    ready = [];
  };
  try {
    for (const [number, item] of chosen.entries()) {
      const say = (done) => show(`${item.path} (${number + 1} of ${chosen.length})`, before + done);
      say(0);
      ready.push(await sendFile(address, item, say));
      before += item.file.size;
      if (ready.length === RECORDED_TOGETHER) await record();
    }
    show("Recording", before);
    await record();
    location.reload();
  } catch (error) {
    show(`${error.message} Drop the files again to go on where it stopped.`, before);
    delete zone.dataset.busy;
  }
}

// What was dropped, folders with all that is in them.
async function filesOf(entry, below = "") {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => { entry.file(done, failed); });
    return [{ file, path: below + file.name }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((done, failed) => { reader.readEntries(done, failed); });
    if (!some.length) return found;
    for (const inner of some) found.push(...await filesOf(inner, `${below}${entry.name}/`));
  }
}

async function dropped(transfer) {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
  const files = Array.from(transfer.files, (file) => ({ file, path: file.name }));
  if (!entries.length) return files;
  return (await Promise.all(entries.map((entry) => filesOf(entry)))).flat();
}

function readyDropzone(zone) {
  const into = (items) => items.map(({ file, path }) => ({ file, path: zone.dataset.folder + path }));
  const input = zone.querySelector('input[type="file"]');
  input.addEventListener("change", () => {
    sendAll(zone, into(Array.from(input.files, (file) => ({ file, path: file.webkitRelativePath || file.name }))));
  });
  const area = zone.closest("[data-droparea]") || zone;
  let inside = 0;
  area.addEventListener("dragenter", () => { inside += 1; zone.classList.add("over"); });
  area.addEventListener("dragleave", () => { inside -= 1; if (inside <= 0) zone.classList.remove("over"); });
  area.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) event.preventDefault(); });
  area.addEventListener("drop", async (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    inside = 0;
    zone.classList.remove("over");
    sendAll(zone, into(await dropped(event.dataTransfer)));
  });
}
for (const zone of document.querySelectorAll("[data-dropzone][data-uploads]")) readyDropzone(zone);

// A form that is being carried out says so, and is not sent twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter;
  if (form.method !== "post" || form.target === "_blank" || !button) return;
  setTimeout(() => { button.setAttribute("aria-busy", "true"); }, 0);
});
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll('button[aria-busy="true"]')) button.removeAttribute("aria-busy");
});

// Names that fit what is being typed: choosing one completes the last word of the field.
function completeName(choice) {
  const field = choice.closest("form").querySelector('input[name="packages"]');
  field.value = field.value.replace(/[^\s,]*$/, `${choice.dataset.complete} `);
  choice.closest("ul").remove();
  field.focus();
}

function moveAmongNames(event) {
  const form = event.target.closest(".add-packages");
  if (!form) return;
  const choices = Array.from(form.querySelectorAll("[data-complete]"));
  const at = choices.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
  if (event.key === "Escape" && choices.length) {
    choices[0].closest("ul").remove();
    form.querySelector("input[name=packages]").focus();
  } else if (to !== undefined && choices.length) {
    event.preventDefault();
    (choices[to] || form.querySelector("input[name=packages]")).focus();
  }
}

document.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-complete]");
  if (choice) completeName(choice);
  else for (const list of document.querySelectorAll("#package-names ul")) list.remove();
});
document.addEventListener("keydown", moveAmongNames);

// Packages are found by a part of their name, those that others need as well.
function filterPackages() {
  const field = document.querySelector("[data-package-filter]");
  if (!field) return;
  const wanted = field.value.trim().toLowerCase();
  for (const line of document.querySelectorAll(".packages tbody tr, .package-list li")) {
    line.hidden = !line.firstElementChild.textContent.toLowerCase().includes(wanted);
  }
  const others = document.querySelector(".others");
  if (others && wanted) others.open = Boolean(others.querySelector("li:not([hidden])"));
}
document.addEventListener("input", (event) => { if (event.target.matches("[data-package-filter]")) filterPackages(); });
document.body.addEventListener("htmx:afterSettle", filterPackages);

// What comes anew leaves alone what somebody is just filling in, and leaves open what was open.
let openBefore = [];
function spare(event) {
  const { target } = event.detail;
  if (target.matches("[data-spare]") && target.querySelector("details[open] form")) event.detail.shouldSwap = false;
  else openBefore = openBefore.concat(Array.from(target.querySelectorAll("details[open][id]"), (details) => details.id));
}
document.body.addEventListener("htmx:beforeSwap", spare);
document.body.addEventListener("htmx:oobBeforeSwap", spare);
document.body.addEventListener("htmx:afterSettle", () => {
  for (const details of openBefore.map((id) => document.getElementById(id)).filter(Boolean)) details.open = true;
  openBefore = [];
});
