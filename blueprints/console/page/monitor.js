// The page of the operations monitoring: what is asked of the API, when it is asked again, and which panel shows what.
//
// The overview is asked first; everything else is asked as of the moment that it answered, so that all panels speak of one
// moment. What was wished (place, period, moment) stands in the page's address: a link or a wall screen keeps it.

import { forgetCharts } from "./charts.js";
import { openDrill } from "./drill.js";
import { element, faultState, find, tell } from "./elements.js";
import { PANELS } from "./panels.js";
import { watchRelease } from "./release.js";
import { ask, goToSignIn, readSession, save, signOut } from "./session.js";
import { isWall, switchTheme } from "./theme.js";
import { startWall } from "./wall.js";
import { lastMonth, momentOf, momentWord, PLACE_KINDS, spanWord } from "./words.js";

const REFRESH_SECONDS = 60;
const STALE_SECONDS = 180;
const PLACES_MAX = 1000;
const NAMES = ["territory_id", "operator_id", "period", "first_day", "last_day", "as_of"];

// `details`: what the keys of tables mean that stand in the details of rows: rooms, rules, issuers and months.
const house = { measures: new Map(), operators: new Map(), details: new Map(), overview: null, places: null };
const shown = new Map();
let wish = readWish();
let lastGood = null;
let turn = 0;

function readWish() {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? (name === "period" ? "month" : "")]));
}

function keepWish() {
  const query = new URLSearchParams(location.search);
  for (const name of NAMES) {
    if (wish[name] && !(name === "period" && wish[name] === "month")) query.set(name, wish[name]);
    else query.delete(name);
  }
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
}

/** The query that every request has. Pinned to the moment of the overview once that is known. */
function query(pinned = true) {
  const { territory_id, operator_id, period, first_day, last_day } = wish;
  const days = period === "custom" ? { first_day, last_day } : {};
  return { territory_id, operator_id, period, ...days, as_of: (pinned && house.overview?.as_of) || momentOf(wish.as_of) };
}

const context = {
  house,
  query,
  isWall: isWall(),
  open: (drill) => openDrill(context, drill),
  goTo: (territoryId) => change({ territory_id: territoryId }),
};

async function load() {
  const mine = ++turn;
  document.body.classList.add("is-loading");
  try {
    await loadPlaces();
    const [overview, measures] = await Promise.all([
      ask("/monitor/overview", { query: query(false) }),
      house.measures.size ? null : ask("/monitor/measures"),
    ]);
    if (mine !== turn) return;
    if (measures) house.measures = new Map(measures.items.map((measure) => [measure.name, measure]));
    house.overview = overview;
    fillHeader(overview);
    showPanels("overview", overview);
    const others = [...new Set(PANELS.map((panel) => panel.source))].filter((source) => source !== "overview");
    const outcomes = await Promise.all(others.map((source) => loadSource(source, mine)));
    if (mine !== turn) return;
    if (outcomes.every(Boolean)) lastGood = Date.now();
  } catch (problem) {
    if (mine === turn) failWhole(problem);
  } finally {
    if (mine === turn) {
      document.body.classList.remove("is-loading");
      tellFreshness();
    }
  }
}

async function loadSource(source, mine) {
  try {
    const answer = await ask(`/monitor/${source}`, { query: query() });
    if (mine !== turn) return true;
    if (source === "operators" && !wish.operator_id) fillOperators(answer.rows.map(({ key, title }) => ({ id: key, name: title })));
    for (const table of [source === "venues" && answer.table, answer.rules, answer.liability].filter(Boolean)) {
      for (const { key, title } of table.rows) house.details.set(key, title);
    }
    showPanels(source, answer);
    return true;
  } catch (problem) {
    if (mine === turn) failPanels(source, problem);
    return isNotForThem(problem);
  }
}

