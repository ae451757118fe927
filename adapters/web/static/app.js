// The page: joins the composer, the thread and the connection. No framework, no other origin.

import { checkSession, showAccount } from "./account.js";
import { Activity } from "./activity.js";
import { Connection } from "./connection.js";
import { Strangers } from "./strangers.js";
import { Thread } from "./thread.js";

const PAGE = 50;
const NEAR = 80;
const LONGEST = 32_000;
const SLOW = 1000;

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
let standing = null;
let denials = 0;
let hasMet = false;

// -- starting ------------------------------------------------------------------------------------

async function start() {
  const me = await untilAnswered("me");
  const agents = me && (await untilAnswered("agents"));
  if (!agents) return;
  showAccount($("leave"), me);
  showStanding(me);
  $("knocking").hidden = !me.is_admin;
  const names = agents.map((agent) => agent.id);
  const asked = location.hash.slice(1);
  fillPicker(names);
  if (!names.length) {
    text.disabled = $("link").hidden = true;
    return showNotice("No agent here is for you. Ask the operator.");
  }
  await open(names.includes(asked) ? asked : names[0]);
}

const WELCOMES = {
  admitted: $("welcome").textContent,
  stranger: "You are not known here yet. Write something: the answer is a code, by which the operator can let you in.",
  unlisted: "",
};

// Who is not heard is told so before they write: their messages would go nowhere.
function showStanding(me) {
  standing = me.standing ?? "admitted";
  const isShut = standing === "unlisted";
  $("welcome").textContent = WELCOMES[standing];
  $("empty").querySelector("h2").hidden = isShut;
  $("empty").querySelector("ul").hidden = standing !== "admitted";
  $("identity").textContent = me.identity ?? "";
  $("shut").hidden = !isShut;
  $("composer").hidden = isShut;
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
  const page = await untilAnswered(historyPath());
  if (!page || connection !== mine) return; // refused, or another agent was picked meanwhile
  const { messages } = page;
  for (const message of messages) thread.show(message);
  for (const { id, text } of mine.waiting) thread.wait(id, text);
  hasOlder = messages.length === PAGE;
  toNewest();
  mine.addEventListener("state", ({ detail }) => {
    showState(detail);
    if (detail === "lost") explainLoss();
  });
  mine.addEventListener("frame", ({ detail }) => hear(detail));
  mine.start(messages.at(-1)?.cursor ?? 0);
}

function historyPath(before) {
  const from = before === undefined ? "" : `&before=${before}`;
  return `history/${encodeURIComponent(role)}?limit=${PAGE}${from}`;
}

// Ask until there is an answer; null where it is a refusal, whose sentence is shown then.
async function untilAnswered(path, tellTrouble = () => showState("lost")) {
  for (let wait = 400; ; wait = Math.min(wait * 2, 8000)) {
    try {
      const response = await fetch(path, { headers: { Accept: "application/json" } });
      if (response.ok) return await response.json();
      if (response.status === 401) await checkSession();
      else if (response.status < 500) return refused((await response.json()).error);
    } catch {
      // The network is away: the same as a server that is.
    }
    tellTrouble();
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

function refused(sentence) {
  $("link").hidden = true;
  showNotice(sentence);
  return null;
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
    if (isNews && frame.role === "assistant") announce(`${titled(role)}: ${frame.text}`);
  },
  draft: (frame) => thread.draft(frame),
  removed: ({ id }) => thread.remove(id),
  typing: ({ on }) => (isTyping = on),
  accepted: ({ id }) => thread.accept(id),
  error({ id, text, retry }) {
    if (!id) return showNotice(text);
    if (retry) return thread.note(id, `Not sent yet: ${text}`);
    thread.refuse(id, text);
    announce(`Not sent: ${text}`);
  },
};

function hear(frame) {
  HEARD[frame.type]?.(frame);
  settleSoon();
}

// Once for all frames of a moment: every look at the layout makes the browser do it anew.
let isSettling = false;
function settleSoon() {
  if (isSettling) return;
  isSettling = true;
  requestAnimationFrame(() => {
    isSettling = false;
    settle();
  });
}

function settle() {
  $("empty").hidden = !thread.isEmpty;
  $("typing").hidden = !isTyping || thread.hasDraft;
  if (isFollowing) {
    room.scrollTop = room.scrollHeight;
    lastTop = room.scrollTop; // who goes up from here in this very frame goes up
  }
  showNewestButton();
}

// Only whole answers are read out: a growing one would never let the listener go. Each is a
// line of its own, so that of two that come at once both are heard.
function announce(said) {
  const line = document.createElement("p");
  line.textContent = said;
  $("announcer").append(line);
  while ($("announcer").children.length > 5) $("announcer").firstElementChild.remove();
}

const STATES = { connecting: "Connecting…", connected: "Connected", lost: "Reconnecting…" };

function showState(state) {
  $("link").dataset.state = state;
  $("link").firstElementChild.textContent = STATES[state];
  $("link").title = state === "connected" ? "Connected" : "";
  if (state === "connected") return meet();
  isTyping = false;
  if (state !== "lost" || !connection) return settle();
  for (const { id } of connection.waiting) thread.note(id, "Not sent yet. It goes out by itself.");
  settle();
}

// After a gap the operator may have let us in, or no more.
async function meet() {
  if (denials) showNotice("");
  const isAgain = hasMet;
  hasMet = true;
  denials = 0;
  const me = isAgain && (await checkSession());
  if (me) showStanding(me);
}

// A browser does not tell why it got no socket. Where all else is answered, the door has no room.
async function explainLoss() {
  if (!(await checkSession()) || $("link").dataset.state !== "lost") return;
  denials += 1;
  if (denials < 3) return;
  showNotice("The server is there, but gives this page no connection. If many pages of this chat are open, close some.");
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
  if (!said.trim() || !connection || standing === "unlisted") return false;
  if (said.length > LONGEST) {
    const [has, most] = [said.length, LONGEST].map((count) => count.toLocaleString("en"));
    showNotice(`The message has ${has} characters; ${most} is the most. Send it in parts.`);
    return false;
  }
  const id = uuid();
  showNotice("");
  thread.wait(id, said);
  connection.send(id, said);
  if ($("link").dataset.state === "lost") thread.note(id, "Not sent yet. It goes out by itself.");
  setTimeout(() => thread.tellSlow(id) && settleSoon(), SLOW);
  toNewest();
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
  if (event.key.startsWith("Page") && text.scrollHeight <= text.clientHeight) return turnPage(event);
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});

