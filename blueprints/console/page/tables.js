// Tables as the API answers them: columns with a unit, rows with cells, and what each was in the period before.

import { element, emptyState, tell } from "./elements.js";
import { save } from "./session.js";
import { exact, inFull, movement, unitWord } from "./words.js";

/**
 * A table. `onCell(row, column)` makes numbers buttons that lead to the rows behind them, where `canOpen(row, column)`;
 * `head` names the first column; `bars`: names of columns whose cells have a bar as long as their part of the largest.
 */
export function dataTable(table, { head, onCell, canOpen = () => true, bars = [], betters = new Map(), caption }) {
  if (!table.rows.length) return emptyState("这段时间没有数据。");
  const ranked = table.rows.some((row) => row.rank !== undefined && row.rank !== null);
  const largest = Object.fromEntries(bars.map((name) => [name, Math.max(0, ...table.rows.map((row) => row.cells[name] ?? 0))]));
  const header = element(
    "tr",
    {},
    ranked && element("th", { scope: "col", class: "rank" }, "名次"),
    element("th", { scope: "col" }, head),
    table.columns.map((column) =>
      element("th", { scope: "col", class: "number" }, column.title, element("small", {}, unitWord(column.unit))),
    ),
  );
  const rows = table.rows.map((row) =>
    element(
      "tr",
      {},
      ranked && element("td", { class: "rank" }, row.rank ?? "—"),
      element("th", { scope: "row", title: row.title }, row.title),
      table.columns.map((column) => cellOf(row, column, { onCell: canOpen(row, column) ? onCell : null, largest, betters })),
    ),
  );
  return element(
    "div",
    { class: "table-scroll", tabindex: "0", role: "region", "aria-label": caption ?? head },
    element("table", {}, element("thead", {}, header), element("tbody", {}, rows)),
  );
}

function cellOf(row, column, { onCell, largest, betters }) {
  const value = row.cells[column.name];
  if (column.unit === "flag") return element("td", { class: "number" }, value ? element("span", { class: "tag tag-idle" }, column.title) : "");
  if (typeof value === "string") return element("td", {}, value);
  const words = inFullOrExact(value, column.unit);
  const number = onCell && value !== null && value !== undefined
    ? element("button", { type: "button", class: "link-number", on: { click: () => onCell(row, column) } }, words)
    : words;
  const moved = movement(value, row.previous?.[column.name], column.unit, betters.get(column.name));
  const bar = largest[column.name]
    ? element("span", { class: "bar", "aria-hidden": "true", style: { "--part": (value ?? 0) / largest[column.name] } })
    : null;
  return element("td", { class: "number" }, number, movementMark(moved), bar);
}

function inFullOrExact(value, unit) {
  return unit === "seconds" ? inFull(value, unit) : exact(value, unit);
}

/** An arrow with a hint: how a number moved against the period before. */
export function movementMark(moved) {
  if (!moved || !moved.direction) return null;
  const sentence = `较上期${moved.direction > 0 ? "增加" : "减少"} ${moved.text}${moved.word ? `，${moved.word}` : ""}`;
  return element(
    "span",
    { class: `moved moved-${moved.verdict}`, title: sentence },
    element("span", { "aria-hidden": "true" }, moved.symbol),
    element("span", { class: "unseen" }, sentence),
  );
}

/** The two files that a table can be saved as. */
export function exports(path, query, name) {
  const button = (format, word) =>
    element(
      "button",
      {
        type: "button",
        class: "button button-quiet",
        "aria-label": `${name}导出为 ${word}`,
        on: {
          click: () => save(path, { ...query(), format }, `${name}.${format}`).catch((problem) => tell(problem.detail)),
        },
      },
      word,
    );
  return element("span", { class: "exports" }, button("csv", "CSV"), button("xlsx", "Excel"));
}

/** A plain table for what a chart shows. `columns`: titles; `rows`: lists of texts, the first of each names the row. */
export function plainTable(columns, rows) {
  return element(
    "div",
    { class: "table-scroll" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, columns.map((title) => element("th", { scope: "col" }, title)))),
      element(
        "tbody",
        {},
        rows.map(([first, ...others]) =>
          element("tr", {}, element("th", { scope: "row" }, first), others.map((one) => element("td", { class: "number" }, one))),
        ),
      ),
    ),
  );
}
