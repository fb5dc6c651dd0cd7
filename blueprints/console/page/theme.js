// Light or dark. A wall screen is dark; elsewhere it is what the person chose, or what their system prefers.

const KEY = "binfen.console.theme";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

export function isWall() {
  return new URLSearchParams(location.search).get("wall") === "1";
}

function wanted() {
  if (isWall()) return "dark";
  return localStorage.getItem(KEY) ?? (prefersDark.matches ? "dark" : "light");
}

export function applyTheme() {
  const theme = wanted();
  if (document.documentElement.dataset.theme === theme) return;
  document.documentElement.dataset.theme = theme;
  for (const listener of listeners) listener();
}

export function switchTheme() {
  localStorage.setItem(KEY, document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  applyTheme();
}

export function onThemeChange(listener) {
  listeners.add(listener);
}

/** The colours of the theme that is on, for charts: they can't read the style sheet by themselves. */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: colour("ink"),
    muted: colour("muted"),
    line: colour("line"),
    panel: colour("panel"),
    series: [1, 2, 3, 4, 5].map((number) => colour(`series-${number}`)),
    heat: [0, 1, 2, 3, 4].map((number) => colour(`heat-${number}`)),
    heatInk: [0, 1, 2, 3, 4].map((number) => colour(`heat-ink-${number}`)),
    font: style.getPropertyValue("--font").trim(),
    size: Number.parseFloat(style.fontSize) * (isWall() ? 1.25 : 1),
  };
}

prefersDark.addEventListener("change", applyTheme);
applyTheme();
