// The WebSocket to one agent: reconnects by itself, and sends again what was not accepted.

const FIRST_WAIT = 400;
const LONGEST_WAIT = 8000;
const RESEND_WAIT = 3000;
const SILENCE = 10_000;

export class Connection extends EventTarget {
  #role;
  #socket = null;
  #after = 0;
  #heard = 0;
  #wait = FIRST_WAIT;
  #timer = 0;
  #isStopped = false;
  #unsent;

  constructor(role) {
    super();
    this.#role = role;
    this.#unsent = new Unsent(role);
    this.wake = this.wake.bind(this);
  }

  get waiting() {
    return this.#unsent.all();
  }

  // Connect, and tell from this cursor on. Events: "state" (connected, lost) and "frame".
  start(after) {
    this.#after = after;
    window.addEventListener("online", this.wake);
    document.addEventListener("visibilitychange", this.wake);
    this.#open();
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    window.removeEventListener("online", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
    this.#socket?.close();
  }

  // Keep the message until the server has it, then send it as soon as that is possible.
  send(id, text) {
    this.#unsent.add(id, text);
    this.#transmit(id, text);
  }

  wake() {
    if (document.visibilityState === "hidden" || this.#socket || this.#isStopped) return;
    this.#wait = FIRST_WAIT;
    this.#open();
  }

  #open() {
    clearTimeout(this.#timer);
    const address = new URL(`stream/${encodeURIComponent(this.#role)}`, location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.search = `?after=${this.#after}`;
    address.hash = "";
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#hear(JSON.parse(event.data)));
    socket.addEventListener("close", () => this.#lose(socket));
  }

  #lose(socket) {
    if (this.#isStopped || socket !== this.#socket) return;
    this.#socket = null;
    this.#say("state", "lost");
    this.#timer = setTimeout(() => this.#open(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }

  #hear(frame) {
    if (this.#isStopped) return;
    this.#heard += 1;
    if (frame.type === "hello") this.#greet(frame);
    if (frame.type === "accepted") this.#unsent.remove(frame.id);
    if (frame.type === "error" && frame.id) this.#refused(frame);
    if (Number.isInteger(frame.cursor)) this.#after = Math.max(this.#after, frame.cursor);
    this.#say("frame", frame);
  }

  #greet() {
    this.#wait = FIRST_WAIT;
    this.#say("state", "connected");
    for (const { id, text } of this.#unsent.all()) this.#transmit(id, text);
  }

  #refused({ id, retry }) {
    if (!retry) return this.#unsent.remove(id);
    const kept = this.#unsent.all().find((message) => message.id === id);
    if (kept) setTimeout(() => this.#transmit(id, kept.text), RESEND_WAIT);
  }

  #transmit(id, text) {
    if (this.#socket?.readyState !== WebSocket.OPEN || this.#isStopped) return;
    this.#socket.send(JSON.stringify({ type: "message", id, text }));
    const [socket, heard] = [this.#socket, this.#heard];
    setTimeout(() => heard === this.#heard && this.#giveUp(socket), SILENCE);
  }

  // After a sleep, or where the network has changed, a socket may look open for minutes and be dead.
  #giveUp(socket) {
    if (socket.readyState === WebSocket.OPEN) socket.close();
    this.#lose(socket);
  }

  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

// Messages that the server has not accepted yet. They outlive a reload of the page, each
// under a key of its own, so that tabs never overwrite each other's.
class Unsent {
  #prefix;
  #messages = new Map();

  constructor(role) {
    this.#prefix = `postern.unsent.${role}.`;
    for (const { id, text } of stored(this.#prefix)) this.#messages.set(id, text);
  }

  all() {
    return [...this.#messages].map(([id, text]) => ({ id, text }));
  }

  add(id, text) {
    this.#messages.set(id, text);
    const value = JSON.stringify({ id, text, at: Date.now() });
    quietly(() => localStorage.setItem(this.#prefix + id, value));
  }

  remove(id) {
    this.#messages.delete(id);
    quietly(() => localStorage.removeItem(this.#prefix + id));
  }
}

function stored(prefix) {
  const found = quietly(() => {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
    return keys.map((key) => JSON.parse(localStorage.getItem(key)));
  });
  return (found ?? []).sort((one, other) => one.at - other.at);
}

// Storage may be full or forbidden: then messages live as long as the page.
function quietly(work) {
  try {
    return work();
  } catch {
    return undefined;
  }
}