function showPanels(source, answer) {
  for (const panel of PANELS.filter((one) => one.source === source)) {
    const place = shown.get(panel.id);
    place.section.hidden = false;
    place.section.classList.remove("is-stale");
    const scrolled = [...place.body.querySelectorAll(".table-scroll")].map((one) => one.scrollTop);
    const openTables = [...place.body.querySelectorAll("details")].map((one) => one.open);
    const focused = focusables(place.body).indexOf(document.activeElement);
    forgetCharts(place.body);
    try {
      const found = panel.show(answer, context);
      place.section.hidden = found === null;
      place.body.replaceChildren(...[found ?? []].flat());
    } catch (fault) {
      console.error(fault);
      place.body.replaceChildren(faultState({ detail: "这一块的数据看不懂，请联系技术人员。" }));
    }
    place.isFilled = true;
    focusables(place.body)[focused]?.focus({ preventScroll: true });
    for (const [number, one] of place.body.querySelectorAll("details").entries()) one.open ||= openTables[number] ?? false;
    for (const [number, one] of place.body.querySelectorAll(".table-scroll").entries()) one.scrollTop = scrolled[number] ?? 0;
  }
}

function focusables(within) {
  return [...within.querySelectorAll("button, summary, [tabindex]")];
}

/** What somebody may not see, or what isn't told of the place or the operator that was chosen. */
function isNotForThem({ status }) {
  return status === 403 || status === 404 || status === 422;
}

/** What was shown stays, marked as old; where nothing was shown yet, the reason stands. */
function failPanels(source, problem) {
  for (const panel of PANELS.filter((one) => one.source === source)) {
    const place = shown.get(panel.id);
    if (source !== "overview" && isNotForThem(problem)) place.section.hidden = true;
    else if (place.isFilled && (problem.status === 0 || problem.status >= 500)) place.section.classList.add("is-stale");
    else {
      place.body.replaceChildren(faultState(problem, load));
      place.isFilled = false;
    }
  }
}

/** Without the overview there is nothing; the reason stands once, in its place. */
function failWhole(problem) {
  if (problem.status === undefined) throw problem;
  failPanels("overview", problem);
  if (!shown.get("overview").isFilled) {
    for (const [id, { section }] of shown) section.hidden = id !== "overview";
  }
  find("#freshness").textContent = problem.detail;
}

function fillHeader(overview) {
  find("#place-name").textContent = overview.place.name;
  document.title = `${overview.place.name} · 运营监测`;
  const { period, previous } = overview;
  const running = period.is_running ? "（至今）" : "";
  find("#span").textContent =
    `${spanWord(period.first_day, period.last_day)}${running}，对比 ${spanWord(previous.first_day, previous.last_day)}`;
}

/** The places whose numbers the person sees, asked once. Who doesn't see the whole town starts with the first of theirs. */
async function loadPlaces() {
  if (house.places) return;
  const places = [];
  let cursor = null;
  do {
    const page = await ask("/monitor/places", { query: { cursor, limit: 100 } });
    places.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && places.length < PLACES_MAX);
  house.places = places;
  const groups = Map.groupBy(places.filter(({ id }) => id), ({ kind }) => kind);
  find("#places").replaceChildren(
    ...places.filter(({ id }) => !id).map(({ name }) => element("option", { value: "" }, name)),
    ...Object.keys(PLACE_KINDS).filter((kind) => groups.has(kind)).map((kind) =>
      element(
        "optgroup",
        { label: PLACE_KINDS[kind] },
        groups.get(kind).map(({ id, name }) => element("option", { value: id }, name)),
      ),
    ),
  );
  if (places.every(({ id }) => id)) {
    if (places.length) wish.territory_id ||= places[0].id;
    else await loadOwnOperators();
  }
  fillChoices();
}

/** Who sees no place sees the operators that they act for, one at a time. */
async function loadOwnOperators() {
  const { items } = await ask("/monitor/own-operators");
  if (items.length) {
    wish.operator_id ||= items[0].id;
    fillOperators(items, false);
  }
}

