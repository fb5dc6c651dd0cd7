// The form to sign in, and the way back to the page that was wished for.

import { find } from "./elements.js";
import { signIn } from "./session.js";
import "./theme.js";

const REASONS = { expired: "登录已过期，请重新登录。", signed_out: "已经退出。" };
const asked = new URLSearchParams(location.search);

/** Only pages of the console are gone to; whatever else stands in the address is not followed. */
function nextPage() {
  const next = new URL(asked.get("next") ?? "", location.origin);
  const isOurs = next.origin === location.origin && /^\/console\/(monitor|jobs)$/.test(next.pathname);
  return isOurs ? next.pathname + next.search : "/console/monitor";
}

function townCode() {
  return asked.get("town") ?? new URL(asked.get("next") ?? "", location.origin).searchParams.get("town");
}

const reason = REASONS[asked.get("reason")];
if (reason) {
  find("#reason").textContent = reason;
  find("#reason").hidden = false;
}

find("#form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { username, password } = Object.fromEntries(new FormData(event.target));
  const [fault, enter] = [find("#fault"), find("#enter")];
  fault.hidden = true;
  enter.disabled = true;
  try {
    await signIn(username.trim(), password, townCode());
    location.replace(nextPage());
  } catch (problem) {
    fault.textContent = problem.detail ?? "没有登录成功。";
    fault.hidden = false;
    find("[name=password]").select();
    enter.disabled = false;
  }
});
