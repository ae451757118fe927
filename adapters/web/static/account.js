// Who is signed in, where signing in is asked for. Nothing of one person is left for the next.

const KEY = "postern.user";
const UNSENT = "postern.unsent.";

// Show the way out, tell who it is, and drop what another person of this browser had not sent yet.
export function showAccount(button, me) {
  if (!me.signed_in) return;
  if (localStorage.getItem(KEY) !== me.user) forget();
  localStorage.setItem(KEY, me.user);
  button.hidden = false;
  button.title = me.name ? `Signed in as ${me.name}` : "Signed in";
  button.addEventListener("click", () => leave(button));
  // In another tab somebody signed out, or somebody else in.
  window.addEventListener("storage", ({ key }) => key === KEY && location.reload());
}

// Return who we are; null where that is not known just now. Go to where one signs in, if that is why.
export async function checkSession() {
  try {
    const response = await fetch("me");
    if (response.status === 401) location.reload();
    return response.ok ? await response.json() : null;
  } catch {
    return null; // the network is away: who is signed in does not matter yet
  }
}

async function leave(button) {
  const left = await fetch("auth/logout", { method: "POST" }).catch(() => null);
  if (!left?.ok) {
    button.textContent = "Still signed in";
    return;
  }
  forget();
  localStorage.removeItem(KEY);
  location.reload();
}

function forget() {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(UNSENT));
  for (const key of keys) localStorage.removeItem(key);
}
