// The wall screen: the panels of one slide at a time, in large type, one slide after the other.
//
// ?wall=1&seconds=20: how long each slide stays. Space holds and goes on, arrows turn pages, Escape leaves.

import { element, find } from "./elements.js";
import { clockWord, todayWord } from "./words.js";

const SECONDS = 20;

export function startWall(panels) {
  document.body.classList.add("is-wall");
  const slides = [...new Set(panels.map((panel) => panel.slide).filter(Boolean))];
  const asked = Number(new URLSearchParams(location.search).get("seconds"));
  const seconds = asked >= 5 ? asked : SECONDS;
  const wall = { slides, place: 0, isHeld: false, since: Date.now(), seconds };
  find("#slides").replaceChildren(
    ...slides.map((name, place) =>
      element("button", { type: "button", class: "slide-mark", on: { click: () => turnTo(wall, place) } }, name),
    ),
  );
  turnTo(wall, 0);
  tick(wall);
  setInterval(() => tick(wall), 1000);
  document.addEventListener("keydown", (event) => onKey(wall, event));
  keepAwake();
  document.addEventListener("visibilitychange", keepAwake);
}

function tick(wall) {
  find("#clock").textContent = clockWord();
  find("#today").textContent = todayWord();
  for (const [place, mark] of document.querySelectorAll(".slide-mark").entries()) mark.hidden = isBlank(wall, place);
  if (!wall.isHeld && Date.now() - wall.since >= wall.seconds * 1000) turnTo(wall, wall.place + 1);
}

/** Show a slide; one whose panels are all hidden is passed over, in the direction `step`. */
function turnTo(wall, place, step = 1) {
  for (let passed = 0; passed < wall.slides.length && isBlank(wall, place); passed += 1) place += step;
  wall.place = (place + wall.slides.length) % wall.slides.length;
  wall.since = Date.now();
  const name = wall.slides[wall.place];
  find("#board").dataset.slide = name;
  for (const section of document.querySelectorAll(".panel")) {
    section.classList.toggle("is-off", section.dataset.slide !== name);
  }
  for (const [number, mark] of document.querySelectorAll(".slide-mark").entries()) {
    mark.setAttribute("aria-current", number === wall.place ? "true" : "false");
  }
}

function isBlank({ slides }, place) {
  const name = slides[(place + slides.length) % slides.length];
  return [...document.querySelectorAll(".panel")].every(({ dataset, hidden }) => dataset.slide !== name || hidden);
}

function onKey(wall, event) {
  if (document.querySelector("dialog[open]")) return;
  if (event.key === " ") {
    event.preventDefault();
    wall.isHeld = !wall.isHeld;
    wall.since = Date.now();
    document.body.classList.toggle("is-held", wall.isHeld);
  } else if (event.key === "ArrowRight") turnTo(wall, wall.place + 1);
  else if (event.key === "ArrowLeft") turnTo(wall, wall.place - 1, -1);
  else if (event.key === "Escape") {
    const query = new URLSearchParams(location.search);
    query.delete("wall");
    query.delete("seconds");
    location.href = query.size ? `?${query}` : location.pathname;
  }
}

/** Ask the system not to dim the screen, where it can be asked. */
async function keepAwake() {
  try {
    if (!document.hidden) await navigator.wakeLock?.request("screen");
  } catch {
    // It dims as it was set up to.
  }
}
