// The page: joins the composer, the thread and the connection. No framework, no other origin.

import { checkSession, showAccount } from "./account.js";
import { Activity } from "./activity.js";
import { Connection } from "./connection.js";
import { Strangers } from "./strangers.js";
import { Thread } from "./thread.js";

const PAGE = 50;
const NEAR = 80;

const $ = (id) => document.getElementById(id);
const room = $("room");
const text = $("text");
const thread = new Thread($("thread"));
const activity = new Activity($("activity"));
const strangers = new Strangers($("strangers"));

let role = "";
let connection = null;
let hasOlder = false;
let isLoadingOlder = false;
let isTyping = false;

// -- starting ------------------------------------------------------------------------------------

async function start() {
  const me = await untilAnswered("me");
  showAccount($("leave"), me);
  $("knocking").hidden = !me.is_admin;
  const names = (await untilAnswered("agents")).map((agent) => agent.id);
  const asked = location.hash.slice(1);
  fillPicker(names);
  if (!names.length) {
    text.disabled = true;
    return showNotice("No agent here is for you. Ask the operator.");
  }
  await open(names.includes(asked) ? asked : names[0]);
}

function fillPicker(names) {
  $("agents").replaceChildren(...names.map((name) => new Option(titled(name), name)));
  $("picker").hidden = names.length < 2;
  $("title").classList.toggle("unseen", names.length > 1);
}

async function open(name) {
  connection?.stop();
  role = name;
  $("agents").value = name;
  thread.agent = titled(name);
  $("title").textContent = document.title = titled(name);
  thread.clear();
  showState("connecting");
  const mine = new Connection(name);
  connection = mine;
  const { messages } = await untilAnswered(historyPath());
  if (connection !== mine) return; // another agent was picked meanwhile
  for (const message of messages) thread.show(message);
  for (const { id, text } of mine.waiting) thread.wait(id, text);
  hasOlder = messages.length === PAGE;
  settle();
  toNewest();
  mine.addEventListener("state", ({ detail }) => showState(detail));
  mine.addEventListener("frame", ({ detail }) => hear(detail));
  mine.start(messages.at(-1)?.cursor ?? 0);
}

function historyPath(before) {
  const from = before === undefined ? "" : `&before=${before}`;
  return `history/${encodeURIComponent(role)}?limit=${PAGE}${from}`;
}

async function untilAnswered(path) {
  for (let wait = 400; ; wait = Math.min(wait * 2, 8000)) {
    try {
      const response = await fetch(path, { headers: { Accept: "application/json" } });
      if (response.ok) return await response.json();
    } catch {
      // The network is away: the same as a server that is.
    }
    showState("lost");
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

// -- hearing -------------------------------------------------------------------------------------

const HEARD = {
  hello({ gap }) {
    thread.removeDrafts();
    isTyping = false;
    if (gap) thread.removeAllButWaiting();
    if (gap) hasOlder = true;
  },
  message(frame) {
    const isNews = thread.show(frame, { isFresh: true });
    if (isNews && frame.role === "assistant") announce(frame.text);
  },
  draft: (frame) => thread.draft(frame),
  removed: ({ id }) => thread.remove(id),
  typing: ({ on }) => (isTyping = on),
  accepted: ({ id }) => thread.accept(id),
  error({ id, text, retry }) {
    if (id && retry) thread.note(id, `Not sent yet: ${text}`);
    else if (id) thread.refuse(id, text);
    else showNotice(text);
  },
};

function hear(frame) {
  const isAtEnd = isNearEnd();
  HEARD[frame.type]?.(frame);
  settle();
  if (isAtEnd) toNewest();
}

function settle() {
  $("empty").hidden = !thread.isEmpty;
  $("typing").hidden = !isTyping || thread.hasDraft;
  showNewestButton();
}

// Only whole answers are read out: a growing one would never let the listener go.
function announce(said) {
  $("announcer").textContent = `${titled(role)}: ${said}`;
}

const STATES = { connecting: "Connecting…", connected: "Connected", lost: "Reconnecting…" };

function showState(state) {
  $("link").dataset.state = state;
  $("link").firstElementChild.textContent = STATES[state];
  $("link").title = state === "connected" ? "Connected" : "";
  if (state === "connected") return;
  isTyping = false;
  if (state === "lost") checkSession();
  if (state !== "lost" || !connection) return settle();
  for (const { id } of connection.waiting) thread.note(id, "Not sent yet. It goes out by itself.");
  settle();
}

function showNotice(sentence) {
  $("notice").textContent = sentence;
  $("notice").hidden = !sentence;
}

// -- writing -------------------------------------------------------------------------------------

function send() {
  if (!say(text.value)) return;
  text.value = "";
  grow();
}

// A pressed button says what its presser could have typed.
thread.onPress = (said) => say(said);

function say(said) {
  if (!said.trim() || !connection) return false;
  const id = uuid();
  showNotice("");
  thread.wait(id, said);
  connection.send(id, said);
  settle();
  toNewest();
  if ($("link").dataset.state === "lost") thread.note(id, "Not sent yet. It goes out by itself.");
  return true;
}

// crypto.randomUUID is missing on plain http beyond loopback.
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function grow() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
  $("send").disabled = !text.value.trim();
}

text.addEventListener("input", grow);
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
  text.focus();
});
$("empty").addEventListener("click", ({ target }) => {
  if (!target.dataset.text) return;
  text.value = target.dataset.text;
  grow();
  text.focus();
});
$("knocking").addEventListener("click", () => strangers.open());
$("doings").addEventListener("click", () => role && activity.open(role));
$("agents").addEventListener("change", ({ target }) => {
  history.replaceState(null, "", `#${encodeURIComponent(target.value)}`);
  open(target.value);
});

// -- scrolling -----------------------------------------------------------------------------------

const isNearEnd = () => room.scrollHeight - room.scrollTop - room.clientHeight < NEAR;

function toNewest() {
  room.scrollTop = room.scrollHeight;
  showNewestButton();
}

function showNewestButton() {
  $("newest").hidden = isNearEnd();
}

async function loadOlder() {
  const before = thread.oldest;
  if (!hasOlder || isLoadingOlder || before === null) return;
  isLoadingOlder = true;
  $("older").hidden = false;
  const asked = role;
  const { messages } = await untilAnswered(historyPath(before));
  isLoadingOlder = false;
  $("older").hidden = true;
  if (asked !== role) return;
  const fromEnd = room.scrollHeight - room.scrollTop;
  for (const message of messages) thread.show(message);
  hasOlder = messages.length === PAGE;
  room.scrollTop = room.scrollHeight - fromEnd;
}

room.addEventListener("scroll", () => {
  showNewestButton();
  if (room.scrollTop < 200) loadOlder();
});
$("newest").addEventListener("click", toNewest);

// The keyboard of a phone takes height away: what was in view stays in view.
let isWatchingEnd = true;
room.addEventListener("scroll", () => (isWatchingEnd = isNearEnd()));
new ResizeObserver(() => isWatchingEnd && toNewest()).observe(room);
window.visualViewport?.addEventListener("resize", () => {
  document.body.style.height = `${window.visualViewport.height}px`;
});

const titled = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("-", " ");

if (matchMedia("(hover: hover)").matches) text.focus();
start();
