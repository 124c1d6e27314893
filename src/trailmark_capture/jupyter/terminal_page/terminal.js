// One shell of the project in one page, over Jupyter's own interface for terminals.
"use strict";

const base = document.body.dataset.base;
const words = document.getElementById("words");
const dark = matchMedia("(prefers-color-scheme: dark)");
const COLOURS = {
  light: {
    background: "#fffefa", foreground: "#1d231f", cursor: "#2b5d43", cursorAccent: "#fffefa",
    selectionBackground: "#c5ad8266", black: "#1d231f", red: "#a3281a", green: "#2b5d43", yellow: "#7d5200",
    blue: "#1c5b7a", magenta: "#7a3d68", cyan: "#1f6a66", white: "#656c65", brightBlack: "#656c65",
    brightRed: "#b8391f", brightGreen: "#38754f", brightYellow: "#8a6210", brightBlue: "#2a6f92",
    brightMagenta: "#8f4f7c", brightCyan: "#2a7d78", brightWhite: "#4a524b",
  },
  dark: {
    background: "#171c18", foreground: "#e8e7de", cursor: "#8fcfab", cursorAccent: "#171c18",
    selectionBackground: "#6c5d4099", black: "#2b322d", red: "#f2927e", green: "#8fcfab", yellow: "#e6bd6a",
    blue: "#86c2df", magenta: "#d7a3c8", cyan: "#8cd0c6", white: "#d5d6cc", brightBlack: "#949b91",
    brightRed: "#ffab99", brightGreen: "#aee2c4", brightYellow: "#f3d28b", brightBlue: "#a9d8ee",
    brightMagenta: "#e8bfdc", brightCyan: "#aee4dc", brightWhite: "#fffefa",
  },
};

const terminal = new Terminal({
  fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono") ||
    'ui-monospace, "SF Mono", "Cascadia Code", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSize: 14, lineHeight: 1.25, scrollback: 10000, minimumContrastRatio: 4.5, screenReaderMode: false,
  cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
});
const fit = new FitAddon.FitAddon();
let socket = null;
let pause = 500;

function say(state, text) {
  document.getElementById("state").dataset.state = state;
  words.textContent = text;
}

function colour() { terminal.options.theme = dark.matches ? COLOURS.dark : COLOURS.light; }

function cookie(name) {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(name + "="));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

async function ask(method, path) {
  const answer = await fetch(base + path, { method, headers: { "X-XSRFToken": cookie("_xsrf") } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.status === 204 ? null : answer.json();
}

function send(...message) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function resize() {
  fit.fit();
  const box = terminal.element.getBoundingClientRect();
  send("set_size", terminal.rows, terminal.cols, box.height, box.width);
}

function connect(name) {
  history.replaceState(null, "", "#" + encodeURIComponent(name));
  const here = new WebSocket(base.replace(/^http/, "ws") + "terminals/websocket/" + encodeURIComponent(name));
  let ended = false;
  socket = here;
  here.onopen = () => { pause = 500; terminal.reset(); resize(); terminal.focus(); say("recorded", "Every command is recorded"); };
  here.onmessage = (event) => {
    const [kind, text] = JSON.parse(event.data);
    if (kind === "stdout") terminal.write(text);
    if (kind === "disconnect") { ended = true; say("ended", "The shell has ended"); terminal.write("\r\n"); }
  };
  here.onclose = () => {
    if (socket !== here || ended) return;
    say("lost", "Not connected; trying again");
    setTimeout(() => { if (socket === here) open(name); }, pause);
    pause = Math.min(pause * 2, 8000);
  };
}

async function open(wanted) {
  try {
    const names = (await ask("GET", "api/terminals")).map((one) => one.name);
    const name = names.includes(wanted) ? wanted : names[0];
    connect(name || (await ask("POST", "api/terminals")).name);
  } catch (error) {
    say("lost", "Not connected; trying again");
    setTimeout(() => open(wanted), pause);
    pause = Math.min(pause * 2, 8000);
  }
}

document.getElementById("new").addEventListener("click", async () => {
  const old = socket;
  socket = null;
  if (old) old.close();
  connect((await ask("POST", "api/terminals")).name);
});

terminal.loadAddon(fit);
terminal.open(document.getElementById("screen"));
colour();
dark.addEventListener("change", colour);
terminal.onData((text) => send("stdin", text));
new ResizeObserver(resize).observe(document.getElementById("screen"));
open(decodeURIComponent(location.hash.slice(1)));
