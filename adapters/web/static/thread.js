// The messages on the page: one element per id, in the order of the conversation.

import { keeping, listen } from "./canvas.js";

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

// A user's message carries who wrote it before the id that the page gave it.
export const idOf = (frame) =>
  frame.role === "user" ? frame.id.slice(frame.id.indexOf(":") + 1) : frame.id;

export class Thread {
  #list;
  #items = new Map();
  agent = "";
  onPress = () => {};

  constructor(list) {
    this.#list = list;
    listen(list, (said) => this.onPress(said));
  }

  get isEmpty() {
    return this.#items.size === 0;
  }

  get oldest() {
    const cursors = [...this.#items.values()].map((item) => item.cursor).filter(Number.isInteger);
    return cursors.length ? Math.min(...cursors) : null;
  }

  get hasDraft() {
    return [...this.#items.values()].some((item) => item.state === "draft");
  }

  clear() {
    this.#items.clear();
    this.#list.replaceChildren();
  }

  // Show a whole message, or replace what is shown under its id. Tells whether it is news.
  show(frame, { isFresh = false } = {}) {
    const item = this.#items.get(idOf(frame)) ?? this.#add(idOf(frame), frame, isFresh);
    const isNews = item.state !== "whole";
    item.cursor = frame.cursor ?? item.cursor;
    this.#fill(item, frame);
    this.#mark(item, "whole");
    if (frame.at) this.#date(item, new Date(frame.at));
    return isNews;
  }

  // Show how far an answer has come. What is whole already is never overwritten.
  draft(frame) {
    const item = this.#items.get(frame.id) ?? this.#add(frame.id, { role: "assistant" }, true);
    if (item.state === "whole") return;
    this.#fill(item, { role: "assistant", html: frame.html });
    this.#mark(item, "draft");
  }

  // Show what the person wrote before the server has it.
  wait(id, text) {
    const item = this.#items.get(id) ?? this.#add(id, { role: "user", isWaiting: true }, true);
    this.#fill(item, { role: "user", text });
    this.#mark(item, "waiting");
  }

  // Say of a message that it is still on its way. Most are accepted before anybody could read it.
  tellSlow(id) {
    const item = this.#items.get(id);
    const isSlow = item?.state === "waiting" && item.element.querySelector(".note").hidden;
    if (isSlow) this.#mark(item, "waiting", "Sending…");
    return isSlow;
  }

  note(id, sentence) {
    const item = this.#items.get(id);
    if (item?.state === "waiting") this.#mark(item, "waiting", sentence);
  }

  refuse(id, sentence) {
    const item = this.#items.get(id);
    if (item) this.#mark(item, "refused", sentence);
  }

  accept(id) {
    const item = this.#items.get(id);
    if (item) this.#mark(item, "whole");
  }

  remove(id) {
    this.#items.get(id)?.element.remove();
    this.#items.delete(id);
  }

  // What was growing when the connection broke is told again by the server.
  removeDrafts() {
    for (const [id, item] of this.#items) if (item.state === "draft") this.remove(id);
  }

  // What the server has shown, without what still waits to be sent.
  removeAllButWaiting() {
    for (const [id, item] of this.#items) if (item.state !== "waiting") this.remove(id);
  }

  #add(id, { role, cursor = null, isWaiting = false }, isFresh) {
    const element = document.createElement("li");
    element.className = isFresh ? `${role} fresh` : role;
    element.append(...["by", "body", "files", "buttons", "note"].map(part));
    const item = { id, role, cursor, element, state: "", blocks: [] };
    this.#list.insertBefore(element, isWaiting ? null : this.#after(cursor));
    this.#items.set(id, item);
    element.dataset.id = id;
    if (role === "assistant") this.#date(item, new Date());
    else element.querySelector(".by").textContent = "You";
    return item;
  }

  // The element before which an entry belongs. Live ones have no cursor yet: they are the newest.
  #after(cursor) {
    let place = null;
    for (let element = this.#list.lastElementChild; element; element = element.previousElementSibling) {
      const item = this.#items.get(element.dataset.id);
      const isLater = cursor !== null && (item.cursor === null || item.cursor > cursor);
      if (item.state !== "waiting" && !isLater) break;
      place = element;
    }
    return place;
  }

  #mark(item, state, note = "") {
    item.state = item.element.dataset.state = state;
    const line = item.element.querySelector(".note");
    line.textContent = note;
    line.hidden = !note;
  }

  #date(item, at) {
    item.element.title = moment.format(at);
    if (item.role !== "assistant") return;
    const name = document.createElement("b");
    name.textContent = this.agent;
    const when = document.createElement("time");
    when.dateTime = at.toISOString();
    when.textContent = isToday(at) ? time.format(at) : `${day.format(at)}, ${time.format(at)}`;
    item.element.querySelector(".by").replaceChildren(name, when);
  }

