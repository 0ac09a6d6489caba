// The page of one inspection: how far it is, what was found, and a person's corrections.

import { API, ApiProblem, ask, byId, element, page, pause, t } from "./common.js";
import { cardOf, editor, options } from "./cards.js";
import { Stage } from "./stage.js";

const PATH = `/jobs/${page.job}`;
const POLL = 600; // milliseconds
const state = { result: null, status: null, picture: 0, selected: null, editing: null, mode: null };
const images = new Map(); // by number of the picture: address of what was fetched once
let quiet = null;

// Waiting -------------------------------------------------------------------------------------------------------------
async function follow() {
  for (;;) {
    try {
      state.status = await ask("GET", PATH);
    } catch (problem) {
      if (!(problem instanceof ApiProblem) || problem.status) return ended(t("gone"), problem.message);
      byId("told").textContent = problem.message;
      await pause(5 * POLL);
      continue;
    }
    if (state.status.state === "done") return open();
    if (state.status.state === "failed") return ended(t("failed"), state.status.problem.detail, state.status.left_out);
    progress(state.status);
    await pause(POLL);
  }
}

function progress({ state: at, position, done, total }) {
  const bar = byId("bar");
  byId("cancel").hidden = false;
  byId("wait-title").textContent = t("name");
  if (at === "waiting") byId("told").textContent = t("waiting", { position });
  else if (!total) byId("told").textContent = t("starting");
  else byId("told").textContent = done >= total ? t("writing") : t("working", { done, total });
  if (at === "working" && total) {
    bar.max = total;
    bar.value = done;
  } else bar.removeAttribute("value");
}

function ended(title, detail, left = []) {
  byId("done").hidden = true;
  byId("wait").hidden = false;
  byId("wait-title").textContent = title;
  byId("told").textContent = detail;
  byId("bar").hidden = byId("cancel").hidden = true;
  byId("again").hidden = false;
  byId("wait-more").replaceChildren(leftOut(left.map((one) => `${one.name}: ${one.reason}`)) || "");
}

async function open() {
  try {
    state.result = await ask("GET", `${PATH}/result`);
  } catch (problem) {
    return ended(t("failed"), problem.message);
  }
  const first = state.result.damages[0]?.findings[0];
  state.picture = first ? first.picture : 0;
  byId("wait").hidden = true;
  byId("done").hidden = false;
  render();
}

// Small things --------------------------------------------------------------------------------------------------------
function say(text, bad = false) {
  const said = byId("said");
  said.textContent = text;
  said.classList.toggle("bad", bad);
  clearTimeout(quiet);
  quiet = setTimeout(() => (said.textContent = ""), bad ? 9000 : 4000);
}

function sure(text) {
  const dialog = byId("ask");
  byId("ask-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) =>
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }),
  );
}

function leftOut(lines) {
  if (!lines.length) return null;
  const items = lines.map((line) => element("li", {}, line));
  return element("section", { class: "panel" }, element("h2", {}, t("left_out")), element("ul", { class: "lines" }, ...items));
}

async function change(method, path, content, said = t("saved")) {
  try {
    state.result = await ask(method, PATH + path, content);
    state.mode = state.editing = null;
    stage.drawing(false);
    if (!state.result.damages.some((one) => one.id === state.selected)) state.selected = null;
    say(said);
  } catch (problem) {
    say(problem.message, true);
  }
  render();
}

async function source(number) {
  if (!images.has(number)) {
    const answer = await fetch(`${API}${PATH}/pictures/${number}`);
    if (!answer.ok) return "";
    images.set(number, URL.createObjectURL(await answer.blob()));
  }
  return images.get(number);
}

// What can be done ----------------------------------------------------------------------------------------------------
const stage = new Stage(
  (damage) => select(damage),
  (box) => {
    if (!box) return say(t("draw_small"), true);
    fill(box);
    byId("drawing").scrollIntoView({ block: "nearest", behavior: "smooth" });
  },
);

