// What each panel shows, from which answer of the API. The order is that of the page; `slide` groups them on a wall screen.

import { chart, heatMap, inAndOut } from "./charts.js";
import { element, emptyState } from "./elements.js";
import { moreTiles, tiles } from "./tiles.js";
import { dataTable, exports, movementMark, plainTable } from "./tables.js";
import { dayWord, exact, inFull, large, LIGHTS, momentWord, movement, SCENES, SUBJECTS, unitWord, WEEKDAYS } from "./words.js";

const WALL_ROWS = 8;
const WALL_ROWS_OF_TWO = 3; // where two tables stand one above the other
const WALL_ROWS_OF_THREE = 2;
const WALL_COLUMNS = 5;
const NOBODY = "0"; // the key of what belongs to no operator

/** What fits on a wall; elsewhere all. */
function fitting(table, context, count = WALL_ROWS) {
  if (!context.isWall) return table;
  const columns = table.columns.filter(({ unit }) => unit !== "per_thousand").slice(0, WALL_COLUMNS);
  return { ...table, columns, rows: table.rows.slice(0, count) };
}

function bettersOf(context) {
  return new Map([...context.house.measures.values()].map(({ name, better }) => [name, better]));
}

/** A table whose numbers lead to their rows; `narrow(row)` says to which, null: to none. */
function drillTable(table, context, { head, narrow, bars, count }) {
  return dataTable(fitting(table, context, count), {
    head,
    bars,
    betters: bettersOf(context),
    canOpen: (row, { name }) => context.house.measures.has(name) && narrow(row) !== null,
    onCell: (row, column) =>
      context.open({ measure: column.name, value: row.cells[column.name], where: row.title, ...narrow(row) }),
  });
}

function tableExports(source, name, table) {
  return (context) => exports(`/monitor/${source}`, () => ({ ...context.query(), table }), name);
}

/** Several views of one panel, one shown at a time. */
function tabs(panelId, views) {
  const remembered = tabs.chosen?.get(panelId) ?? 0;
  const chosen = views[remembered] ? remembered : 0;
  const marks = views.map(({ title }, place) =>
    element("button", { type: "button", role: "tab", "aria-selected": String(place === chosen), on: { click: () => choose(place) } }, title),
  );
  const bodies = views.map(({ body }, place) => element("div", { role: "tabpanel", hidden: place !== chosen }, body));
  function choose(place) {
    (tabs.chosen ??= new Map()).set(panelId, place);
    for (const [number, mark] of marks.entries()) {
      mark.setAttribute("aria-selected", String(number === place));
      bodies[number].hidden = number !== place;
    }
  }
  return [element("div", { class: "tabs", role: "tablist" }, marks), ...bodies];
}

function showFunnel({ funnel, period }, context) {
  const first = funnel[0]?.value;
  if (!first) return emptyState("这段时间没有开放报名的名额。");
  const units = context.house.measures;
  return element(
    "ol",
    { class: "funnel", "aria-label": `从开放名额到到场，${period.first_day} 至 ${period.last_day}` },
    funnel.map(({ measure, title, value }, place) => {
      const before = place ? funnel[place - 1].value : null;
      const kept = before ? `占上一步 ${exact(value / before, "share")}` : "";
      return element(
        "li",
        {},
        element(
          "button",
          { type: "button", class: "funnel-step", on: { click: () => context.open({ measure, value }) } },
          element("span", { class: "funnel-title" }, title),
          element(
            "span",
            { class: "funnel-bar" },
            element("span", { style: { "--part": Math.min(1, (value ?? 0) / first) }, data: { step: place + 1 } }),
          ),
          element("span", { class: "funnel-value" }, inFull(value, units.get(measure)?.unit), element("small", {}, kept)),
        ),
      );
    }),
  );
}