// Who writes can read further up without leaving the composer.
function turnPage(event) {
  event.preventDefault();
  const page = room.clientHeight * 0.85;
  room.scrollBy({ top: event.key === "PageUp" ? -page : page });
}

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
$("again").addEventListener("click", () => location.reload());
$("knocking").addEventListener("click", () => strangers.open());
$("doings").addEventListener("click", () => role && activity.open(role));
$("agents").addEventListener("change", ({ target }) => {
  history.replaceState(null, "", `#${encodeURIComponent(target.value)}`);
  open(target.value);
});

// -- scrolling -----------------------------------------------------------------------------------

// The newest stays in view until its reader goes up, however little: they decide, not what grows.
let isFollowing = true;
let lastTop = 0;

const fromEnd = () => room.scrollHeight - room.scrollTop - room.clientHeight;

function toNewest() {
  isFollowing = true;
  settle();
}

function showNewestButton() {
  $("newest").hidden = isFollowing || fromEnd() < NEAR;
}

function noteScroll() {
  const left = fromEnd();
  if (room.scrollTop < lastTop) isFollowing = left < 2;
  else if (left < NEAR) isFollowing = true;
  lastTop = room.scrollTop;
  showNewestButton();
  if (room.scrollTop < 200) loadOlder();
}

async function loadOlder() {
  const before = thread.oldest;
  if (!hasOlder || isLoadingOlder || before === null) return;
  isLoadingOlder = true;
  showOlder("Looking further back…");
  const asked = role;
  const trouble = () => showOlder("What is older can't be read just now. Trying again…");
  const page = await untilAnswered(historyPath(before), trouble);
  isLoadingOlder = false;
  showOlder("");
  if (!page || asked !== role) return;
  const kept = room.scrollHeight - room.scrollTop;
  for (const message of page.messages) thread.show(message);
  hasOlder = page.messages.length === PAGE;
  room.scrollTop = room.scrollHeight - kept;
}

function showOlder(sentence) {
  $("older").textContent = sentence;
  $("older").hidden = !sentence;
}

room.addEventListener("scroll", noteScroll);
$("newest").addEventListener("click", () => {
  toNewest();
  room.focus({ preventScroll: true }); // the button is gone: what it led to is read on
});

// The keyboard of a phone takes height away: what was in view stays in view.
new ResizeObserver(() => isFollowing && toNewest()).observe(room);
window.visualViewport?.addEventListener("resize", () => {
  if (window.visualViewport.scale > 1.01) return; // who looks closer changes no layout
  document.body.style.height = `${window.visualViewport.height}px`;
});

const titled = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("-", " ");

if (matchMedia("(hover: hover)").matches) text.focus();
start();