/** Which operators' numbers can be asked for alone, and whether those of all can be. */
function fillOperators(operators, hasAll = true) {
  for (const { id, name } of operators) house.operators.set(id, name);
  find("#operators-choice").replaceChildren(
    ...(hasAll ? [element("option", { value: "" }, "全部")] : []),
    ...[...house.operators].map(([id, name]) => element("option", { value: id }, name)),
  );
  fillChoices();
}

function tellFreshness() {
  const asOf = house.overview?.as_of;
  if (!asOf) return;
  const isOld = lastGood === null || Date.now() - lastGood > STALE_SECONDS * 1000;
  document.body.classList.toggle("is-old", isOld && !document.body.classList.contains("is-loading"));
  const words = wish.as_of ? `按 ${momentWord(asOf)} 所知的数据（不再变化）` : `数据截至 ${momentWord(asOf)}`;
  find("#freshness").textContent = isOld && lastGood !== null ? `${words}，之后没有取到新数据` : words;
}

function change(more) {
  wish = { ...wish, ...more };
  house.overview = null;
  keepWish();
  fillForm();
  load();
}

function fillForm() {
  const form = find("#wish");
  fillChoices();
  form.elements.period.value = wish.period;
  for (const name of ["first_day", "last_day", "as_of"]) form.elements[name].value = wish[name];
  find("#custom-days").hidden = wish.period !== "custom";
  const wall = new URLSearchParams(location.search);
  wall.set("wall", "1");
  find("#wall").href = `?${wall}`;
}

/** Place and operator alone: the rest of the form may be in the middle of being filled in. */
function fillChoices() {
  choose(find("#places"), wish.territory_id, "所选地点");
  choose(find("#operators-choice"), wish.operator_id, "所选运营方");
  find("#place-field").hidden = house.places?.length === 0;
  find("#operator-field").hidden = !wish.operator_id && house.operators.size === 0;
}

function choose(select, value, word) {
  if (value && ![...select.options].some((option) => option.value === value)) select.append(element("option", { value }, word));
  select.value = value;
}

function listen() {
  const form = find("#wish");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    const asked = Object.fromEntries(new FormData(form));
    if (asked.period === "custom" && !(asked.first_day && asked.last_day)) {
      find("#custom-days").hidden = false;
      return;
    }
    change(asked);
  });
  find("#again").addEventListener("click", load);
  find("#theme").addEventListener("click", switchTheme);
  find("#sign-out").addEventListener("click", signOut);
  find("#report").addEventListener("click", () => {
    if (!house.overview) return;
    const { as_of: asOf, period } = house.overview;
    const month = period.kind === "month" && !period.is_running ? period.first_day.slice(0, 7) : lastMonth(asOf);
    save(`/monitor/reports/${month}.pdf`, { territory_id: wish.territory_id }, `运营月报-${month}.pdf`).catch((problem) => tell(problem.detail));
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Date.now() - (lastGood ?? 0) > REFRESH_SECONDS * 1000) load();
  });
}

function layOut() {
  find("#board").replaceChildren(
    ...PANELS.map((panel) => {
      const body = element("div", { class: "panel-body" }, element("div", { class: "waiting", "aria-hidden": "true" }));
      const section = element(
        "section",
        { class: `panel panel-${panel.id}`, id: panel.id, "aria-labelledby": `${panel.id}-title`, data: { slide: panel.slide ?? "" } },
        element(
          "header",
          { class: "panel-head" },
          element("h2", { id: `${panel.id}-title` }, panel.title),
          panel.note && element("p", { class: "note" }, panel.note),
          panel.deeds?.(context),
        ),
        body,
      );
      shown.set(panel.id, { section, body, isFilled: false });
      return section;
    }),
  );
}

if (!readSession()) goToSignIn();
else {
  layOut();
  fillForm();
  listen();
  if (isWall()) startWall(PANELS);
  load();
  setInterval(() => {
    if (!document.hidden && !wish.as_of) load();
  }, REFRESH_SECONDS * 1000);
  setInterval(tellFreshness, 10_000);
  watchRelease();
}
