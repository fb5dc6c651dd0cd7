// The tiles of the overview: a number, how it moved, whether it meets its target, and its last thirty days.

import { drawing, element, emptyState } from "./elements.js";
import { exact, inFull, large, LIGHTS, localDay, movement } from "./words.js";

const WIDTH = 120;
const HEIGHT = 32;
const WALL_TILES = 12;

/** All tiles; on a wall those of the first page. */
export function tiles(overview, context) {
  if (!overview.tiles.length) return emptyState("还没有可以看的指标。");
  return gridOf(context.isWall ? overview.tiles.slice(0, WALL_TILES) : overview.tiles, overview, context);
}

/** On a wall those of the second page; null where there is none. */
export function moreTiles(overview, context) {
  const more = context.isWall ? overview.tiles.slice(WALL_TILES, 2 * WALL_TILES) : [];
  return more.length ? gridOf(more, overview, context) : null;
}

function gridOf(list, { as_of: asOf }, context) {
  const today = localDay(new Date(asOf));
  return element(
    "div",
    { class: "tiles" },
    list.map((one) => tile({ ...one, trend: ended(one, today) }, context)),
  );
}

/** A trend without the day that still runs: a flow of half a day would look like a fall. */
function ended({ kind, trend }, today) {
  return kind === "state" ? trend : trend?.filter(({ day }) => day < today);
}

function tile(one, context) {
  const { measure, title, unit, value, previous, better, trend, light, target } = one;
  const moved = movement(value, previous, unit, better);
  const [digits, word] = large(value, unit);
  return element(
    "button",
    {
      type: "button",
      class: "tile",
      "aria-label": inWords(one, moved),
      data: { measure, light: light ?? "none" },
      on: { click: () => context.open({ measure, value, previous, target }) },
    },
    element(
      "span",
      { class: "tile-head" },
      element("span", { class: "tile-title" }, title),
      light && element("span", { class: `light light-${light}` }, `${LIGHTS[light].symbol} ${LIGHTS[light].word}`),
    ),
    element(
      "span",
      { class: "tile-line" },
      element("span", { class: "tile-value" }, digits, word && element("small", {}, word)),
      target && element("span", { class: "tile-target" }, "目标 ", element("b", {}, exact(target.target, unit))),
    ),
    element(
      "span",
      { class: "tile-foot" },
      moved
        ? element("span", { class: `moved moved-${moved.verdict}` }, `${moved.symbol} ${moved.text}`, moved.word && element("em", {}, moved.word))
        : element("span", { class: "moved" }, "无上期可比"),
    ),
    sparkline(trend),
  );
}

function inWords({ title, unit, value, previous, light, target }, moved) {
  const words = [`${title}：${inFull(value, unit)}`];
  if (moved) words.push(`上期 ${inFull(previous, unit)}，${["下降", "持平", "上升"][moved.direction + 1]}${moved.direction ? ` ${moved.text}` : ""}${moved.word ? `，${moved.word}` : ""}`);
  if (target) words.push(`目标 ${inFull(target.target, unit)}`);
  if (light) words.push(LIGHTS[light].word);
  return `${words.join("。")}。打开明细`;
}

/** The last days as a line, with a dot on the last one. Days without a number are gaps, a day between two gaps is a dot. */
export function sparkline(trend) {
  const values = (trend ?? []).map(({ value }) => value);
  const known = values.filter(isKnown);
  if (known.length < 2) return element("span", { class: "spark spark-none", "aria-hidden": "true" });
  const low = Math.min(0, ...known);
  const high = Math.max(...known, low + 1e-9);
  const x = (place) => 2 + (place / (values.length - 1)) * (WIDTH - 6);
  const y = (value) => HEIGHT - 3 - ((value - low) / (high - low)) * (HEIGHT - 6);
  let line = "";
  let dots = "";
  let last = null;
  for (const [place, value] of values.entries()) {
    if (!isKnown(value)) {
      last = null;
      continue;
    }
    const here = `${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
    const isAlone = last === null && !isKnown(values[place + 1]);
    if (isAlone) dots += `M${here}h0.01`;
    else line += `${last === null ? "M" : "L"}${here}`;
    last = here;
  }
  const isWhole = known.length === values.length;
  return drawing(
    "svg",
    { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    isWhole && drawing("path", { class: "spark-area", d: `${line}L${x(values.length - 1)} ${HEIGHT}L${x(0)} ${HEIGHT}Z` }),
    drawing("path", { class: "spark-line", d: line }),
    dots && drawing("path", { class: "spark-day", d: dots }),
    last && drawing("path", { class: "spark-dot", d: `M${last}h0.01` }),
  );
}

function isKnown(value) {
  return value !== null && value !== undefined;
}
