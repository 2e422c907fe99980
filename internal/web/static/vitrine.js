// What pages do beyond HTML: small, and never needed to read or to act.
"use strict";

// MLflow's clients print addresses of MLflow's own pages, as "/#/experiments/1".
// No server is told what stands behind the "#"; ours knows a page for it.
if (location.hash.startsWith("#/")) {
  const q = new URLSearchParams(location.pathname === "/-/mlflow" ? location.search : "");
  q.set("to", location.hash.slice(1));
  location.replace("/-/mlflow?" + q);
}

// enliven does to a part of the page what it needs once it is there.
function enliven(part) {
  // Times are shown in the reader's zone; the exact moment stays on hover.
  for (const t of part.querySelectorAll("time[datetime]")) {
    const at = new Date(t.dateTime);
    t.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
    t.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  }
  for (const b of part.querySelectorAll("[data-copy]")) b.hidden = false;
}
enliven(document);
document.addEventListener("vitrine:part", (e) => enliven(e.target));

// renew shows parts of the page as the server has them now; all without names.
async function renew(...names) {
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const now = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!now || names.length && !names.includes(part.dataset.part)) continue;
    part.replaceChildren(...now.childNodes);
    part.dispatchEvent(new Event("vitrine:part", { bubbles: true }));
  }
}

// What the server is still finding out is asked for again until it is there, at
// first soon and then less often.
let pause = 500, asking;
function askAgain() {
  clearTimeout(asking);
  if (!document.querySelector("[data-ask-again]")) return;
  asking = setTimeout(async () => {
    pause = Math.min(pause * 1.5, 10000);
    try { await renew("facts", "unreadable", "insides", "safety"); } catch { /* the server is away: later */ }
    askAgain();
  }, pause);
}
askAgain();
document.addEventListener("vitrine:part", askAgain);

// Where tabs do not fit, those before the current one are scrolled away.
for (const tab of document.querySelectorAll(".row > [aria-current], .subtabs > [aria-current]")) {
  tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 16;
}

// copy puts a text into the clipboard. Over http, but for this machine's own, pages
// have none, and can still copy what is chosen.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea"), back = document.activeElement;
  field.className = "hide";
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
  back?.focus();
}

document.addEventListener("click", async (e) => {
  const b = e.target.closest("[data-copy]");
  if (!b || b.dataset.copied) return;
  await copy(b.dataset.copy || b.parentElement.querySelector("code").textContent);
  const text = b.dataset.copied = b.textContent;
  b.textContent = "Copied";
  setTimeout(() => { b.textContent = text; delete b.dataset.copied; }, 1500);
});

for (const s of document.querySelectorAll("[data-submit]")) {
  s.addEventListener("change", () => s.form.requestSubmit());
}

document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) return;
  const field = document.querySelector(`[data-hotkey="${CSS.escape(e.key)}"]`);
  if (field) { e.preventDefault(); field.focus(); }
});

// An open menu closes by Escape, and when somebody clicks elsewhere.
document.addEventListener("keydown", (e) => {
  const menu = e.key === "Escape" && document.querySelector(".menu[open]");
  if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
});
document.addEventListener("click", (e) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(e.target)) menu.open = false;
});

// A card shows beside its text while it is written.
for (const form of document.querySelectorAll("form[data-preview]")) {
  const text = form.querySelector("textarea"), pane = form.querySelector(".preview");
  let timer;
  const show = async () => {
    const r = await fetch(form.dataset.preview, { method: "POST", body: new URLSearchParams({ description: text.value }) });
    if (r.ok) { pane.innerHTML = await r.text(); pane.hidden = false; }
  };
  text.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(show, 300); });
  show();
}

for (const box of document.querySelectorAll("[data-only-different]")) {
  box.addEventListener("change", () => document.body.classList.toggle("only-different", box.checked));
}
