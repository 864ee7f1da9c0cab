"use strict";
const number = text => parseFloat(text.replaceAll(",", "").replace("−", "-"));

function sort(head) {
  const table = head.closest("table"), numeric = head.classList.contains("n");
  const sign = head.ariaSort === "ascending" ? -1 : 1;
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const keyed = [...table.tBodies].map(body => {
    const text = body.rows[0].cells[head.cellIndex].textContent.trim();
    return [numeric ? number(text) : text, body];
  });
  const last = key => key === "" || Number.isNaN(key);
  keyed.sort(([a], [b]) => last(a) - last(b) || sign * (a > b ? 1 : a < b ? -1 : 0));
  table.append(...keyed.map(([, body]) => body));
}

function filter(tools) {
  const section = tools.closest("section"), words = tools.querySelector("[type=search]").value.toLowerCase().split(/\s+/);
  const shown = [...tools.querySelectorAll("[type=checkbox]:checked")].map(box => box.name);
  let count = 0;
  for (const body of section.querySelector("table").tBodies) {
    const kind = ["published", "unranked"].find(name => body.classList.contains(name));
    const text = body.rows[0].textContent.toLowerCase();
    body.hidden = (kind && !shown.includes(kind)) || !words.every(word => text.includes(word));
    count += !body.hidden;
  }
  tools.querySelector("output").textContent = `${count} row${count === 1 ? "" : "s"}`;
}

async function copy(button) {
  const code = button.previousElementSibling;
  getSelection().selectAllChildren(code);
  try { await navigator.clipboard.writeText(code.textContent); } catch { document.execCommand("copy"); }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

function toggle(button) {
  const body = button.closest("tbody");
  button.ariaExpanded = body.classList.toggle("open");
  for (const code of body.querySelectorAll(".cmd code:only-child"))
    code.after(Object.assign(document.createElement("button"), {textContent: "Copy"}));
}

addEventListener("click", event => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.parentNode.scope === "col") sort(button.parentNode);
  else if (button.ariaExpanded) toggle(button);
  else if (button.closest(".all")) {
    button.closest("section").querySelector(".cut").classList.remove("cut");
    button.parentNode.remove();
  }
  else copy(button);
});
addEventListener("input", event => filter(event.target.closest(".tools")));
