// From a number to its meaning, its days and the rows that it counts.

import { chart, forgetCharts, lines } from "./charts.js";
import { element, emptyState, faultState } from "./elements.js";
import { ask } from "./session.js";
import { exports, plainTable } from "./tables.js";
import { exact, inFull, localDay, NOTHING, SCENES, SUBJECTS } from "./words.js";

const TREND_DAYS_MIN = 30;
const BY_WEEK_FROM_DAYS = 93;
const PAGE = 50;

let dialog = null;

/**
 * Open a number. `drill`: measure, value, and what it was narrowed to: scene, operator_id, detail, territory_id; `where`
 * names that.
 */
export function openDrill(context, drill) {
  const measure = context.house.measures.get(drill.measure);
  if (!measure) return;
  dialog ??= makeDialog();
  const place = drill.where ?? context.house.overview.place.name;
  const trend = element("div", { class: "drill-trend" }, element("div", { class: "waiting" }));
  const rows = element("div", { class: "drill-rows" }, element("div", { class: "waiting" }));
  forgetCharts(dialog);
  dialog.replaceChildren(
    element(
      "header",
      { class: "drill-head" },
      element("div", {}, element("h2", { id: "drill-title" }, measure.title), element("p", { class: "note" }, place)),
      element("strong", { class: "drill-value" }, inFull(drill.value, measure.unit)),
      element("button", { type: "button", class: "button", autofocus: true, on: { click: () => dialog.close() } }, "关闭"),
    ),
    element("p", { class: "meaning" }, measure.meaning),
    trend,
    rows,
  );
  if (!dialog.open) dialog.showModal();
  showTrend(context, drill, measure, trend);
  showRows(context, drill, measure, rows);
}

function makeDialog() {
  const made = element("dialog", { class: "drill", "aria-labelledby": "drill-title" });
  made.addEventListener("click", (event) => {
    if (event.target === made) made.close();
  });
  document.body.append(made);
  return made;
}

function narrowed(context, { scene, operator_id, detail, territory_id }) {
  const query = context.query();
  return { ...query, territory_id: territory_id ?? query.territory_id, scene, operator_id, detail };
}

async function showTrend(context, drill, measure, place) {
  if (drill.detail) {
    place.remove();
    return;
  }
  const { first_day, last_day } = context.house.overview.period;
  const first = earlierOf(first_day, daysBefore(last_day, TREND_DAYS_MIN - 1));
  const length = (Date.parse(last_day) - Date.parse(first)) / 86_400_000;
  const query = {
    ...narrowed(context, drill),
    measure: measure.name,
    by: length >= BY_WEEK_FROM_DAYS ? "week" : "day",
    period: "custom",
    first_day: first,
    last_day,
  };
  try {
    const { series } = await ask("/monitor/series", { query });
    const [one] = series;
    if (!one || one.values.every(({ value }) => value === null)) {
      place.replaceChildren();
      return;
    }
    const isRunning = measure.kind !== "state" && query.by === "day" && last_day >= localDay(new Date(query.as_of));
    const table = plainTable(["日期", one.title], one.values.map(({ first_day: day, value }) => [day, exact(value, one.unit)]));
    place.replaceChildren(chart({ label: `${one.title}，${first} 至 ${last_day}`, makeOption: lines([one], isRunning), table }));
  } catch (problem) {
    place.replaceChildren(faultState(problem, () => showTrend(context, drill, measure, place)));
  }
}

function earlierOf(one, other) {
  return one < other ? one : other;
}

function daysBefore(day, count) {
  return new Date(Date.parse(day) - count * 86_400_000).toISOString().slice(0, 10);
}

/** The rows behind a number, page by page. A ratio has two: those above the line and those below it. */
function showRows(context, drill, measure, place) {
  const parts = measure.kind === "ratio" ? [["above", "分子"], ["below", "分母"]] : [[null, ""]];
  const list = element("div", {});
  const choose = (part) => listRows(context, drill, measure, part, list);
  const marks = parts.length > 1 && element(
    "div",
    { class: "tabs", role: "tablist" },
    parts.map(([part, title], number) => {
      const over = context.house.measures.get(measure.over?.[number])?.title;
      return element(
        "button",
        {
          type: "button",
          role: "tab",
          "aria-selected": String(number === 0),
          on: {
            click: (event) => {
              for (const one of marks.children) one.setAttribute("aria-selected", String(one === event.currentTarget));
              choose(part);
            },
          },
        },
        over ? `${title}：${over}` : title,
      );
    }),
  );
  place.replaceChildren(...[marks, list].filter(Boolean));
  choose(parts[0][0]);
}

async function listRows(context, drill, measure, part, list) {
  const query = { ...narrowed(context, drill), part, limit: PAGE };
  const path = `/monitor/measures/${measure.name}/rows`;
  const names = context.house;
  const body = element("tbody", {});
  const foot = element("p", { class: "drill-foot", role: "status" }, "正在取明细……");
  const more = element("button", { type: "button", class: "button", hidden: true }, "更多");
  const state = { count: 0, sum: 0, cursor: null };
  const counted = (part && context.house.measures.get(measure.over?.[part === "above" ? 0 : 1])) || measure;
  const divisor = counted.divisor ?? 1; // how many of what is counted make one of the unit

  async function next() {
    more.disabled = true;
    try {
      const page = await ask(path, { query: { ...query, cursor: state.cursor } });
      for (const row of page.items) body.append(rowOf(row, names, divisor));
      state.count += page.items.length;
      state.sum += page.items.reduce((sum, { amount }) => sum + amount, 0) / divisor;
      state.cursor = page.next_cursor;
      more.hidden = !state.cursor;
      foot.textContent = footOf(state, drill, measure, counted);
      if (!state.count) list.replaceChildren(emptyState("没有这样的记录。"));
    } catch (problem) {
      list.replaceChildren(faultState(problem, () => listRows(context, drill, measure, part, list)));
    }
    more.disabled = false;
  }

  more.addEventListener("click", next);
  list.replaceChildren(
    element(
      "div",
      { class: "table-scroll", tabindex: "0", role: "region", "aria-label": `${measure.title}的明细` },
      element("table", {}, element("thead", {}, element("tr", {}, HEADS.map(headOf))), body),
    ),
    element(
      "div",
      { class: "drill-end" },
      foot,
      more,
      exports(path, () => ({ ...query, limit: null }), `${measure.title}明细`),
    ),
  );
  await next();
}

const HEADS = ["日期", "记录", "地点", "场景", "运营方", "细目", "数量"];

function headOf(title) {
  return element("th", { scope: "col", class: title === "数量" ? "number" : null }, title);
}

function rowOf(row, names, divisor) {
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, row.day),
    element("td", {}, SUBJECTS[row.subject] ?? row.subject, element("small", {}, row.id)),
    element("td", {}, row.place ?? NOTHING),
    element("td", {}, SCENES[row.scene] ?? row.scene ?? NOTHING),
    element("td", {}, names.operators.get(row.operator_id) ?? row.operator_id ?? NOTHING),
    element("td", {}, names.details.get(row.detail) ?? row.detail ?? NOTHING),
    element("td", { class: "number" }, exact(row.amount / divisor)),
  );
}

function footOf({ count, sum, cursor }, { value }, measure, counted) {
  const words = `${cursor ? "已列出" : "共"} ${exact(count)} 行，合计 ${inFull(sum, counted.unit)}`;
  if (cursor || measure.kind === "ratio") return words;
  return sum === value ? `${words}，与上面的数一致 ✓` : words;
}
