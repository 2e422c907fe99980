// Files and whole folders, sent by the resumable protocol tus 1.0 (tus.io), three
// at once. What was sent is never sent again: not after a pause, a broken
// connection, a restart of the server, or a new load of the page, when the same
// files are chosen again.
"use strict";
(() => {
const atOnce = 3;
const piece = 64 << 20; // bytes of one request, as often as the server notes its progress
const small = 1 << 20; // up to here a file goes with the request that begins it
const slowest = 15; // seconds between two attempts, at most
const tus = { "Tus-Resumable": "1.0.0" };
const stream = { "Content-Type": "application/offset+octet-stream" };

// size writes a number of bytes as the server's pages do.
function size(n) {
  if (n < 1024) return n === 1 ? "1 byte" : `${n} bytes`;
  let unit = -1;
  for (; n >= 1024 && unit < 5; unit++) n /= 1024;
  return `${Number(n.toPrecision(3))} ${"KMGTPE"[unit]}iB`;
}

const plural = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

// Refusal is an answer that is no success; status 0 is none at all.
class Refusal extends Error {
  constructor(xhr) {
    super();
    this.status = xhr.status;
    this.message = advice[xhr.status] ?? said(xhr) ?? `The server answered ${xhr.status}.`;
  }

  // passing: another attempt may succeed.
  get passing() { return this.status === 0 || [404, 408, 409, 410, 423, 429, 460, 500, 502, 503, 504].includes(this.status); }
}

const advice = {
  401: "You are signed out. Sign in in another tab, then resume.",
  403: "You may not add files here. Ask a maintainer for the role Developer.",
  507: "The server's disk is full. Ask whoever runs it for room, then resume.",
};

function said(xhr) {
  try {
    const { message } = JSON.parse(xhr.responseText);
    return typeof message === "string" ? message.replace(/^\d+ [\w ]+ - /, "") : JSON.stringify(message);
  } catch { return null; }
}

// Upload is one file on its way.
class Upload {
  constructor(panel, path, file) {
    Object.assign(this, { panel, path, file, state: "waiting", sent: 0, note: "", address: "", xhr: null });
    this.key = `${panel.prefix}${path}`;
    const known = panel.remembered(this.key);
    if (known && known.size === file.size && known.changed === file.lastModified) this.address = known.address;
    this.row = panel.rowOf(this);
  }

  get going() { return this.state === "waiting" || this.state === "sending"; }

  turn(state, note = "") {
    this.state = state;
    this.note = note;
    this.panel.draw(this);
  }

  // ask sends one request of the protocol; progress is told as it goes.
  ask(method, address, headers, body) {
    return new Promise((done, fail) => {
      const xhr = this.xhr = new XMLHttpRequest();
      xhr.open(method, address);
      for (const [k, v] of Object.entries({ ...tus, ...headers })) xhr.setRequestHeader(k, v);
      const from = this.sent;
      if (body) xhr.upload.onprogress = (e) => { this.sent = from + Math.min(e.loaded, body.size); this.note = ""; this.panel.draw(this); };
      xhr.onload = () => xhr.status < 300 ? done(xhr) : fail(new Refusal(xhr));
      xhr.onerror = xhr.onabort = () => fail(new Refusal(xhr));
      xhr.send(body ?? null);
    });
  }

  // offset asks how much the server has; null: it knows nothing of it any more.
  async offset() {
    if (!this.address) return null;
    try {
      return Number((await this.ask("HEAD", this.address)).getResponseHeader("Upload-Offset"));
    } catch (e) {
      if (e.status !== 404 && e.status !== 410) throw e;
      this.address = "";
      return null;
    }
  }

  async begin() {
    const { file } = this, whole = file.size > 0 && file.size <= small;
    this.sent = 0;
    const made = await this.ask("POST", `${this.panel.endpoint}/${this.path.split("/").map(encodeURIComponent).join("/")}`,
      { "Upload-Length": file.size, ...(whole ? stream : {}) }, whole ? file : null);
    // The path alone: the page may have reached the server by another name.
    this.address = new URL(made.getResponseHeader("Location"), location.href).pathname;
    if (!whole) this.panel.remember(this);
    return Number(made.getResponseHeader("Upload-Offset"));
  }

  async once() {
    let at = await this.offset() ?? await this.begin();
    for (this.sent = at; at < this.file.size; this.sent = at) {
      const answer = await this.ask("PATCH", this.address, { ...stream, "Upload-Offset": at }, this.file.slice(at, at + piece));
      at = Number(answer.getResponseHeader("Upload-Offset"));
      this.tries = 0;
    }
  }

  // run sends the file, however often it takes.
  async run() {
    this.turn("sending");
    for (this.tries = 0; this.state === "sending"; this.tries++) {
      try {
        await this.once();
        this.panel.forget(this);
        return this.turn("done");
      } catch (e) {
        if (this.state !== "sending") return; // paused or cancelled
        if (!(e instanceof Refusal) || !e.passing || e.status === 404 && !this.address) return this.turn("failed", e.message);
        if (!await this.readable()) return this.turn("failed", "The file has changed or is gone. Choose it again.");
        await this.pauseBetween(e);
      }
    }
  }

  // readable tells a server that does not answer from a file that is gone.
  async readable() {
    try { await this.file.slice(0, 1).arrayBuffer(); return true; } catch { return false; }
  }

  async pauseBetween(e) {
    const seconds = Math.min(2 ** this.tries / 2, slowest);
    this.note = e.status === 0 ? "The server does not answer; trying again." : `${e.message} Trying again.`;
    this.panel.draw(this);
    await new Promise((done) => setTimeout(done, seconds * 1000));
  }

  act(what) {
    if (what === "pause" && this.going) { this.turn("paused"); this.xhr?.abort(); }
    if (what === "resume" && (this.state === "paused" || this.state === "failed")) this.turn("waiting");
    if (what === "cancel" && this.state !== "done") this.drop();
    this.panel.pump();
  }

  drop() {
    this.state = "cancelled";
    this.xhr?.abort();
    this.panel.forget(this);
    this.row.remove();
    if (this.address) this.ask("DELETE", this.address).catch(() => {}); // it ends by itself, later
  }
}

// Panel is the part of a page that sends files.
class Panel {
  constructor(section) {
    const find = (s) => section.querySelector(s);
    Object.assign(this, { section, endpoint: section.dataset.upload, uploads: [], find, refreshed: 0 });
    this.prefix = `vitrine-upload ${this.endpoint} `;
    this.form = find("form");
    for (const e of section.querySelectorAll("[data-scripted]")) e.hidden = false;
    find("[data-unscripted]").hidden = true;
    for (const input of section.querySelectorAll('input[type="file"]')) {
      input.addEventListener("change", () => { this.add([...input.files].map((f) => [f.webkitRelativePath || f.name, f])); input.value = ""; });
    }
    find("[data-drop-left]").addEventListener("click", () => this.dropLeft());
    this.form.addEventListener("submit", (e) => e.preventDefault());
    section.addEventListener("click", (e) => {
      const act = e.target.closest("[data-act], [data-all]");
      if (!act) return;
      if (act.dataset.act) this.uploads.find((u) => u.row.contains(act))?.act(act.dataset.act);
      else for (const u of this.uploads) u.act(act.dataset.all);
      this.tidy();
    });
    addEventListener("beforeunload", (e) => { if (this.uploads.some((u) => u.going)) e.preventDefault(); });
    this.catchDrops();
    this.tellLeft();
  }

  catchDrops() {
    const files = (e) => e.dataTransfer?.types.includes("Files");
    document.addEventListener("dragover", (e) => { if (files(e)) { e.preventDefault(); this.section.classList.add("over"); } });
    document.addEventListener("dragleave", (e) => { if (!e.relatedTarget) this.section.classList.remove("over"); });
    document.addEventListener("drop", async (e) => {
      if (!files(e)) return;
      e.preventDefault();
      this.section.classList.remove("over");
      // Entries are there only while the event is handled.
      const entries = [...e.dataTransfer.items].map((i) => i.webkitGetAsEntry()).filter(Boolean);
      const found = [];
      for (const entry of entries) await walk(entry, found);
      this.add(found);
    });
  }

  // add takes files that were chosen together, by their paths.
  add(found) {
    const folder = this.form.elements.folder.value.trim().replace(/^\/+|\/+$/g, "");
    // What comes together stays apart: only one folder alone may lose its name.
    const tops = new Set(found.map(([raw]) => raw.includes("/") ? raw.split("/")[0] : ""));
    const keep = this.find("[data-keep]").checked || tops.size > 1;
    for (const [raw, file] of found) {
      const own = keep ? raw : raw.replace(/^[^/]+\//, "");
      const path = folder ? `${folder}/${own}` : own;
      this.uploads.filter((u) => u.path === path).forEach((u) => u.drop());
      this.tidy();
      this.uploads.push(new Upload(this, path, file));
    }
    this.pump();
  }

  pump() {
    let free = atOnce - this.uploads.filter((u) => u.state === "sending").length;
    for (const u of this.uploads) {
      if (free <= 0) break;
      if (u.state !== "waiting") continue;
      free--;
      u.run().then(() => this.pump());
    }
    this.sum();
    if (this.uploads.length && !this.uploads.some((u) => u.going)) this.settle();
  }

  // settle shows what has come, once nothing is on its way.
  async settle() {
    const n = this.uploads.filter((u) => u.state === "done").length;
    const bad = this.uploads.filter((u) => u.state === "failed").length;
    this.find("[data-said]").textContent = `${plural(n, "file")} uploaded${bad ? `, ${bad} failed` : ""}.`;
    this.tellLeft();
    if (n === this.refreshed) return;
    this.refreshed = n;
    await renew();
  }

  tidy() {
    this.uploads = this.uploads.filter((u) => u.state !== "cancelled");
    this.sum();
  }

  rowOf(u) {
    const row = this.find("template").content.firstElementChild.cloneNode(true);
    row.querySelector(".name").textContent = u.path;
    for (const b of row.querySelectorAll("[data-act]")) b.setAttribute("aria-label", `${b.dataset.act} ${u.path}`);
    this.find(".sending").append(row);
    u.row = row;
    this.draw(u);
    return row;
  }

  // draw shows how far an upload is, at most once in each frame.
  draw(u) {
    if (u.drawing) return;
    u.drawing = true;
    requestAnimationFrame(() => {
      u.drawing = false;
      const far = u.file.size ? u.sent / u.file.size : Number(u.state === "done");
      u.row.dataset.state = u.state;
      u.row.querySelector("progress").value = u.state === "done" ? 1 : far;
      const note = u.row.querySelector("[data-note]");
      note.textContent = u.note || (u.state === "done" ? size(u.file.size) : `${u.state}, ${size(u.sent)} of ${size(u.file.size)}`);
      note.classList.toggle("failed", u.state === "failed");
      u.row.querySelector('[data-act="pause"]').hidden = !u.going;
      u.row.querySelector('[data-act="resume"]').hidden = u.state !== "paused" && u.state !== "failed";
      u.row.querySelector('[data-act="cancel"]').hidden = u.state === "done";
      this.sum();
    });
  }

  sum() {
    const all = this.uploads, bytes = all.reduce((n, u) => n + u.file.size, 0);
    const sent = all.reduce((n, u) => n + (u.state === "done" ? u.file.size : u.sent), 0);
    const done = all.filter((u) => u.state === "done").length;
    this.find("[data-panel]").hidden = all.length === 0;
    this.find("[data-sum]").textContent = `${done} of ${plural(all.length, "file")}, ${size(sent)} of ${size(bytes)}`;
    const bar = this.find("[data-total]");
    bar.max = bytes || 1;
    bar.value = bytes ? sent : done;
    this.find('[data-all="pause"]').hidden = !all.some((u) => u.going);
    this.find('[data-all="resume"]').hidden = !all.some((u) => u.state === "paused" || u.state === "failed");
    this.find('[data-all="cancel"]').hidden = done === all.length;
  }

  // What is remembered is where an upload is, by where it goes to; the file's
  // size and time tell whether it is still the same. A browser that keeps
  // nothing begins anew after a reload.
  remembered(key) {
    try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
  }

  remember(u) {
    try { localStorage.setItem(u.key, JSON.stringify({ address: u.address, size: u.file.size, changed: u.file.lastModified })); } catch { /* not kept */ }
  }

  forget(u) {
    try { localStorage.removeItem(u.key); } catch { /* not kept */ }
  }

  // left gives the paths that an earlier visit has left unfinished.
  left() {
    let names = [];
    try { names = Object.keys(localStorage).filter((k) => k.startsWith(this.prefix)).map((k) => k.slice(this.prefix.length)); } catch { /* not kept */ }
    return names.filter((name) => !this.uploads.some((u) => u.path === name));
  }

  // dropLeft ends them, and what the server has of them goes.
  dropLeft() {
    for (const key of this.left().map((name) => this.prefix + name)) {
      const known = this.remembered(key);
      this.forget({ key });
      if (known) fetch(known.address, { method: "DELETE", headers: tus }).catch(() => {}); // it ends by itself, later
    }
    this.tellLeft();
  }

  tellLeft() {
    const names = this.left();
    this.find("[data-left]").hidden = names.length === 0;
    this.find("[data-names]").textContent = `${plural(names.length, "upload")} did not end: ${names.slice(0, 5).join(", ")}${names.length > 5 ? " …" : ""}. Choose the same files again, and they go on where they stopped.`;
  }
}

// walk finds the files of a dropped entry, however deep.
async function walk(entry, found) {
  if (entry.isFile) {
    found.push([entry.fullPath.slice(1), await new Promise((done, fail) => entry.file(done, fail))]);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((done, fail) => reader.readEntries(done, fail)); // a hundred at most
    if (some.length === 0) return;
    for (const e of some) await walk(e, found);
  }
}

for (const section of document.querySelectorAll("[data-upload]")) new Panel(section);
})();
