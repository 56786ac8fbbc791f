"use strict";
// The page's own script: sort, filter and choose columns; choose strata; pick two rows;
// draw the charts.

for (const section of document.querySelectorAll(".leaderboard")) leaderboard(section);
for (const section of document.querySelectorAll(".strata")) strata(section);
for (const section of document.querySelectorAll(".gallery")) gallery(section);
for (const section of document.querySelectorAll(".pairs")) pairs(section);
const drawn = draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

function leaderboard(section) {
  const table = section.querySelector("table");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const tools = section.querySelector(".tools");
  const filter = tools.querySelector(".filter");
  const baselines = tools.querySelector(".baselines");
  const count = tools.querySelector(".shown-count");
  tools.hidden = false;

  heads.forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(head, place));
  });

  function sort(head, place) {
    const isNumber = head.classList.contains("number");
    // Figures start with the largest, unless less is better; names start with A.
    const descendsFirst = isNumber && !/[↓]|rank/.test(head.textContent);
    const before = head.getAttribute("aria-sort");
    const descends = before ? before === "ascending" : descendsFirst;
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descends ? "descending" : "ascending");
    const sign = descends ? -1 : 1;
    const compare = (one, other) => {
      const [a, b] = [one, other].map((row) => order(row.cells[place], isNumber));
      if (a === null || b === null) return (a === null) - (b === null); // nothing stands last
      return sign * (isNumber ? a - b : a.localeCompare(b, "en"));
    };
    body.append(...[...body.rows].sort(compare));
  }

  function order(cell, isNumber) {
    if (!isNumber) return cell.querySelector(".name").textContent;
    return cell.dataset.order === undefined ? null : Number(cell.dataset.order);
  }

  function show() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const name = [...row.querySelectorAll(".name")].map((part) => part.textContent).join(" ");
      const isWanted = words.every((word) => name.toLowerCase().includes(word));
      row.hidden = !isWanted || (row.classList.contains("baseline") && !baselines.checked);
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${body.rows.length} rows`;
  }

  filter.addEventListener("input", show);
  baselines.addEventListener("change", show);
  for (const box of tools.querySelectorAll("fieldset input")) {
    box.addEventListener("change", () => {
      for (const row of table.rows) row.cells[Number(box.value)].hidden = !box.checked;
    });
  }
  show();
}

function strata(section) {
  const tables = [...section.querySelectorAll(".stratum")];
  const [score, by] = [".score", ".by"].map((name) => section.querySelector(name));
  section.querySelector(".tools").hidden = false;
  for (const [select, key] of [[score, "score"], [by, "by"]]) {
    const names = new Set(tables.map((table) => table.dataset[key]));
    select.append(...[...names].map((name) => new Option(name)));
    select.addEventListener("change", show);
  }

  function show() {
    for (const table of tables) {
      table.hidden = table.dataset.score !== score.value || table.dataset.by !== by.value;
    }
  }
  show();
}

function pairs(section) {
  const data = JSON.parse(section.querySelector(".pairs-data").textContent);
  const [a, b] = [".pick-a", ".pick-b"].map((name) => section.querySelector(name));
  const outcome = section.querySelector(".outcome");
  const pictures = section.querySelector(".pictures");
  section.querySelector(".tools").hidden = false;
  for (const select of [a, b]) select.append(...data.rows.map((name, place) => new Option(name, place)));
  b.value = "1";

  function show() {
    const [one, other] = [Number(a.value), Number(b.value)];
    const found = data.pairs[`${Math.min(one, other)} ${Math.max(one, other)}`];
    if (one === other) outcome.replaceChildren(element("p", "Pick two different rows."));
    else if (typeof found === "string") outcome.replaceChildren(element("p", found));
    else {
      const notes = found.notes.map((note) => element("p", data.notes[note]));
      outcome.replaceChildren(comparison(found.metrics, one > other, section.dataset.label), ...notes);
    }
    if (pictures) pairedPictures(pictures, one, other);
  }

  a.addEventListener("change", show);
  b.addEventListener("change", show);
  section.querySelector(".swap").addEventListener("click", () => {
    [a.value, b.value] = [b.value, a.value];
    show();
  });
  show();
}

function comparison(metrics, isSwapped, label) {
  const table = element("table");
  const head = table.createTHead().insertRow();
  for (const title of ["", "A", "B", "A − B", "A is better with probability", "so A is"]) {
    const cell = element(title ? "th" : "td", title);
    if (title) cell.scope = "col";
    if (title && title !== "so A is") cell.className = "number";
    head.append(cell);
  }
  const body = table.createTBody();
  for (const metric of metrics) {
    const [name, meanA, meanB, sign, size, betterA, betterB, verdictA, verdictB] = metric;
    const opposite = { "+": "−", "-": "+" };
    const shownSign = isSwapped ? opposite[sign] : sign.replace("-", "−");
    const chance = isSwapped ? betterB : betterA;
    const row = body.insertRow();
    const title = element("th", name);
    title.scope = "row";
    row.append(title);
    for (const text of [...(isSwapped ? [meanB, meanA] : [meanA, meanB]), shownSign + size]) {
      const cell = element("td", text);
      cell.className = "number";
      row.append(cell);
    }
    const cell = row.insertCell();
    const bar = element("i");
    bar.style.setProperty("--share", chance.replace(/[<> ]/g, ""));
    bar.ariaHidden = "true";
    const box = element("div");
    box.className = "chance";
    box.append(bar, chance);
    cell.append(box);
    const verdict = element("td", isSwapped ? verdictB : verdictA);
    verdict.className = "verdict";
    row.append(verdict);
  }
  const scroll = element("div");
  scroll.className = "scroll";
  scroll.tabIndex = 0;
  scroll.role = "region";
  scroll.ariaLabel = label;
  scroll.append(table);
  return scroll;
}

function element(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function draw() {
  const style = getComputedStyle(document.documentElement);
  const [ink, soft, line] = ["--ink", "--soft", "--line"].map((name) => style.getPropertyValue(name).trim());
  const text = { labelColor: soft, titleColor: soft, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500 };
  const isNarrow = innerWidth < 640;
  const config = {
    background: "transparent",
    font: "system-ui, sans-serif",
    axis: { ...text, gridColor: line, domainColor: line, tickColor: line, gridOpacity: 0.8, labelSeparation: 6 },
    axisY: { labelLimit: isNarrow ? 110 : 190 },
    legend: { disable: true }, // the page has its own, which every panel shares
    rule: { color: ink },
    text: { fontSize: isNarrow ? 10 : 13, fontWeight: 600 },
    view: { stroke: null },
  };
  const views = [...document.querySelectorAll(".panel")].map((panel) => {
    const spec = JSON.parse(panel.querySelector(".spec").textContent);
    const place = panel.querySelector(".drawing");
    const compiled = vegaLite.compile({ ...spec, autosize: { type: "fit-x", contains: "padding" } }, { config });
    place.replaceChildren();
    const view = new vega.View(vega.parse(compiled.spec, null, { ast: true }), {
      expr: vega.expressionInterpreter, // without eval, which the page forbids itself
      renderer: "svg",
      container: place,
      hover: true,
    });
    return view.runAsync();
  });
  return Promise.all(views);
}
