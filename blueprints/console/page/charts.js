// Charts by ECharts, which is a package and not ours (window.echarts). Where it isn't installed, the tables that stand
// behind every chart are shown instead.
//
// Nothing is told by colour alone: series have patterns, symbols and names, fields of a heat map have their number in them.
// Hints are drawn in the canvas ("richText"): as markup they would need inline styles, which the pages' policy forbids.

import { element } from "./elements.js";
import { onThemeChange, palette } from "./theme.js";
import { exact, inFull, shortDay, WEEKDAYS } from "./words.js";

const drawn = new Map();

/** Whether charts can be drawn at all. */
export function hasCharts() {
  return Boolean(globalThis.echarts);
}

/**
 * A chart, with a sentence that says what it shows and the table of its numbers behind it.
 *
 * `makeOption(palette)` gives ECharts its option; `onClick` is handed ECharts' event.
 */
export function chart({ label, makeOption, table, onClick, tall = false }) {
  const details = table && element("details", { class: "chart-table" }, element("summary", {}, "数据表"), table);
  if (!hasCharts()) {
    if (details) details.open = true;
    return element("figure", { class: "chart-figure" }, element("p", { class: "note" }, "图表组件没有安装，只显示数据表。"), details);
  }
  const canvas = element("div", { class: tall ? "chart chart-tall" : "chart", role: "img", "aria-label": label });
  drawn.set(canvas, { makeOption, onClick, instance: null });
  watchSize.observe(canvas);
  return element("figure", { class: "chart-figure" }, canvas, details);
}

/** A chart is drawn when it has a size: what is hidden has none yet. */
const watchSize = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    if (!target.isConnected) forget(target);
    else if (contentRect.width && contentRect.height) draw(target);
  }
});

function draw(canvas) {
  const one = drawn.get(canvas);
  if (!one) return;
  if (one.instance) {
    one.instance.resize();
    one.instance.setOption(furnished(one.makeOption), { notMerge: true });
    return;
  }
  one.instance = globalThis.echarts.init(canvas, null, { locale: "ZH", renderer: "canvas" });
  one.instance.setOption(furnished(one.makeOption));
  if (one.onClick) one.instance.on("click", one.onClick);
}

function forget(canvas) {
  drawn.get(canvas)?.instance?.dispose();
  drawn.delete(canvas);
  watchSize.unobserve(canvas);
}

/** Let go of the charts within an element that is about to be emptied. */
export function forgetCharts(within) {
  for (const canvas of within.querySelectorAll(".chart")) forget(canvas);
}

onThemeChange(() => {
  for (const [canvas, { instance }] of drawn) if (instance) draw(canvas);
});

function furnished(makeOption) {
  const colours = palette();
  const option = makeOption(colours);
  return {
    animation: false,
    color: colours.series,
    textStyle: { fontFamily: colours.font, fontSize: colours.size * 0.8, color: colours.ink },
    aria: { enabled: false, decal: { show: option.patterned ?? false } },
    ...option,
    tooltip: option.tooltip && {
      renderMode: "richText",
      confine: true,
      backgroundColor: colours.panel,
      borderColor: colours.line,
      textStyle: { color: colours.ink, fontSize: colours.size * 0.8, fontFamily: colours.font },
      ...option.tooltip,
    },
  };
}

function axis(colours, more = {}) {
  return {
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { show: false },
    axisLabel: { color: colours.muted, fontSize: colours.size * 0.75, ...more.axisLabel },
    splitLine: { lineStyle: { color: colours.line, type: "dashed" } },
    ...Object.fromEntries(Object.entries(more).filter(([name]) => name !== "axisLabel")),
  };
}

function shortNumber(value) {
  const size = Math.abs(value);
  if (size >= 1e8) return `${value / 1e8}亿`;
  if (size >= 1e4) return `${value / 1e4}万`;
  return exact(value);
}

function legend(colours) {
  return {
    top: 0,
    right: 0,
    itemWidth: colours.size * 1.1,
    itemHeight: colours.size * 0.7,
    textStyle: { color: colours.muted, fontSize: colours.size * 0.8 },
  };
}

/**
 * Lines of numbers by day: {measure, title, unit, values: [{first_day, value}]}. With `isRunning` the way to the last value is
 * broken, for that day isn't over.
 */