function select(damage) {
  state.selected = damage;
  const findings = state.result.damages.find((one) => one.id === damage).findings;
  if (findings.length && !findings.some((one) => one.picture === state.picture)) state.picture = findings[0].picture;
  render();
  document.querySelector(`.card[data-damage="${damage}"]`)?.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

function goTo(number) {
  if (number < 0 || number >= state.result.pictures.length) return;
  state.picture = number;
  leave();
}

function leave() {
  state.mode = null;
  stage.drawing(false);
  render();
}

function draw(mode) {
  state.mode = mode;
  state.editing = null;
  render();
  stage.drawing(true);
  byId("drawing").focus({ preventScroll: true });
  stage.node.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

function fill(box) {
  for (const [i, name] of ["left", "top", "right", "bottom"].entries()) byId(`edge-${name}`).value = box[i];
}

function typed() {
  return ["left", "top", "right", "bottom"].map((name) => Number(byId(`edge-${name}`).value));
}

const actions = {
  select,
  edit: (damage) => {
    state.editing = state.editing === damage ? null : damage;
    state.selected = damage;
    render();
    document.querySelector(`.card[data-damage="${damage}"] select`)?.focus();
  },
  confirm: (damage) => change("PATCH", `/damages/${damage}`, {}),
  save: (damage, content) => change("PATCH", `/damages/${damage}`, content),
  remove: async (damage) => (await sure(t("remove_sure", { damage }))) && change("DELETE", `/damages/${damage}`),
  drop: (damage, key) => change("DELETE", `/damages/${damage}/findings/${key}`),
  move: (damage, finding) => {
    draw({ damage, key: finding.key });
    stage.setDraft(finding.box_xyxy_px);
    fill(finding.box_xyxy_px);
  },
};

async function saveLabels() {
  try {
    say(t("labels_saved", await ask("POST", `${PATH}/labels`)));
  } catch (problem) {
    say(problem.message, true);
  }
}

async function remove() {
  if (!(await sure(t("delete_sure")))) return;
  try {
    await ask("DELETE", PATH);
  } catch (problem) {
    return say(problem.message, true);
  }
  ended(t("deleted"), "");
}

// What is shown -------------------------------------------------------------------------------------------------------
function top() {
  const file = (name, download) => `${API}${PATH}/files/${name}?lang=${page.language}${download ? "&download=true" : ""}`;
  const names = [...(page.service.pdf ? ["report.pdf"] : []), "report.json", "findings.csv", "report.zip"];
  const links = names.map((name) =>
    element("a", { class: "button small", href: file(name, true), download: name, "aria-label": `${t("download")}: ${name}` }, name.split(".")[1].toUpperCase()),
  );
  return element(
    "div",
    { class: "top" },
    element("h1", {}, t("result")),
    element(
      "div",
      { class: "row" },
      element("a", { class: "button main", id: "report", href: file("report.html"), target: "_blank", rel: "noopener" }, t("report")),
      ...links,
    ),
  );
}

function facts() {
  const { damages, worst_label: worst, pictures, parts_count: parts, sides_missing_labels: missing } = state.result;
  const fact = (name, value, kind) => element("div", { class: kind ? "wide" : null }, element("dt", {}, name), element("dd", { class: kind }, value));
  return element(
    "dl",
    { class: "facts" },
    fact(t("damages"), String(damages.length)),
    worst && fact(t("worst"), worst),
    fact(t("pictures"), String(pictures.length)),
    fact(t("parts"), String(parts)),
    missing.length > 0 && fact(t("sides_missing"), missing.join(", "), "text"),
  );
}

function viewer() {
  const { pictures, damages } = state.result;
  const shown = pictures[state.picture];
  if (!shown) return element("section", { class: "panel" }, t("no_damage"));
  const name = shown.time_s === null ? shown.name : t("at_second", { name: shown.name, seconds: shown.time_s });
  const boxes = damages.flatMap((one) =>
    one.findings
      .filter((found) => found.picture === state.picture && found.key !== state.mode?.key)
      .map((found) => ({
        damage: one.id,
        box: found.box_xyxy_px,
        label: `${one.id} ${one.part_label}, ${one.kind_label}`,
        severity: one.severity,
        on: one.id === state.selected,
      })),
  );
  stage.show(shown, images.get(state.picture) || "", name, boxes);
  const asked = state.picture;
  source(asked).then((address) => address && asked === state.picture && stage.show(shown, address, name, boxes));
  const number = (step, label, sign) =>
    element(
      "button",
      { type: "button", class: "small", "aria-label": t(label), disabled: !pictures[state.picture + step], onclick: () => goTo(state.picture + step) },
      sign,
    );
  return element(
    "section",
    { class: "panel viewer", "aria-label": t("pictures") },
    element(
      "div",
      { class: "head" },
      element("p", {}, element("strong", {}, name), " ", element("span", { class: "soft" }, t("picture_of", { number: state.picture + 1, total: pictures.length }))),
      element("div", { class: "row" }, number(-1, "previous", "\u2039"), number(1, "next", "\u203a"), element("button", { type: "button", class: "small", id: "draw", onclick: () => draw({}) }, t("draw"))),
    ),
    stage.node,
    ...shown.advice.map((line) => element("p", { class: "soft" }, element("small", {}, line))),
    tick(shown),
    pictures.length > 1 && strip(),
  );
}

function tick(shown) {
  const input = element("input", {
    type: "checkbox",
    id: "checked",
    onchange: (event) => change("PUT", `/pictures/${shown.number}/checked`, { checked: event.target.checked }),
  });
  input.checked = shown.checked;
  return element("label", { class: "tick" }, input, element("span", {}, t("checked")));
}

function strip() {
  const { pictures, damages } = state.result;
  const buttons = pictures.map((one) => {
    const count = damages.filter((damage) => damage.findings.some((found) => found.picture === one.number)).length;
    const image = element("img", { alt: "" });
    source(one.number).then((address) => address && (image.src = address));
    return element(
      "button",
      {
        type: "button",
        "aria-current": one.number === state.picture ? "true" : null,
        "aria-label": `${t("picture_of", { number: one.number + 1, total: pictures.length })}: ${one.name}`,
        onclick: () => goTo(one.number),
      },
      image,
      (count > 0 || one.checked) && element("span", { class: "count" }, `${one.checked ? "\u2713 " : ""}${count || ""}`),
    );
  });
  return element("div", { class: "strip" }, ...buttons);
}

// The form for a box that is drawn or typed: a new damage, another picture of one, or another box.
function drawing() {
  const moved = state.mode.damage;
  const shown = state.result.pictures[state.picture];
  const edge = (name, most) =>
    element(
      "label",
      {},
      t(name),
      element("input", { type: "number", id: `edge-${name}`, min: 0, max: most, step: "any", required: true, oninput: () => stage.setDraft(typed()) }),
    );
  const same = element("select", { name: "same" }, ...options([["", t("new_damage")], ...state.result.damages.map((one) => [one.id, `${one.id} ${one.part_label}: ${one.kind_label}`])]));
  const fields = editor(null);
  const send = (event) => {
    event.preventDefault();
    const box = { box_xyxy_px: typed() };
    if (moved) return change("PATCH", `/damages/${moved}/findings/${state.mode.key}`, box);
    const known = same.value ? { damage: same.value } : fields.read();
    return change("POST", "/damages", { picture: shown.number, ...box, ...known });
  };
  same.addEventListener("change", () => {
    fields.node.hidden = Boolean(same.value);
    for (const field of fields.node.querySelectorAll("select")) field.disabled = Boolean(same.value);
  });
  return element(
    "form",
    { class: "panel card", id: "drawing", tabindex: "-1", onsubmit: send, "aria-label": t(moved ? "move_box" : "draw") },
    element("h2", {}, moved ? `${t("move_box")}: ${moved}` : t("draw")),
    element("p", { class: "soft" }, t(moved ? "move_hint" : "draw_hint")),
    element(
      "fieldset",
      {},
      element("legend", {}, t("edges")),
      element("div", { class: "edges" }, edge("left", shown.width_px), edge("top", shown.height_px), edge("right", shown.width_px), edge("bottom", shown.height_px)),
    ),
    !moved && state.result.damages.length > 0 && element("div", { class: "fields" }, element("label", {}, t("same_as"), same)),
    !moved && fields.node,
    element("div", { class: "row" }, element("button", { class: "main small" }, t("save")), element("button", { type: "button", class: "small", onclick: leave }, t("close"))),
  );
}

function list() {
  const { damages } = state.result;
  const here = (one) => one.findings.some((found) => found.picture === state.picture);
  const sorted = [...damages.filter(here), ...damages.filter((one) => !here(one))];
  return element(
    "section",
    { class: "list", "aria-label": t("damages") },
    state.mode && drawing(),
    ...sorted.map((one) => cardOf(one, state, here(one), actions)),
    !damages.length && element("p", { class: "panel" }, t("no_damage")),
    element("p", { class: "soft" }, element("small", {}, t("help"))),
  );
}

function labels() {
  if (!page.service.labels) return null;
  const checked = state.result.pictures.filter((one) => one.checked).length;
  return element(
    "section",
    { class: "panel" },
    element("h2", {}, t("labels_title")),
    element("p", { class: "soft" }, t("checked_hint")),
    element(
      "p",
      { class: "row" },
      element("button", { type: "button", id: "labels", disabled: !checked, onclick: saveLabels }, t("save_labels")),
      element("span", { class: "soft" }, checked ? `${t("checked_short")}: ${checked} / ${state.result.pictures.length}` : t("labels_none")),
    ),
  );
}

function rest() {
  const time = new Date(state.status.expires_at).toLocaleTimeString(page.language, { hour: "2-digit", minute: "2-digit" });
  return element(
    "section",
    { class: "panel" },
    element("p", { class: "soft" }, t("expires", { time })),
    element("p", { class: "row" }, element("a", { class: "button", href: "/" }, t("start_over")), element("button", { type: "button", class: "danger", id: "delete", onclick: remove }, t("delete"))),
  );
}

function render() {
  const focused = document.activeElement?.id;
  const kept = state.mode && byId("drawing") ? typed() : null;
  const scrolled = document.querySelector(".strip")?.scrollLeft || 0;
  byId("done").replaceChildren(
    top(),
    facts(),
    element("div", { class: "desk" }, viewer(), list()),
    element("div", { class: "more" }, ...[labels(), leftOut(state.result.left_out), rest()].filter(Boolean)),
  );
  if (kept && state.mode) fill(kept);
  const strip_ = document.querySelector(".strip");
  if (strip_) strip_.scrollLeft = scrolled;
  if (focused && byId(focused)) byId(focused).focus({ preventScroll: true });
}

document.addEventListener("keydown", (event) => {
  if (!state.result || event.target.closest("input, select, dialog")) return;
  if (event.key === "Escape" && state.mode) leave();
  if (event.key === "ArrowLeft" && !state.mode) goTo(state.picture - 1);
  if (event.key === "ArrowRight" && !state.mode) goTo(state.picture + 1);
});
byId("cancel").addEventListener("click", async () => {
  await ask("DELETE", PATH).catch(() => null);
  ended(t("cancelled"), "");
});
follow();
