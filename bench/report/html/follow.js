"use strict";
// The script of a served page: when the study has changed, load the page again, and stand where the
// reader stood, with all that was picked, sorted, filtered and opened.

const PAUSE_MS = 2000;
const KEPT = "maskdepth-bench";
const following = document.querySelector(".following");
const progress = following.textContent;

takeUp();
setTimeout(look, PAUSE_MS);

async function look() {
  try {
    if (!document.hidden) await ask();
  } catch {
    following.textContent = "The server has ended; this is the page as it was then.";
  }
  setTimeout(look, PAUSE_MS);
}

async function ask() {
  const answer = await fetch("/", { headers: { "If-None-Match": `"${following.dataset.version}"` } });
  if (answer.ok) {
    leave();
    location.reload();
  } else {
    following.textContent = answer.status === 304 ? progress : await answer.text();
  }
}

function leave() {
  const above = [...document.querySelectorAll("[id]")].filter((part) => part.getBoundingClientRect().top <= 0).pop();
  const kept = {
    controls: controls().map((control) => [nameOf(control), stateOf(control)]),
    sorted: [...document.querySelectorAll("th[aria-sort]")].map((head) => [nameOf(head), head.getAttribute("aria-sort")]),
    focus: document.activeElement === document.body ? null : nameOf(document.activeElement),
    place: above ? [above.id, -above.getBoundingClientRect().top] : null,
  };
  sessionStorage.setItem(KEPT, JSON.stringify(kept));
}

function takeUp() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT));
  if (!kept) return;
  sessionStorage.removeItem(KEPT);
  history.scrollRestoration = "manual";
  const states = new Map(kept.controls);
  for (const control of controls()) {
    const state = states.get(nameOf(control));
    if (state !== undefined && state !== stateOf(control)) setState(control, state);
  }
  const directions = new Map(kept.sorted);
  for (const head of document.querySelectorAll("th:has(> button)")) {
    const direction = directions.get(nameOf(head));
    while (direction && head.getAttribute("aria-sort") !== direction) head.querySelector("button").click();
  }
  const focused = [...document.querySelectorAll("input, select, summary, button, [tabindex]")];
  if (kept.focus) focused.find((one) => nameOf(one) === kept.focus)?.focus({ preventScroll: true });
  drawn.then(() => {
    const part = kept.place && document.getElementById(kept.place[0]);
    if (part) scrollTo({ top: scrollY + part.getBoundingClientRect().top + kept.place[1], behavior: "instant" });
  });
}

function controls() {
  return [...document.querySelectorAll("main input, main select, main details")];
}

// What stays the same when the study grows: where a control is, and what it is called.
function nameOf(control) {
  const label = control.matches("details") ? control.querySelector("summary") : control.closest("label") ?? control;
  const text = label.textContent.trim().replace(/^\d+/, ""); // "8 cells" may be 9 now
  const called = control.matches("select") ? control.className : text;
  return `${control.closest("section[id]")?.id} ${control.tagName} ${control.ariaLabel ?? called}`;
}

function stateOf(control) {
  if (control.matches("details")) return control.open;
  if (control.type === "checkbox") return control.checked;
  return control.matches("select") ? control.selectedOptions[0]?.textContent : control.value;
}

function setState(control, state) {
  if (control.matches("details")) {
    control.open = state;
    return;
  }
  if (control.type === "checkbox") control.checked = state;
  else if (control.matches("input")) control.value = state;
  else {
    const option = [...control.options].find((one) => one.textContent === state);
    if (option) option.selected = true;
  }
  for (const event of ["input", "change"]) control.dispatchEvent(new Event(event, { bubbles: true }));
}
