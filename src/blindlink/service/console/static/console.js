// Fetches the part of a page that changes by itself. Everything works without this script: the page
// then has a link to look again.
"use strict";

const PAUSE = 2000; // milliseconds between two looks
const live = document.querySelector("[data-live]");
const said = document.querySelector("[data-said]");
let going = true;
let before = live ? live.innerHTML : "";

function say(text) {
  if (said && said.textContent !== text) said.textContent = text;
}

function stop() {
  going = false;
  toggle.remove();
}

function name(one) {
  return one && (one.getAttribute("href") || one.getAttribute("aria-label"));
}

function replace(part) {
  const focused = live.contains(document.activeElement) ? name(document.activeElement) : null;
  before = part.innerHTML;
  live.replaceChildren(...part.childNodes);
  if (focused) [...live.querySelectorAll("a, [tabindex]")].find((one) => name(one) === focused)?.focus();
}

function show(text) {
  const part = new DOMParser().parseFromString(text, "text/html").querySelector("[data-part]");
  if (!part) return;
  if (part.innerHTML !== before) replace(part);
  if (part.dataset.ended !== undefined) stop();
  say(part.dataset.state);
}

async function look() {
  if (!going || document.hidden) return;
  try {
    const answer = await fetch(live.dataset.live, { headers: { "X-Fragment": "1" }, redirect: "error" });
    if (answer.ok) show(await answer.text());
    else if (answer.status === 401) {
      stop();
      say("You are signed out. This page is no longer up to date.");
    } else say("The service does not answer. This page may be out of date.");
  } catch {
    say("The service does not answer. This page may be out of date.");
  }
}

const toggle = document.createElement("button");
toggle.type = "button";
toggle.className = "button quiet";
toggle.textContent = "Stop updating";
toggle.addEventListener("click", () => {
  going = !going;
  toggle.textContent = going ? "Stop updating" : "Go on updating";
  look();
});

if (live && live.dataset.ended === undefined) {
  document.querySelector("[data-controls]").replaceChildren(toggle);
  setInterval(look, PAUSE);
}
const errors = document.querySelector(".errors");
if (errors) errors.focus();
