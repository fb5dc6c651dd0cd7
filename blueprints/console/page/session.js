// The way to the API: who is signed in, for as long as this tab is open, and every request.
//
// The pair of tokens lies in sessionStorage: it ends with the tab, and no cookie means that no other site can use it.
// A refresh token is good once, so requests that are told 401 at the same time wait for one refresh. Where a server has
// several towns, `?town=` names which one is signed in to; the session keeps it.

const KEY = "binfen.console.session";
const API = "/api/v1";
const SIGN_IN_PAGE = "/console/sign-in";

/** What the API refused, or why it couldn't be reached. `detail` is a sentence for people. */
export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
    this.detail = detail;
  }
}

let refreshing = null;

export function readSession() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

function keepSession(answer, { username, town }) {
  const session = { access: answer.access_token, refresh: answer.refresh_token, username, town };
  sessionStorage.setItem(KEY, JSON.stringify(session));
}

/** Leave for the form to sign in, and come back to this page after it. */
export function goToSignIn(reason) {
  const town = readSession()?.town;
  sessionStorage.removeItem(KEY);
  const query = new URLSearchParams({ next: location.pathname + location.search });
  if (town) query.set("town", town);
  if (reason) query.set("reason", reason);
  location.replace(`${SIGN_IN_PAGE}?${query}`);
}

/** Sign in, to the server's first town unless another is named by its code; raises Problem. */
export async function signIn(username, password, town) {
  const answer = await send("/auth/staff", { method: "POST", query: { town }, body: { username, password } });
  keepSession(await answer.json(), { username, town });
}

/** Sign out everywhere, and leave for the form. */
export async function signOut() {
  try {
    await ask("/auth/sign-out", { method: "POST" });
  } catch {
    // Whatever became of it, this tab forgets its tokens.
  }
  goToSignIn("signed_out");
}

/** The JSON that a path answers. Raises Problem. */
export async function ask(path, options = {}) {
  const answer = await asSignedIn(path, options);
  return answer.status === 204 ? null : answer.json();
}

/** Save the file that a path answers under its name. Raises Problem. */
export async function save(path, query, fallbackName) {
  const answer = await asSignedIn(path, { query });
  const address = URL.createObjectURL(await answer.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = nameOf(answer.headers.get("Content-Disposition")) ?? fallbackName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function nameOf(disposition) {
  const inFull = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? "");
  if (inFull) return decodeURIComponent(inFull[1]);
  return /filename="([^"]+)"/i.exec(disposition ?? "")?.[1];
}

async function asSignedIn(path, options) {
  const session = readSession();
  if (!session) {
    goToSignIn();
    return new Promise(() => {}); // the page is being left
  }
  try {
    return await send(path, { ...options, token: session.access });
  } catch (problem) {
    if (problem.status !== 401) throw problem;
  }
  await refresh(session);
  try {
    return await send(path, { ...options, token: readSession().access });
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    goToSignIn("expired");
    return new Promise(() => {});
  }
}

async function refresh(used) {
  if (readSession()?.access !== used.access) return; // another request has done it meanwhile
  refreshing ??= exchange(used).finally(() => {
    refreshing = null;
  });
  await refreshing;
}

async function exchange(used) {
  try {
    const wish = { method: "POST", query: { town: used.town }, body: { refresh_token: used.refresh } };
    keepSession(await (await send("/auth/refresh", wish)).json(), used);
  } catch (problem) {
    if (problem.status === 0 || problem.status >= 500) throw problem; // it may still be good
    goToSignIn("expired");
    await new Promise(() => {});
  }
}

async function send(path, { method = "GET", query, body, token } = {}) {
  const headers = { "Accept-Language": "zh-Hans" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of [value].flat()) if (one !== null && one !== undefined && one !== "") asked.append(name, one);
  }
  const address = `${API}${path}${asked.size ? `?${asked}` : ""}`;
  let answer;
  try {
    answer = await fetch(address, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
  } catch {
    throw new Problem(0, "network", "连接不上服务器，正在重试。");
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, told.code ?? "unknown", told.detail ?? `服务器回答了 ${answer.status}。`);
}
