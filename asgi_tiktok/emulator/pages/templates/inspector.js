"use strict";

// Make `before` equal to `after`, and keep elements that are in both, with their focus, scroll position and pointer.
function update(before, after) {
  for (const { name, value } of after.attributes) {
    if (before.getAttribute(name) !== value) before.setAttribute(name, value);
  }
  for (const name of before.getAttributeNames()) {
    // A person opens and closes details.
    if (!after.hasAttribute(name) && name !== "open") before.removeAttribute(name);
  }
  let next = before.firstChild;
  for (const child of [...after.childNodes]) {
    const kept = child.id ? document.getElementById(child.id) : next;
    if (!kept || kept.nodeName !== child.nodeName || (kept.id ?? "") !== (child.id ?? "")) {
      before.insertBefore(child, next);
      continue;
    }
    if (kept === next) next = next.nextSibling;
    else before.insertBefore(kept, next);
    if (child.nodeType === Node.ELEMENT_NODE) update(kept, child);
    else if (kept.data !== child.data) kept.data = child.data;
  }
  while (next) {
    const rest = next.nextSibling;
    next.remove();
    next = rest;
  }
}

const search = document.getElementById("search");
const state = document.getElementById("state");
let asked = 0;
let last = "";

function report(text, failed = false) {
  if (state.textContent !== text) state.textContent = text;
  state.classList.toggle("failed", failed);
}

function address() {
  const tab = new URL(document.querySelector("#tabs [aria-current]").href);
  if (search) tab.search = new URLSearchParams([...new FormData(search)].filter(([, value]) => value));
  return tab;
}

async function read() {
  const turn = ++asked;
  try {
    const response = await fetch(address());
    const text = await response.text();
    if (!response.ok) throw new Error(response.status);
    // The response to a later request may have come before this one.
    if (turn !== asked) return;
    if (text !== last) {
      const page = new DOMParser().parseFromString(text, "text/html");
      for (const part of document.querySelectorAll("[data-live]")) update(part, page.getElementById(part.id));
      last = text;
    }
    report("Live");
  } catch {
    report("The emulator does not respond", true);
  }
}

async function poll() {
  if (!document.hidden) await read();
  setTimeout(poll, 1000);
}

search?.addEventListener("input", () => {
  history.replaceState(null, "", address());
  read();
});
search?.addEventListener("submit", (event) => event.preventDefault());

document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-copy]");
  // Browsers have a clipboard only at https and localhost. Otherwise the link opens the command.
  if (!link || !navigator.clipboard) return;
  event.preventDefault();
  await navigator.clipboard.writeText(await (await fetch(link.href)).text());
  const label = link.textContent;
  link.textContent = "Copied";
  setTimeout(() => { link.textContent = label; }, 1500);
});

document.addEventListener("keydown", (event) => {
  const rows = [...document.querySelectorAll(".rows summary")];
  const row = rows.indexOf(event.target);
  const target = { ArrowDown: row + 1, ArrowUp: row - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (row < 0 || !rows[target]) return;
  event.preventDefault();
  rows[target].focus();
});

poll();