function showHeat({ heat }, context) {
  const open = heat.filter(({ open_hours }) => open_hours > 0);
  if (!open.length) return emptyState("这段时间没有场馆开放。");
  const hours = [...new Set(open.map(({ hour }) => hour))].sort((one, other) => one - other);
  const at = new Map(open.map((cell) => [`${cell.weekday}-${cell.hour}`, cell]));
  const table = plainTable(
    ["使用率", ...hours.map((hour) => `${hour}时`)],
    WEEKDAYS.map((weekday, number) => [weekday, ...hours.map((hour) => exact(at.get(`${number}-${hour}`)?.share, "share"))]),
  );
  const opened = open.reduce((sum, cell) => sum + cell.open_hours, 0);
  const used = open.reduce((sum, cell) => sum + cell.used_hours, 0);
  return [
    element(
      "p",
      { class: "key-line" },
      element("strong", {}, exact(used / opened, "share")),
      ` 的开放时间有人用：开放 ${inFull(Math.round(opened), "hours")}，使用 ${inFull(Math.round(used), "hours")}`,
      element("span", { class: "heat-key", "aria-hidden": "true" }, "空", [0, 1, 2, 3, 4].map((step) => element("i", { data: { step } })), "满"),
    ),
    chart({
      label: `一周各时段场馆使用率，合计 ${exact(used / opened, "share")}；数字见数据表`,
      makeOption: heatMap(open),
      onClick: ({ data: { cell } }) =>
        context.open({
          measure: "venues.used_by_hour",
          value: cell.used_hours,
          detail: `${cell.weekday}-${String(cell.hour).padStart(2, "0")}`,
          where: `${WEEKDAYS[cell.weekday]} ${cell.hour}:00—${cell.hour + 1}:00`,
        }),
      table: context.isWall ? null : table,
      tall: true,
    }),
  ];
}

function showRooms({ table }, context) {
  const idle = table.rows.filter((row) => row.cells.is_idle);
  const sorted = [...idle, ...table.rows.filter((row) => !row.cells.is_idle)];
  const first = ["share", "flag"];
  const columns = table.columns
    .filter(({ unit }) => !context.isWall || unit !== "hours")
    .toSorted((one, other) => first.includes(other.unit) - first.includes(one.unit));
  return [
    element("p", { class: "key-line" }, element("strong", {}, String(idle.length)), ` 间闲置，共 ${table.rows.length} 间`),
    drillTable({ ...table, columns, rows: sorted }, context, { head: "场馆", narrow: (row) => ({ detail: row.key }) }),
    element("p", { class: "note" }, "闲置：近 28 天开放满 20 小时，使用不到 5%。"),
  ];
}

function totalOf({ values }) {
  return values.reduce((sum, { value }) => sum + (value ?? 0), 0);
}

function figure(title, value, unit, open) {
  const [digits, word] = large(value, unit);
  return element(
    open ? "button" : "div",
    { class: "figure", type: open ? "button" : null, on: open ? { click: open } : {} },
    element("span", { class: "figure-title" }, title),
    element("span", { class: "figure-value" }, digits, element("small", {}, word)),
  );
}

function showFlows({ flows, outstanding }, context) {
  const series = flows.series ?? flows;
  const [issued, ...outgoing] = series;
  const figures = element(
    "div",
    { class: "figures" },
    series.map((one) => figure(one.title, totalOf(one), one.unit, () => context.open({ measure: one.measure, value: totalOf(one) }))),
    figure("未用余额", outstanding, "points", () => context.open({ measure: "points.outstanding", value: outstanding })),
  );
  if (!issued?.values.length || series.every((one) => totalOf(one) === 0)) {
    return [figures, emptyState("这段时间没有积分进出。")];
  }
  const table = plainTable(
    ["日期", ...series.map(({ title }) => title)],
    issued.values.map(({ first_day }, place) => [first_day, ...series.map((one) => exact(one.values[place]?.value))]),
  );
  return [
    figures,
    chart({
      label: `每日积分进出：${series.map((one) => `${one.title} ${inFull(totalOf(one), "points")}`).join("，")}`,
      makeOption: inAndOut([issued], outgoing),
      table: context.isWall ? null : table,
    }),
  ];
}

