// What people do on a canvas becomes words that they could have typed.

// A press says its words; a form that is sent off says its own, and a line for each answer.
export function listen(list, say) {
  list.addEventListener("click", ({ target }) => {
    const button = target.closest(".canvas button");
    if (button?.dataset.says) say(button.dataset.says);
    if (button?.classList.contains("opens")) button.nextElementSibling.showModal();
    if (button?.classList.contains("closes")) button.closest("dialog").close();
  });
  list.addEventListener("submit", (event) => {
    const form = event.target.closest(".canvas form");
    if (!form) return;
    event.preventDefault();
    if (say(filledIn(form))) form.reset();
  });
}

// What is open, and what was written and not sent off yet, outlives a change of the canvas.
export function keeping(body, draw) {
  const open = new Set([...body.querySelectorAll(":is(details, dialog)[open]")].map(titleOf));
  const written = new Map(fieldsIn(body).map((field) => [keyOf(field), field.value]));
  const active = fieldsIn(body).find((field) => field === document.activeElement);
  draw();
  for (const part of body.querySelectorAll("details")) part.open = open.has(titleOf(part));
  for (const part of body.querySelectorAll("dialog")) if (open.has(titleOf(part))) part.showModal();
  for (const field of fieldsIn(body)) {
    const value = written.get(keyOf(field));
    if (value && accepts(field, value)) field.value = value;
    if (active && keyOf(field) === keyOf(active)) field.focus();
  }
}

const fieldsIn = (body) => [...body.querySelectorAll(".canvas form :is(input, textarea, select)")];
const keyOf = (field) => JSON.stringify([field.closest("form").dataset.says, field.name]);
const titleOf = (part) => part.dataset.title ?? part.querySelector("summary").textContent;
const accepts = ({ options }, value) => !options || [...options].some((each) => each.value === value);

function filledIn(form) {
  const answers = [...new FormData(form)].map(([label, answer]) => [label, answer.trim()]);
  const lines = answers.filter(([, answer]) => answer).map(([label, answer]) => `${label}: ${answer}`);
  return lines.length ? [form.dataset.says, ...lines].join("\n") : "";
}
