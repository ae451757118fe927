// What people do on a canvas becomes words that they could have typed.

// A press says its words; a form that is sent off says its title, and a line for each answer.
export function listen(list, say) {
  list.addEventListener("click", ({ target }) => {
    const button = target.closest(".canvas button[data-says]");
    if (button) say(button.dataset.says);
  });
  list.addEventListener("submit", (event) => {
    const form = event.target.closest(".canvas form");
    if (!form) return;
    event.preventDefault();
    if (say(filledIn(form))) form.reset();
  });
}

function filledIn(form) {
  const answers = [...new FormData(form)].map(([label, answer]) => [label, answer.trim()]);
  const lines = answers.filter(([, answer]) => answer).map(([label, answer]) => `${label}: ${answer}`);
  return lines.length ? [form.dataset.title, ...lines].join("\n") : "";
}
