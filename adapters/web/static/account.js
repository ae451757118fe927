// Who is signed in, where signing in is asked for. Nothing of one person is left for the next.

const KEY = "postern.user";
const UNSENT = "postern.unsent.";

// Show the way out, tell who it is, and drop what another person of this browser had not sent yet.
export async function showAccount(button) {
  const me = await whoAmI();
  if (!me?.signed_in) return me;
  if (localStorage.getItem(KEY) !== me.user) forget();
  localStorage.setItem(KEY, me.user);
  button.hidden = false;
  button.title = me.name ? `Signed in as ${me.name}` : "Signed in";
  button.addEventListener("click", leave);
  return me;
}

// Go to where one signs in, if that is why the connection was lost.
export async function checkSession() {
  await whoAmI();
}

async function whoAmI() {
  try {
    const response = await fetch("me", { headers: { Accept: "application/json" } });
    if (response.status === 401) location.reload();
    return response.ok ? await response.json() : null;
  } catch {
    return null; // the network is away
  }
}

async function leave() {
  const response = await fetch("auth/logout", { method: "POST" });
  if (!response.ok) return;
  forget();
  localStorage.removeItem(KEY);
  location.reload();
}

function forget() {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(UNSENT));
  for (const key of keys) localStorage.removeItem(key);
}
