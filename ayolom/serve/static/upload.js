// The first page: choose files, see that they fit, send them, go to the inspection.

import { API, byId, element, page, pause, t } from "./common.js";

const MEGABYTE = 1e6;
let chosen = [];
let request = null;
let given_up = false;

function size() {
  return chosen.reduce((sum, file) => sum + file.size, 0) / MEGABYTE;
}

function tooMuch() {
  const { files, upload_mb: most } = page.limits;
  if (chosen.length > files) return t("too_many_here", { count: chosen.length, most: files });
  // A form is a little larger than its files.
  return size() * 1.001 > most ? t("too_large_here", { mb: size().toFixed(1), most }) : "";
}

function tell(problem) {
  byId("problem").textContent = problem;
  byId("problem").hidden = !problem;
}

function add(files) {
  const known = new Set(chosen.map((file) => `${file.name}/${file.size}/${file.lastModified}`));
  chosen.push(...[...files].filter((file) => !known.has(`${file.name}/${file.size}/${file.lastModified}`)));
  show();
}

function film() {
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawn.setAttribute("viewBox", "0 0 24 24");
  drawn.setAttribute("fill", "currentColor");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M4 5h11a2 2 0 0 1 2 2v2.5l4-2.5v10l-4-2.5V17a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z");
  drawn.append(path);
  return drawn;
}

function thumbnail(file) {
  if (!file.type.startsWith("image/")) return element("span", { class: "thumb", "aria-hidden": "true" }, film());
  const address = URL.createObjectURL(file);
  const forget = () => URL.revokeObjectURL(address);
  return element("img", { class: "thumb", src: address, alt: "", onload: forget, onerror: forget });
}

function show() {
  const items = chosen.map((file) =>
    element(
      "li",
      { title: file.name },
      thumbnail(file),
      element("span", { class: "name" }, file.name),
      element(
        "button",
        {
          type: "button",
          "aria-label": t("remove_file", { name: file.name }),
          onclick: () => {
            chosen = chosen.filter((one) => one !== file);
            show();
          },
        },
        "\u00d7",
      ),
    ),
  );
  byId("list").replaceChildren(...items);
  byId("chosen").hidden = byId("actions").hidden = !chosen.length;
  document.querySelector("label[for=files]").textContent = t(chosen.length ? "add_more" : "choose");
  tell(tooMuch());
  byId("start").disabled = Boolean(tooMuch());
}

function send() {
  return new Promise((done) => {
    const form = new FormData();
    form.append("lang", page.language);
    for (const file of chosen) form.append("files", file, file.name);
    request = new XMLHttpRequest();
    request.open("POST", `${API}/jobs`);
    request.setRequestHeader("Accept-Language", page.language);
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      if (!event.lengthComputable) return;
      const percent = Math.floor((100 * event.loaded) / event.total);
      byId("bar").value = percent;
      byId("told").textContent = t("uploading", { percent });
    };
    request.onloadend = () => done(request);
    request.send(form);
  });
}

async function countDown(seconds) {
  for (let left = seconds; left > 0 && !given_up; left -= 1) {
    byId("told").textContent = t("retry_in", { seconds: left });
    await pause(1000);
  }
}

function working(on) {
  byId("progress").hidden = !on;
  byId("actions").hidden = byId("drop").hidden = on;
  for (const button of byId("list").querySelectorAll("button")) button.disabled = on;
  if (on) byId("cancel").focus();
}

async function start() {
  tell("");
  given_up = false;
  working(true);
  byId("told").textContent = t("uploading", { percent: 0 });
  while (!given_up) {
    const { status, response } = await send();
    if (status === 202) {
      location.href = response.page;
      return;
    }
    if (given_up) break;
    const wait = Number(request.getResponseHeader("Retry-After") || 0);
    if (status === 503 && wait) {
      await countDown(wait);
      continue;
    }
    working(false);
    tell(response?.detail || t("cut"));
    return;
  }
  working(false);
}

const drop = byId("drop");
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (byId("progress").hidden) add(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData?.files.length && byId("progress").hidden) add(event.clipboardData.files);
});
byId("files").addEventListener("change", (event) => {
  add(event.target.files);
  event.target.value = "";
});
byId("clear").addEventListener("click", () => {
  chosen = [];
  show();
  byId("files").focus();
});
byId("cancel").addEventListener("click", () => {
  given_up = true;
  request?.abort();
});
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (chosen.length && !tooMuch()) start();
});
