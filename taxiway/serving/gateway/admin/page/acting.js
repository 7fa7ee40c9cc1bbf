// What operators do from the page: each asks for a reason first, and says what came of it.
import { byId, element } from "./elements.js";

let fetched; // of page.js, with the token
let chosen = null;

// A button for an action; `told` says what it does, `revision` of the route is what was looked at.
export function button(model, action, revision, told, name = action, more = {}) {
  const made = element("button", { type: "button", id: `${name}-${model}`.replaceAll(" ", "-"), class: action }, name);
  made.addEventListener("click", () => {
    chosen = { model, action, body: { ...more, revision } };
    byId("act-what").textContent = `${name}: ${model}`;
    byId("act-told").textContent = told;
    byId("act-answer").textContent = "";
    byId("act-reason").value = "";
    byId("act").showModal();
  });
  return made;
}

export function prepare(asks) {
  fetched = asks;
  byId("act-no").addEventListener("click", () => byId("act").close());
  byId("act-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    byId("act-answer").textContent = await done();
    if (!byId("act-answer").textContent) byId("act").close();
  });
}

// Why it was not done; empty where it was.
async function done() {
  const { model, action, body } = chosen;
  const reason = byId("act-reason").value.trim();
  byId("act-yes").disabled = true;
  try {
    const answer = await fetched(`api/models/${encodeURIComponent(model)}/${action}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...body, reason }),
    });
    return answer.ok ? "" : (await answer.json()).error;
  } catch {
    return "the gateway does not answer";
  } finally {
    byId("act-yes").disabled = false;
  }
}
