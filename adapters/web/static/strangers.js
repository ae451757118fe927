// Who waits to be let in: for admins, who type the code that a stranger gave them.

const moment = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

export class Strangers {
  #dialog;
  #form;
  #list;
  #status;

  constructor(dialog) {
    this.#dialog = dialog;
    this.#form = dialog.querySelector("form");
    this.#list = dialog.querySelector("ol");
    this.#status = dialog.querySelector("[role=status]");
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#decide(event.submitter?.value !== "deny");
    });
  }

  open() {
    this.#form.reset();
    this.#list.replaceChildren();
    this.#status.textContent = "Looking…";
    this.#dialog.showModal();
    this.#load();
  }

  async #load(said = "") {
    const { pairings, error } = await ask("pairings");
    this.#list.replaceChildren(...(pairings ?? []).map(line));
    this.#status.textContent = error ?? (said || (pairings.length ? "" : "Nobody waits."));
  }

  async #decide(allow) {
    const body = JSON.stringify({ code: this.#form.elements.code.value, allow });
    const { identity, name, error } = await ask("pairings", { method: "POST", body });
    const who = name ? `${name} (${identity})` : identity;
    const said = error ?? `${who} ${allow ? "may talk now" : "was turned away"}.`;
    this.#status.textContent = said;
    if (error) return;
    this.#form.reset();
    await this.#load(said);
  }
}

async function ask(path, options) {
  try {
    return await (await fetch(path, options)).json();
  } catch {
    return { error: "The server can not be reached. Try again." };
  }
}

// The name is what they call themselves; the account is who they are.
function line({ identity, name, expires_at }) {
  const item = document.createElement("li");
  item.append(part("b", name || identity));
  item.append(part("time", `until ${moment.format(new Date(expires_at))}`));
  if (name) item.append(part("span", identity));
  return item;
}

function part(kind, text) {
  const element = document.createElement(kind);
  element.textContent = text;
  return element;
}
