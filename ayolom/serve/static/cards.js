// A damage as a card, and the fields by which a person corrects it.

import { element, page, t } from "./common.js";

export function options(pairs, chosen = "") {
  return pairs.map(([value, label]) => {
    const made = element("option", { value }, label);
    made.selected = value === chosen;
    return made;
  });
}

const partKey = (part, place) => JSON.stringify([part || "", place || null]);

// Fields of a damage, or of a new one when it is null; `read()` returns what differs from it.
export function editor(damage) {
  const { kinds, parts, severities } = page.service;
  const byRules = damage ? [] : [["", t("by_rules")]];
  const chosen = damage ? [] : [["", "\u2013"]];
  const kind = element("select", { name: "kind", required: true }, ...options([...chosen, ...kinds.map((one) => [one.name, one.label])], damage?.kind));
  const known = parts.map((one) => [partKey(one.name, one.place), one.label]);
  const part = element("select", { name: "part" }, ...options([...byRules, [partKey("", null), t("no_part")], ...known], damage ? partKey(damage.part, damage.place) : ""));
  const levels = severities.map((one) => [one.name, one.label]);
  const severity = element("select", { name: "severity" }, ...options([["", t("by_rules")], ...levels], ""));
  if (damage) {
    severity.querySelector("option").remove();
    severity.value = damage.severity;
  }
  const field = (name, node) => element("label", {}, t(name), node);
  const node = element("div", { class: "fields" }, field("kind", kind), field("part", part), field("severity", severity));
  const read = () => {
    const given = {};
    if (kind.value !== damage?.kind) given.kind = kind.value;
    if (part.value && part.value !== partKey(damage?.part, damage?.place)) [given.part, given.place] = JSON.parse(part.value);
    if (!damage && part.value === partKey("", null)) given.part = "";
    if (severity.value && severity.value !== damage?.severity) given.severity = severity.value;
    return given;
  };
  return { node, read };
}

export function cardOf(one, state, here, actions) {
  const editing = state.editing === one.id;
  const button = (label, action, kind = "") => element("button", { type: "button", class: `small ${kind}`, onclick: action, "aria-label": `${t(label)}: ${one.id}` }, t(label));
  const findings = one.findings.filter((found) => found.picture === state.picture);
  return element(
    "article",
    { class: `panel card ${one.severity}${one.id === state.selected ? " on" : ""}${here ? "" : " away"}`, "data-damage": one.id },
    element(
      "h3",
      {},
      element("button", { type: "button", onclick: () => actions.select(one.id) }, `${one.id} \u00b7 ${one.part_label}: ${one.kind_label}`),
      element("span", { class: "chip level" }, one.severity_label),
    ),
    element(
      "p",
      { class: "soft" },
      [`${t("extent")} ${one.extent}`, one.review !== "added" && `${t("confidence")} ${Math.round(100 * one.confidence)} %`, `${t(here ? "here" : "elsewhere")} `].filter(Boolean).join(" \u00b7 "),
      element("span", { class: `chip${one.review ? " good" : ""}` }, t(one.review || "unreviewed")),
    ),
    editing ? form(one, findings, actions) : element("div", { class: "row" }, !one.review && button("confirm", () => actions.confirm(one.id)), button("edit", () => actions.edit(one.id)), button("remove", () => actions.remove(one.id), "danger quiet")),
  );
}

function form(one, findings, actions) {
  const fields = editor(one);
  const boxes = findings.flatMap((found) => [
    element("button", { type: "button", class: "small", onclick: () => actions.move(one.id, found) }, t("move_box")),
    one.findings.length > 1 && element("button", { type: "button", class: "small danger", onclick: () => actions.drop(one.id, found.key) }, t("remove_box")),
  ]);
  return element(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        actions.save(one.id, fields.read());
      },
    },
    fields.node,
    element("p", { class: "row" }, element("button", { class: "main small" }, t("save")), ...boxes, element("button", { type: "button", class: "small quiet", onclick: () => actions.edit(one.id) }, t("close"))),
  );
}