function showPointTables({ liability, rules, budgets }, context) {
  const view = (title, name, table, head, narrow) => ({
    title,
    body: [
      drillTable(table, context, {
        head,
        narrow,
        bars: table.columns.slice(0, 1).map((column) => column.name),
        count: WALL_ROWS_OF_THREE,
      }),
      tableExports("points", `积分-${title}`, name)(context),
    ],
  });
  const views = [
    view("待兑付", "liability", liability, "发放方与到期月", (row) => ({ detail: row.key })),
    view("规则", "rules", rules, "规则", (row) => ({ detail: row.key })),
    view("预算", "budgets", budgets, "运营方", (row) => (row.key === NOBODY ? null : { operator_id: row.key })),
  ];
  if (!context.isWall) return tabs("point-tables", views);
  return views.flatMap(({ title, body: [table] }) => [element("h3", {}, title), table]);
}

const CARD_MEASURE = "reservations.attended";

function sceneTitle(row) {
  return SCENES[row.key] ?? row.title;
}

function lightOf(row, { name }) {
  const light = row.lights?.find(({ measure }) => measure === name)?.light;
  return light && element("span", { class: `light light-${light}` }, `${LIGHTS[light].symbol} ${LIGHTS[light].word}`);
}

function showScenes(table, context) {
  if (!table.rows.length) return emptyState("这段时间没有活动。");
  const main = table.columns.find(({ name }) => name === CARD_MEASURE) ?? table.columns[0];
  const others = table.columns.filter((column) => column !== main);
  const largest = Math.max(1, ...table.rows.map((row) => row.cells[main.name] ?? 0));
  const betters = bettersOf(context);
  return [
    element(
      "div",
      { class: "scenes" },
      table.rows.map((row) => {
        const value = row.cells[main.name];
        return element(
          "button",
          {
            type: "button",
            class: "scene",
            on: { click: () => context.open({ measure: main.name, value, scene: row.key, where: sceneTitle(row) }) },
          },
          element("span", { class: "scene-title" }, row.title, lightOf(row, main)),
          element(
            "span",
            { class: "scene-value" },
            exact(value, main.unit),
            element("small", {}, unitWord(main.unit)),
            movementMark(movement(value, row.previous?.[main.name], main.unit, betters.get(main.name))),
          ),
          element("span", { class: "bar", "aria-hidden": "true", style: { "--part": (value ?? 0) / largest } }),
          element(
            "span",
            { class: "scene-more" },
            others.slice(0, 2).map((column) => element("span", {}, `${column.title} `, element("b", {}, inFull(row.cells[column.name], column.unit)))),
          ),
        );
      }),
    ),
    !context.isWall &&
      element(
        "details",
        { class: "chart-table" },
        element("summary", {}, `全部指标（卡片上是“${main.title}”）`),
        drillTable(table, context, { head: "场景", narrow: (row) => ({ scene: row.key }) }),
      ),
  ].filter(Boolean);
}

function showOperators(table, context) {
  const weights = table.weights ?? [];
  const places = new Map(weights.map(({ measure }, place) => [measure, place + 1]));
  const ranked = fitting(table, context).rows;
  if (!ranked.length) return emptyState("这段时间没有运营方参加排名。");
  const list = element(
    "ol",
    { class: "ranking" },
    ranked.map((row) =>
      element(
        "li",
        { class: row.rank ? "" : "is-unranked" },
        element("span", { class: "ranking-place", data: { place: row.rank ?? 0 } }, row.rank ?? "—"),
        element("span", { class: "ranking-title" }, row.title),
        element(
          "span",
          { class: "parts", "aria-hidden": "true" },
          (row.parts ?? []).map(({ measure, points }) =>
            element("i", { style: { "--part": points / 100 }, data: { part: places.get(measure) ?? 0 } }),
          ),
        ),
        element("span", { class: "ranking-score" }, row.rank ? exact(row.score) : "数据不足"),
      ),
    ),
  );
  return [
    list,
    weights.length > 0 &&
      element(
        "p",
        { class: "note weights" },
        "公布的权重（每项按与最好者之比计分，满分 100）：",
        weights.map(({ title, weight }, place) =>
          element("span", { class: "parts" }, element("i", { data: { part: place + 1 } }), `${title} ${weight}`),
        ),
      ),
    !context.isWall &&
      element(
        "details",
        { class: "chart-table" },
        element("summary", {}, "各项数据"),
        drillTable(table, context, { head: "运营方", narrow: (row) => ({ operator_id: row.key }) }),
      ),
  ].filter(Boolean);
}

