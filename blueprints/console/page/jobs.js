// The page of the jobs: each one's schedule, last run and outcome, and whether it is an alarm.

import { element, emptyState, faultState, find } from "./elements.js";
import { ask, goToSignIn, readSession, signOut } from "./session.js";
import { switchTheme } from "./theme.js";
import { exact, inFull, momentWord, NOTHING } from "./words.js";

const REFRESH_SECONDS = 30;
const TITLES = {
  "venue-days": "场馆开放记录",
  "monitor-snapshots": "监测快照",
  "ledger-expiry": "积分到期",
  "ledger-seal": "账本封存",
  "ledger-audit": "账本审计",
  "expiry-notices": "到期提醒",
  "minimum-to-run": "人数不足取消",
  "notices-clearing": "消息清理",
  "release-holds": "冻结释放",
  bookings: "场馆预约",
  clearing: "记录清理",
  contents: "内容审核",
  devices: "设备记录清理",
  erasures: "注销居民",
  groups: "兴趣小组",
  outbox: "消息投递",
  places: "候补与抽签",
  rankings: "排行榜",
  redemptions: "兑换到期",
  reminders: "活动提醒",
  repairs: "报修时限",
  season: "活动排期",
  uploads: "图片清理",
  visits: "签退",
};
const ALARMS = { missed: "错过了", failed: "失败", stuck: "卡住了" };

async function load() {
  try {
    const { leader, items } = await ask("/jobs");
    find("#leader").replaceChildren(...leaderLine(leader, items));
    find("#list").replaceChildren(items.length ? jobTable(items) : emptyState("没有作业。"));
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    find("#list").replaceChildren(faultState(problem, load));
  }
}

function leaderLine(leader, items) {
  const alarms = items.filter(({ alarm }) => alarm);
  return [
    leader?.is_there
      ? element("span", { class: "tag tag-good" }, `● 调度在运行，第 ${exact(leader.term)} 任，自 ${momentWord(leader.began_at)}`)
      : element("span", { class: "tag tag-bad" }, "■ 没有调度在运行"),
    leader?.seen_at && element("span", {}, `最近一次心跳 ${momentWord(leader.seen_at)}`),
    element("strong", {}, alarms.length ? `${alarms.length} 项需要处理` : leader?.is_there ? "没有需要处理的" : "请检查调度进程"),
  ].filter(Boolean);
}

function jobTable(items) {
  const sorted = [...items.filter(({ alarm }) => alarm), ...items.filter(({ alarm }) => !alarm)];
  const heads = ["作业", "状态", "上次运行", "用时", "上次成功", "下次", "结果"];
  return element(
    "div",
    { class: "table-scroll" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, heads.map((title) => element("th", { scope: "col" }, title)))),
      element("tbody", {}, sorted.map(jobRow)),
    ),
  );
}

function jobRow(job) {
  const open = element("button", { type: "button", class: "link-number", on: { click: () => showRuns(job.job) } }, TITLES[job.job] ?? job.job);
  return element(
    "tr",
    { class: job.alarm ? "is-alarm" : null },
    element("th", { scope: "row" }, open, element("span", { class: "schedule" }, `${scheduleWord(job.schedule)} · ${job.job}`)),
    element("td", {}, stateTag(job)),
    element("td", {}, momentWord(job.started_at), job.attempts > 1 && element("small", {}, `第 ${job.attempts} 次尝试`)),
    element("td", { class: "number" }, inFull(job.seconds, "seconds")),
    element("td", {}, momentWord(job.succeeded_at)),
    element("td", {}, momentWord(job.next_due_at)),
    element("td", { class: "result" }, resultWords(job.result)),
  );
}

function stateTag({ alarm, outcome, started_at: startedAt, finished_at: finishedAt }) {
  if (alarm) return element("span", { class: "tag tag-bad" }, `■ ${ALARMS[alarm] ?? alarm}`);
  if (startedAt && !finishedAt) return element("span", { class: "tag" }, "▶ 运行中");
  if (outcome === "ok") return element("span", { class: "tag tag-good" }, "● 正常");
  if (outcome === "failed") return element("span", { class: "tag tag-bad" }, "■ 失败");
  return element("span", { class: "tag" }, "○ 还没运行过");
}

/** A cron expression in words where it is a plain one. */
export function scheduleWord(schedule) {
  const [minute, hour, ...others] = schedule.split(" ");
  const rest = others.join(" ");
  if (rest !== "* * *") return schedule;
  if (/^\d+$/.test(minute) && /^\d+$/.test(hour)) return `每天 ${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  if (/^\d+$/.test(minute) && hour === "*") return `每小时第 ${minute} 分`;
  const every = /^(?:\*|\d+-59)\/(\d+)$/.exec(minute);
  if (every && hour === "*") return `每 ${every[1]} 分钟`;
  return minute === "*" && hour === "*" ? "每分钟" : schedule;
}

function resultWords(result) {
  if (!result || !Object.keys(result).length) return NOTHING;
  return Object.entries(result).map(([name, value]) => `${name} ${valueWord(value)}`).join("，");
}

function valueWord(value) {
  if (typeof value === "number") return exact(value);
  if (Array.isArray(value)) return value.length ? value.map(valueWord).join("、") : "0";
  return value && typeof value === "object" ? `（${resultWords(value)}）` : String(value);
}

async function showRuns(job) {
  find("#runs").hidden = false;
  find("#runs-title").textContent = `${TITLES[job] ?? job}的历次运行`;
  const body = element("tbody", {});
  const more = element("button", { type: "button", class: "button", hidden: true }, "更多");
  let cursor = null;

  async function next() {
    try {
      const page = await ask("/jobs/runs", { query: { job, cursor, limit: 20 } });
      cursor = page.next_cursor;
      body.append(...page.items.map(runRow));
      more.hidden = !cursor;
      if (!body.children.length) find("#runs-list").replaceChildren(emptyState("还没有运行过。"));
    } catch (problem) {
      find("#runs-list").replaceChildren(faultState(problem, () => showRuns(job)));
    }
  }

  more.addEventListener("click", next);
  const heads = ["时段", "状态", "开始", "结束", "尝试", "结果"];
  find("#runs-list").replaceChildren(
    element(
      "div",
      { class: "table-scroll" },
      element(
        "table",
        {},
        element("thead", {}, element("tr", {}, heads.map((title) => element("th", { scope: "col" }, title)))),
        body,
      ),
    ),
    more,
  );
  await next();
  find("#runs").scrollIntoView({ block: "nearest" });
}

function runRow(run) {
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, run.slot),
    element("td", {}, stateTag(run)),
    element("td", {}, momentWord(run.started_at)),
    element("td", {}, momentWord(run.finished_at)),
    element("td", { class: "number" }, exact(run.attempts)),
    element("td", { class: "result" }, resultWords(run.result)),
  );
}

if (!readSession()) goToSignIn();
else {
  find("#again").addEventListener("click", load);
  find("#theme").addEventListener("click", switchTheme);
  find("#sign-out").addEventListener("click", signOut);
  load();
  setInterval(() => !document.hidden && load(), REFRESH_SECONDS * 1000);
}
