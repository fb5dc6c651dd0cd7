// Numbers, days and moments in the words of the people who read them. All of China keeps one time.

const ZONE = "Asia/Shanghai";
const UNITS = {
  people: "人",
  sessions: "场",
  places: "人次",
  points: "分",
  minutes: "分钟",
  seconds: "秒",
  hours: "小时",
  items: "", // of what, the title says
  share: "",
  mean: "",
  flag: "",
  per_thousand: "", // the column's title says it
};
export const WEEKDAYS = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
export const SCENES = {
  neighbourhood: "邻里",
  education: "教育",
  health: "健康",
  enterprise: "创业",
  architecture: "建筑",
  transport: "交通",
  low_carbon: "低碳",
  services: "服务",
  governance: "治理",
};
/** What the rows of a measure are. */
export const SUBJECTS = {
  account: "账户",
  appeal: "申诉",
  booking: "场地预约",
  closure: "场地停用",
  complaint: "投诉",
  content: "内容",
  donation: "捐赠",
  lot: "积分批次",
  notice: "消息",
  outbox: "待发消息",
  queue_item: "审核件",
  redemption: "兑换",
  repair: "报修",
  repair_event: "报修进展",
  reservation: "预约",
  resident: "居民",
  reward: "奖品",
  service_record: "服务记录",
  session: "场次",
  sign_in_device: "登录设备",
  staff: "工作人员",
  transaction: "记账",
  txn: "记账",
  venue: "场地",
};
export const PLACE_KINDS = { city: "城市", street: "街道", community: "社区", estate: "小区" };
export const LIGHTS = {
  green: { symbol: "●", word: "达标" },
  amber: { symbol: "▲", word: "临近" },
  red: { symbol: "■", word: "未达" },
};
export const NOTHING = "—";

const whole = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("zh-CN", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const twoDigits = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 2 });

/** A number without its unit, exact. */
export function exact(value, unit) {
  if (value === null || value === undefined) return NOTHING;
  if (unit === "share") return `${oneDigit.format(value * 100)}%`;
  if (Number.isInteger(value)) return whole.format(value);
  return twoDigits.format(value);
}

/** A number for a large figure: [digits, unit]. From a hundred thousand on in 万, from a hundred million on in 亿. */
export function large(value, unit) {
  if (value === null || value === undefined) return [NOTHING, ""];
  if (unit === "share") return [exact(value, unit), ""];
  if (unit === "seconds") return duration(value);
  const size = Math.abs(value);
  if (size >= 1e8) return [twoDigits.format(value / 1e8), `亿${unitWord(unit)}`];
  if (size >= 1e5) return [oneDigit.format(value / 1e4), `万${unitWord(unit)}`];
  return [exact(value, unit), unitWord(unit)];
}

export function unitWord(unit) {
  return UNITS[unit] ?? unit ?? "";
}

/** A number with its unit, in one line. */
export function inFull(value, unit) {
  if (value === null || value === undefined) return NOTHING;
  if (unit === "share") return exact(value, unit);
  if (unit === "seconds") return duration(value).join(" ");
  const word = unitWord(unit);
  return word ? `${exact(value, unit)} ${word}` : exact(value, unit);
}

/** A time in seconds as [digits, unit], in the largest unit that fits. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return [NOTHING, ""];
  if (seconds >= 172800) return [oneDigit.format(seconds / 86400), "天"];
  if (seconds >= 7200) return [oneDigit.format(seconds / 3600), "小时"];
  if (seconds >= 120) return [oneDigit.format(seconds / 60), "分钟"];
  return [seconds < 10 ? twoDigits.format(seconds) : whole.format(seconds), "秒"];
}

// A movement smaller than that is neither good nor bad: half a percentage point, a hundredth of the number.
const SHARE_SHOWN = 0.0005; // less than that would be shown as no movement at all
const SHARE_MIN = 0.005;
const PART_MIN = 0.01;

/**
 * How a number moved against the period before: {direction: -1|0|1, verdict: "good"|"bad"|"even", text, word}; null where
 * there is nothing to compare. `better`: which way is wished for.
 */
export function movement(value, previous, unit, better) {
  if (value === null || previous === null || value === undefined || previous === undefined) return null;
  const difference = value - previous;
  const direction = unit === "share" && Math.abs(difference) < SHARE_SHOWN ? 0 : Math.sign(difference);
  let size;
  if (unit === "share") size = `${oneDigit.format(Math.abs(difference) * 100)} 百分点`;
  else if (previous === 0) size = exact(Math.abs(difference), unit);
  else if (value / previous >= 10) size = `${whole.format(value / previous)} 倍`;
  else size = `${oneDigit.format(Math.abs(difference / previous) * 100)}%`;
  const wished = { more: 1, less: -1 }[better] ?? 0;
  const isSmall = unit === "share" ? Math.abs(difference) < SHARE_MIN : Math.abs(difference) < Math.abs(previous) * PART_MIN;
  let verdict = "even";
  if (wished && direction && !isSmall) verdict = wished === direction ? "good" : "bad";
  return {
    direction,
    verdict,
    symbol: ["▼", "＝", "▲"][direction + 1],
    text: direction ? size : "持平",
    word: { good: "向好", bad: "转差", even: "" }[verdict],
  };
}

/** The last month that is over, as of a moment: "2026-02". */
export function lastMonth(moment) {
  const [year, month] = localDay(new Date(moment)).split("-").map(Number);
  return month === 1 ? `${year - 1}-12` : `${year}-${String(month - 1).padStart(2, "0")}`;
}

export function localDay(date = new Date()) {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: ZONE, dateStyle: "short" }).format(date);
}

/** "3月5日" of "2026-03-05". */
export function dayWord(day) {
  const [, month, date] = day.split("-").map(Number);
  return `${month}月${date}日`;
}

export function shortDay(day) {
  const [, month, date] = day.split("-").map(Number);
  return `${month}/${date}`;
}

/** Two days as one span, the year once. */
export function spanWord(first, last) {
  if (first === last) return `${first.slice(0, 4)}年${dayWord(first)}`;
  return `${first.slice(0, 4)}年${dayWord(first)}—${dayWord(last)}`;
}

export function momentWord(moment) {
  if (!moment) return NOTHING;
  return new Intl.DateTimeFormat("zh-CN", {
    timeZone: ZONE,
    month: "numeric",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).format(new Date(moment));
}

export function clockWord(date = new Date()) {
  return new Intl.DateTimeFormat("zh-CN", {
    timeZone: ZONE,
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).format(date);
}

export function todayWord(date = new Date()) {
  return new Intl.DateTimeFormat("zh-CN", {
    timeZone: ZONE,
    month: "long",
    day: "numeric",
    weekday: "long",
  }).format(date);
}

/** The moment that a person typed as the community's time ("2026-03-05T08:00"), for the API. */
export function momentOf(typed) {
  return typed ? `${typed}${typed.length === 16 ? ":00" : ""}+08:00` : null;
}
