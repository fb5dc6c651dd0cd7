// Elements of a page, made without markup in strings: the policy of the pages forbids inline styles and scripts, and a name
// from the data can never become markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with properties and children.
 *
 * `class`, `text`, `style` (an object), `on` (listeners), `data` (an object); all others are attributes, and those that are
 * null, undefined or false are left out.
 */
export function element(tag, properties = {}, ...children) {
  return furnish(document.createElement(tag), properties, children);
}

/** The same for a picture's parts. */
export function drawing(tag, properties = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), properties, children);
}

function furnish(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.setAttribute("class", value);
    else if (name === "text") node.textContent = value;
    else if (name === "style") for (const [key, one] of Object.entries(value)) node.style.setProperty(key, one);
    else if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function find(selector, within = document) {
  return within.querySelector(selector);
}

/** A line for nothing: why there is nothing here. */
export function emptyState(sentence) {
  return element("p", { class: "empty" }, element("span", { class: "empty-mark", "aria-hidden": "true" }, "∅"), sentence);
}

/** A refusal or a fault, with the way to try again. */
export function faultState(problem, again) {
  const sentence = problem.detail ?? "这里出错了。";
  return element(
    "div",
    { class: "fault", role: "alert" },
    element("strong", {}, problem.status === 403 ? "没有权限" : "没有取到数据"),
    element("p", {}, sentence),
    again && element("button", { type: "button", class: "button", on: { click: again } }, "重试"),
  );
}

/** A short message at the foot of the page, gone after some seconds. */
export function tell(sentence) {
  const line = element("div", { class: "toast", role: "status" }, sentence);
  document.body.append(line);
  setTimeout(() => line.remove(), 6000);
}
