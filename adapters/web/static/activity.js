// What the agent did by itself: a dialog that is read when it is opened, a page at a time.

const PAGE = 20;
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export class Activity {
  #dialog;
  #list;
  #status;
  #older;
  #role = "";
  #next = null;
  #opened = 0;

  constructor(dialog) {
    this.#dialog = dialog;
    this.#list = dialog.querySelector("ol");
    this.#status = dialog.querySelector("[role=status]");
    this.#older = dialog.querySelector(".more");
    this.#older.addEventListener("click", () => this.#load());
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  }

  open(role) {
    this.#role = role;
    this.#next = null;
    this.#opened += 1;
    this.#list.replaceChildren();
    this.#older.hidden = true;
    this.#dialog.showModal();
    this.#load();
  }

  async #load() {
    const opened = this.#opened;
    this.#older.disabled = true;
    this.#status.textContent = "Looking…";
    const page = await read(this.#role, this.#next);
    if (opened !== this.#opened) return; // closed and opened again meanwhile
    this.#older.disabled = false;
    if (page) this.#show(page);
    else this.#fail();
  }

  #show({ activity, next }) {
    const items = activity.map(entry);
    const wasAsked = this.#next !== null;
    this.#list.append(...items);
    this.#next = next;
    this.#older.textContent = "Show older";
    this.#older.hidden = next === null;
    const isEmpty = this.#list.children.length === 0;
    this.#status.textContent = isEmpty ? "This agent has not come back by itself yet." : "";
    if (wasAsked) items[0]?.focus(); // the button may be gone: what it brought is read on
  }

  #fail() {
    this.#status.textContent = "This can't be read just now.";
    this.#older.textContent = "Try again";
    this.#older.hidden = false;
  }
}

async function read(role, before) {
  const from = before === null ? "" : `&before=${encodeURIComponent(before)}`;
  try {
    const response = await fetch(`activity/${encodeURIComponent(role)}?limit=${PAGE}${from}`);
    return response.ok ? await response.json() : null;
  } catch {
    return null; // the network is away: the same as a server that is
  }
}

function entry(line) {
  const item = document.createElement("li");
  item.tabIndex = -1;
  const when = part("time", moment.format(new Date(line.slot)));
  when.dateTime = line.slot;
  item.append(when, part("b", line.schedule), part("span", outcome(line)));
  if (line.posts.length) item.append(part("p", line.posts.join("\n").replaceAll(/\n\s*\n/g, "\n")));
  return item;
}

function outcome({ outcome, person }) {
  if (outcome === "open") return "at work";
  const words = outcome.replaceAll("_", " ");
  return person === null ? `missed: ${words}` : words;
}

function part(kind, text) {
  const element = document.createElement(kind);
  element.textContent = text;
  return element;
}
