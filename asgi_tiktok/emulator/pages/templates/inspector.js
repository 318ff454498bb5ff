"use strict";

const live = document.getElementById("live");
let last = "";

function show(text) {
  const scrolled = [...live.querySelectorAll(".scroll")].map((list) => list.scrollTop);
  const open = [...live.querySelectorAll("details[open]")].map((details) => details.id);
  const focused = live.contains(document.activeElement) ? document.activeElement.parentElement.id : "";
  live.innerHTML = text;
  live.querySelectorAll(".scroll").forEach((list, place) => { list.scrollTop = scrolled[place] ?? 0; });
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.querySelector("summary")?.focus();
}

async function look() {
  try {
    const answer = await fetch("/_emulator/live");
    const text = await answer.text();
    // A button that somebody is about to press stays where it is.
    const busy = live.querySelector("button:focus, button:hover");
    if (answer.ok && text !== last && !busy) {
      show(text);
      last = text;
    }
    document.body.classList.toggle("lost", !answer.ok);
  } catch {
    document.body.classList.add("lost");
  }
  setTimeout(look, 1000);
}

look();