  // A canvas has its buttons where they belong, in its own HTML.
  #fill(item, { role, text, html, canvas = false, buttons = [], files = [] }) {
    const body = item.element.querySelector(".body");
    if (role === "user") body.textContent = text;
    else keeping(body, () => renderBlocks(item, body, html));
    fillRow(item, "files", files, fileLink);
    fillRow(item, "buttons", canvas ? [] : buttons, (each) => pressButton(each, this.onPress));
  }
}

const isToday = (at) => at.toDateString() === new Date().toDateString();

function part(name) {
  const element = document.createElement("div");
  element.className = name;
  element.hidden = ["note", "files", "buttons"].includes(name);
  return element;
}

// What is the same stays. Whoever stood on what is gone now stands on the message.
function fillRow(item, name, what, draw) {
  const row = item.element.querySelector(`.${name}`);
  const looks = JSON.stringify(what);
  if (item[name] === looks) return;
  item[name] = looks;
  const hadFocus = row.contains(document.activeElement);
  row.replaceChildren(...what.map(draw));
  row.hidden = what.length === 0;
  if (!hadFocus) return;
  item.element.tabIndex = -1;
  item.element.focus({ preventScroll: true });
}

function pressButton({ label, says, style }, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = style;
  button.textContent = label;
  button.title = says;
  button.addEventListener("click", () => press(says));
  return button;
}

function fileLink({ name, url, bytes, picture = false }) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  const size = document.createElement("small");
  size.textContent = inUnits(bytes);
  if (picture) link.append(drawn(url));
  link.append(name, " ", size);
  return link;
}

// Its height is known before it is here, so that nothing moves when it comes. Its name stands below.
function drawn(url) {
  const image = document.createElement("img");
  image.alt = "";
  image.loading = "lazy";
  image.src = url;
  image.addEventListener("error", () => image.remove());
  return image;
}

function inUnits(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

// The server made the HTML safe. Only the blocks that changed are replaced, so
// that a growing answer neither flickers nor loses a selection.
function renderBlocks(item, body, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const fresh = [...template.content.children];
  const blocks = fresh.map((block) => block.outerHTML);
  let same = 0;
  while (same < blocks.length && blocks[same] === item.blocks[same]) same += 1;
  while (body.children.length > same) body.lastElementChild.remove();
  body.append(...fresh.slice(same).map(dressed));
  item.blocks = blocks;
}

function dressed(block) {
  for (const inner of block.querySelectorAll("pre, table")) inner.replaceWith(dressed(inner.cloneNode(true)));
  if (block.tagName === "TABLE") return wrapped("table", block);
  if (block.tagName === "PRE") return wrapped("code", head(block), block);
  return block;
}

function wrapped(name, ...parts) {
  const box = part(name);
  box.append(...parts);
  return box;
}

function head(pre) {
  const language = pre.querySelector("code")?.className.replace("language-", "") ?? "";
  const label = document.createElement("span");
  label.textContent = language;
  return wrapped("head", label, copyButton(pre));
}

function copyButton(pre) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    button.textContent = await copy(pre);
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

// On plain http beyond loopback no page may write to the clipboard: then the keyboard does it.
async function copy(pre) {
  try {
    await navigator.clipboard.writeText(pre.textContent);
    return "Copied";
  } catch {
    getSelection().selectAllChildren(pre);
    return "Selected";
  }
}