export function lines(series, isRunning = false) {
  const symbols = ["circle", "triangle", "rect", "diamond", "pin"];
  const dashes = ["solid", "dashed", "dotted"];
  return (colours) => ({
    grid: { left: 8, right: 12, top: series.length > 1 ? colours.size * 2 : 12, bottom: 4, containLabel: true },
    legend: series.length > 1 ? legend(colours) : undefined,
    tooltip: { trigger: "axis", valueFormatter: (value) => inFull(value, series[0].unit) },
    xAxis: axis(colours, {
      type: "category",
      boundaryGap: false,
      data: series[0].values.map(({ first_day }) => shortDay(first_day)),
      splitLine: { show: false },
    }),
    yAxis: axis(colours, {
      type: "value",
      axisLine: { show: false },
      minInterval: ["share", "mean"].includes(series[0].unit) ? undefined : 1,
      axisLabel: { formatter: (value) => (series[0].unit === "share" ? `${Math.round(value * 100)}%` : shortNumber(value)) },
    }),
    series: series.flatMap((one, place) => {
      const values = one.values.map(({ value }) => value);
      const last = values.length - 1;
      const line = {
        type: "line",
        symbol: symbols[place % symbols.length],
        symbolSize: colours.size * 0.35,
        showSymbol: values.length <= 45,
        lineStyle: { width: Math.max(2, colours.size / 8), type: dashes[place % dashes.length] },
      };
      const whole = {
        ...line,
        name: one.title,
        data: isRunning ? values.slice(0, -1) : values,
        areaStyle: series.length === 1 ? { opacity: 0.12 } : undefined,
      };
      if (!isRunning) return [whole];
      const running = {
        ...line,
        name: `${one.title}（今日至今）`,
        data: values.map((value, number) => (number >= last - 1 ? value : null)),
        symbol: "emptyCircle",
        itemStyle: { color: colours.series[place] },
        lineStyle: { ...line.lineStyle, color: colours.series[place], type: [3, 4] },
      };
      return [whole, running];
    }),
  });
}

/** What came in as bars upward, what went out as bars downward, day by day. */
export function inAndOut(incoming, outgoing) {
  const days = (incoming[0] ?? outgoing[0]).values.map(({ first_day }) => shortDay(first_day));
  const bars = (one, sign, place) => ({
    type: "bar",
    name: one.title,
    stack: "points",
    barMaxWidth: 28,
    data: one.values.map(({ value }) => (value === null ? null : sign * value)),
    itemStyle: { decal: { show: true, ...DECALS[place] } },
  });
  return (colours) => ({
    patterned: true,
    grid: { left: 8, right: 12, top: colours.size * 2, bottom: 4, containLabel: true },
    legend: legend(colours),
    tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, valueFormatter: (value) => inFull(value && Math.abs(value), "points") },
    xAxis: axis(colours, { type: "category", data: days, splitLine: { show: false } }),
    yAxis: axis(colours, {
      type: "value",
      axisLine: { show: false },
      minInterval: 1,
      axisLabel: { formatter: (value) => shortNumber(Math.abs(value)) },
    }),
    series: [
      ...incoming.map((one, place) => bars(one, 1, place)),
      ...outgoing.map((one, place) => bars(one, -1, incoming.length + place)),
    ],
  });
}

const DECALS = [
  { symbol: "none" },
  { symbol: "rect", symbolSize: 1, rotation: Math.PI / 4, dashArrayX: [1, 0], dashArrayY: [3, 5], color: "rgba(255,255,255,0.45)" },
  { symbol: "circle", symbolSize: 0.6, dashArrayX: [[6, 6]], dashArrayY: [6, 0], color: "rgba(255,255,255,0.45)" },
];

/** Fields of weekday and hour, the share that was used in each; what was never open stays empty. */
export function heatMap(cells) {
  const hours = [...new Set(cells.map(({ hour }) => hour))].sort((one, other) => one - other);
  const level = (share) => [0.05, 0.25, 0.5, 0.75].filter((bound) => share >= bound).length;
  return (colours) => ({
    grid: { left: 4, right: 4, top: 4, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "item",
      formatter: ({ data }) =>
        `${WEEKDAYS[data.cell.weekday]} ${data.cell.hour}:00—${data.cell.hour + 1}:00\n使用率 ${exact(data.cell.share, "share")}\n` +
        `开放 ${exact(data.cell.open_hours)} 小时，使用 ${exact(data.cell.used_hours)} 小时`,
    },
    xAxis: axis(colours, {
      type: "category",
      data: hours.map((hour) => `${hour}时`),
      axisLine: { show: false },
      splitLine: { show: false },
      axisLabel: { interval: 0, hideOverlap: true },
    }),
    yAxis: axis(colours, {
      type: "category",
      data: WEEKDAYS,
      inverse: true,
      axisLine: { show: false },
      splitLine: { show: false },
      axisLabel: { color: colours.ink },
    }),
    series: [
      {
        type: "heatmap",
        data: cells.map((cell) => {
          const step = level(cell.share ?? 0);
          return {
            value: [hours.indexOf(cell.hour), cell.weekday, cell.share],
            cell,
            itemStyle: { color: colours.heat[step], borderColor: colours.panel, borderWidth: 2, borderRadius: 3 },
            label: { color: colours.heatInk[step] },
          };
        }),
        label: {
          show: true,
          fontSize: colours.size * 0.7,
          formatter: ({ data }) => (data.cell.share === null ? "" : String(Math.round(data.cell.share * 100))),
        },
        emphasis: { itemStyle: { borderColor: colours.ink } },
      },
    ],
  });
}
