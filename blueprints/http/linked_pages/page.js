const form = document.querySelector("form"), said = document.getElementById("said");
const token = new URLSearchParams(location.search).get("token");
// Out of the address bar, the history, and whatever is copied from there.
history.replaceState(null, "", location.pathname);
function say(text, wrong) { said.textContent = text; said.className = wrong ? "wrong" : ""; }
async function send(more) {
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(location.pathname, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token, ...more }),
    });
    const body = await answer.json();
    say(body.message, !answer.ok);
    if (answer.ok) form.remove(); else button.disabled = false;
  } catch {
    say("CLUTCH does not answer. Please try again in a moment.", true);
    button.disabled = false;
  }
}
if (!token) { form.remove(); say("This link is not complete. Please open it from the e-mail again.", true); }