function placesTable(head) {
  return (table, context) =>
    drillTable(table, context, {
      head,
      bars: table.columns.slice(0, 1).map(({ name }) => name),
      count: WALL_ROWS_OF_TWO,
      narrow: (row) => ({ territory_id: row.key }),
    });
}

function showPatterns({ items, next_cursor: more }) {
  if (!items.length) return emptyState("这段时间没有发现可疑的情形。");
  const rows = items.map((found) => [
    dayWord(found.day),
    found.title,
    found.who ? personWord(found.who) : `${SUBJECTS[found.subject] ?? found.subject} ${found.id}`,
    exact(found.amount),
    element(
      "details",
      { class: "deeds-found" },
      element("summary", {}, `${found.rows.length} 条`),
      element(
        "ul",
        {},
        found.rows.map(({ subject, at, people, amount }) =>
          element(
            "li",
            {},
            `${momentWord(at)} ${SUBJECTS[subject] ?? subject} ${people.map(personWord).join("→")}`,
            amount !== null && element("b", {}, ` ${exact(amount)}`),
          ),
        ),
      ),
    ),
  ]);
  const note = more ? "只列出最近的；全部请导出。" : "是否违规由人判断，系统只指出。";
  return [plainTable(["日期", "情形", "涉及", "数量", "经过"], rows), element("p", { class: "note" }, note)];
}

function personWord({ name, id }) {
  return name || `…${String(id).slice(-6)}`;
}

export const PANELS = [
  { id: "overview", title: "总览", source: "overview", slide: "总览", show: tiles },
  { id: "overview-more", title: "总览（续）", source: "overview", slide: "总览续", show: moreTiles },
  { id: "funnel", title: "从名额到到场", source: "overview", slide: "活动", show: showFunnel },
  { id: "scenes", title: "九大场景", source: "scenes", slide: "活动", show: showScenes, deeds: tableExports("scenes", "九大场景") },
  { id: "heat", title: "场馆使用（%）", source: "venues", slide: "场馆", show: showHeat, deeds: tableExports("venues", "场馆使用", "hours") },
  { id: "rooms", title: "场馆一览", source: "venues", slide: "场馆", show: showRooms, deeds: tableExports("venues", "场馆", "rooms") },
  { id: "flows", title: "积分进出", source: "points", slide: "积分", show: showFlows, deeds: tableExports("points", "积分进出", "flows") },
  { id: "point-tables", title: "积分账", source: "points", slide: "积分", show: showPointTables },
  { id: "operators", title: "运营方擂台", source: "operators", slide: "擂台", show: showOperators, deeds: tableExports("operators", "运营方擂台") },
  { id: "communities", title: "社区对比", source: "communities", slide: "擂台", show: placesTable("社区"), deeds: tableExports("communities", "社区对比") },
  { id: "estates", title: "小区对比", source: "estates", slide: "擂台", show: placesTable("小区"), deeds: tableExports("estates", "小区对比") },
  { id: "patterns", title: "可疑情形", source: "patterns", show: showPatterns, note: "只有全域审计员能看到", deeds: tableExports("patterns", "可疑情形") },
];
