// What both pages share: texts, elements, requests. Everything shown goes through textContent, never through markup.

export const page = JSON.parse(document.getElementById("page").textContent);
export const API = "/api/v1";

export function t(key, values = {}) {
  return page.texts[key].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export function byId(id) {
  return document.getElementById(id);
}

// element("button", {class: "main", onclick: f}, "text", child)
export function element(name, given = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "value") made.value = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export class ApiProblem extends Error {
  constructor(status, detail, code) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

// A request to the API; its answer, or an ApiProblem with a sentence for people.
export async function ask(method, path, content) {
  const options = { method, headers: { "Accept-Language": page.language } };
  if (content !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(content);
  }
  let answer;
  try {
    answer = await fetch(API + path, options);
  } catch {
    throw new ApiProblem(0, t("offline"), "offline");
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const told = await answer.json().catch(() => ({}));
  throw new ApiProblem(answer.status, told.detail || answer.statusText, told.code);
}

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
