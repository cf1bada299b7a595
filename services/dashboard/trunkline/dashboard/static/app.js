// What pages do beside htmx: pop-ups, copying, command lines that follow their form, plots. Everything works without it but plots.
"use strict";
(() => {
  const dialog = document.getElementById("dialog");

  // On a phone the navigation is folded away behind a button; without this script it is a strip.
  const side = document.querySelector(".side");
  const menu = document.getElementById("menu");
  function fold(isOpen) {
    side.dataset.menu = isOpen ? "open" : "closed";
    menu.setAttribute("aria-expanded", String(isOpen));
  }
  fold(false);
  menu.addEventListener("click", () => fold(menu.getAttribute("aria-expanded") === "false"));
  side.addEventListener("keydown", (event) => { if (event.key === "Escape" && side.dataset.menu === "open") { fold(false); menu.focus(); } });

  function quoted(word) {
    return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\"'\"'") + "'";
  }

  // {field}: its value, {field*}: its words; a group with an empty field is left out. {field?} and {field!} are nothing: the group is left out
  // where the field is empty or not ticked, or where it is not.
  function commandOf(groups, form) {
    const found = [];
    for (const group of groups) {
      let isLeftOut = false;
      const words = group.map((word) => {
        const place = word.match(/^(.*)\{(\w+)([?*!]?)\}(.*)$/);
        if (!place) return word;
        const [, before, name, kind, after] = place;
        const field = form.elements.namedItem(name);
        if (!field) return name.toUpperCase();
        const value = field.type === "file" ? (field.files[0] ? field.files[0].name : "") : field.value.trim();
        const isSet = field.type === "checkbox" ? field.checked : value !== "";
        if (kind === "?" || kind === "!") { isLeftOut = isLeftOut || isSet === (kind === "!"); return ""; }
        if (!value) { isLeftOut = isLeftOut || group.length > 1; return name.toUpperCase(); }
        return kind === "*" ? value.split(/[\s,]+/).filter((each) => each).map(quoted).join(" ") : quoted(before + value + after);
      });
      if (!isLeftOut) found.push(...words.filter((word) => word !== ""));
    }
    return found.join(" ");
  }

  function showCommand(form) {
    const line = form.querySelector("[data-command]");
    if (line) line.textContent = commandOf(JSON.parse(line.dataset.command), form);
  }
  const showCommands = (root) => root.querySelectorAll("form").forEach(showCommand);
  document.addEventListener("input", (event) => { const form = event.target.closest("form"); if (form) showCommand(form); });

  function prepare(root) {
    showCommands(root);
    root.querySelectorAll("[data-plot]").forEach(plot);
  }

  // Whether it is in the clipboard. Browsers have none for pages of plain HTTP from elsewhere, and may refuse it: then the text is left selected.
  async function copy(source) {
    try {
      if (navigator.clipboard) { await navigator.clipboard.writeText(source.textContent); return true; }
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }

  // The first words of a button for a moment; those that are for screen readers alone, behind them, stay.
  const spoken = new WeakMap();
  function say(button, text, span) {
    const label = button.firstChild;
    const { before, timer } = spoken.get(button) || { before: label.data };
    clearTimeout(timer);
    label.data = text;
    spoken.set(button, { before, timer: setTimeout(() => { label.data = before; spoken.delete(button); }, span) });
  }

  document.addEventListener("click", async (event) => {
    const copying = event.target.closest("[data-copy]");
    if (copying) {
      const source = copying.dataset.copy ? document.getElementById(copying.dataset.copy) : copying.parentElement.querySelector("code");
      if (await copy(source)) say(copying, "Copied", 1500); else say(copying, "Selected: press Ctrl+C or ⌘C", 6000);
    }
    const closing = event.target.closest("[data-close]");
    if (closing && dialog.contains(closing)) {
      event.preventDefault();
      if (closing.dataset.close === "reload") location.reload(); else dialog.close();
    }
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "dialog-body") {
      if (!dialog.open) dialog.showModal();
      prepare(dialog);
      const wrong = dialog.querySelector("[aria-invalid=true]") || dialog.querySelector("[autofocus], input:not([type=hidden]), select");
      if (wrong) wrong.focus();
    }
  });

  // A part that is sent again is morphed: what has the focus keeps it, what somebody types, chooses or opens stays as it is.
  if (window.Idiomorph) {
    Idiomorph.defaults.ignoreActiveValue = true;
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(
      (name === "selected" && node.matches("option")) || (name === "open" && node.matches("details")) || (name === "value" && node.matches("input:not([type=hidden])")));
  }

  // Calls in progress: how long they have been.
  function showTimes() {
    document.querySelectorAll("time[data-since]").forEach((each) => {
      const seconds = Math.max(0, Math.floor(Date.now() / 1000 - Number(each.dataset.since)));
      const two = (number) => String(number).padStart(2, "0");
      const hours = Math.floor(seconds / 3600);
      each.textContent = `${hours ? `${hours}:` : ""}${hours ? two(Math.floor(seconds / 60) % 60) : Math.floor(seconds / 60)}:${two(seconds % 60)}`;
    });
  }
  setInterval(showTimes, 1000);
  document.addEventListener("htmx:afterSwap", showTimes);

  // Nor fold away what somebody has unfolded in it.
  let unfolded = [];
  document.addEventListener("htmx:sseBeforeMessage", (event) => { unfolded = [...event.target.querySelectorAll("details[open][id]")].map((each) => each.id); });
  document.addEventListener("htmx:sseMessage", (event) => { showCommands(event.target); for (const id of unfolded) { const found = document.getElementById(id); if (found) found.open = true; } });

  // The session is over: the page asks again, and is led to the login.
  document.addEventListener("htmx:sseClose", (event) => { if (event.detail.type === "message") location.reload(); });

  function plot(place) {
    const data = JSON.parse(place.dataset.plot);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const span = data.times[data.times.length - 1] - data.times[0];
    const two = (number) => String(number).padStart(2, "0");
    const when = (seconds) => {
      const time = new Date(seconds * 1000);
      const day = `${time.getUTCFullYear()}-${two(time.getUTCMonth() + 1)}-${two(time.getUTCDate())}`;
      const clock = `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}`;
      return { day: day.slice(5), clock, both: `${day} ${clock}` };
    };
    const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 } };
    const series = data.series.map((each) => ({
      label: each.label, stroke: colour(each.tone), width: 2, fill: each.is_filled ? colour(`${each.tone}-soft`) : undefined, points: { show: each.values.filter((value) => value !== null).length < 40 },
      value: (_, value, __, place) => (place === null ? "" : value === null || value === undefined ? "–" : `${Math.round(value * 100) / 100}${data.unit}`),
    }));
    const options = {
      width: place.clientWidth, height: 210, series: [{ label: "Time", value: (_, value) => (value === null || value === undefined ? "" : `${when(value).both} UTC`) }, ...series],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      axes: [{ ...axis, values: (_, values) => values.map((value) => (span > 3 * 86400 ? when(value).day : when(value).clock)) }, { ...axis, size: (_, values) => 24 + 7 * Math.max(3, ...(values || []).map((value) => value.length)), values: (_, values) => values.map((value) => `${value}${data.unit}`) }],
      scales: { y: { range: (_, low, high) => [0, data.top || Math.max(high * 1.1, 1)] } },
    };
    const drawn = new uPlot(options, [data.times, ...data.series.map((each) => each.values)], place);
    new ResizeObserver(() => drawn.setSize({ width: place.clientWidth, height: 210 })).observe(place);
  }

  prepare(document);
  showTimes();
})();
