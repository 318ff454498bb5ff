"use strict";

const live = document.getElementById("live");
let last = "";

function render(text) {
  const scrolled = [...live.querySelectorAll(".scroll")].map((list) => list.scrollTop);
  const open = [...live.querySelectorAll("details[open]")].map((details) => details.id);
  const focused = live.contains(document.activeElement) ? document.activeElement.parentElement.id : "";
  live.innerHTML = text;
  live.querySelectorAll(".scroll").forEach((list, index) => { list.scrollTop = scrolled[index] ?? 0; });
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.querySelector("summary")?.focus();
}

async function poll() {
  try {
    const response = await fetch("/_emulator/live");
    const text = await response.text();
    // Keep the page still while a button or a list has the focus, or a button has the pointer.
    const busy = live.querySelector("button:focus, button:hover, select:focus");
    if (response.ok && text !== last && !busy) {
      render(text);
      last = text;
    }
    document.body.classList.toggle("offline", !response.ok);
  } catch {
    document.body.classList.add("offline");
  }
  setTimeout(poll, 1000);
}

poll();
