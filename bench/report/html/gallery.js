"use strict";
// The pictures: pick a test image, lay the truth over what is predicted, set two rows side by side.

function gallery(section) {
  const picker = section.querySelector(".samples");
  if (!picker) return; // nothing is kept to show
  const tool = section.querySelector(".cut");
  const slider = tool.querySelector("input");
  const sheets = [...section.querySelectorAll(".sheet")];
  picker.hidden = tool.hidden = false;
  sheets.forEach((sheet, place) => {
    const given = (kind) => sheet.querySelector(`.given .${kind} img`);
    const thumbnail = given("composite").cloneNode();
    thumbnail.alt = "";
    picker.querySelectorAll("input")[place].after(thumbnail);
    for (const task of ["mask", "depth"]) {
      if (given(task)) sheet.style.setProperty(`--${task}`, `url(${given(task).src})`);
    }
  });

  function pick() {
    const chosen = Number(picker.querySelector(":checked").value);
    sheets.forEach((sheet, place) => (sheet.hidden = place !== chosen));
  }

  function cut() {
    section.style.setProperty("--cut", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value} % truth`);
  }

  function drag(event) {
    const layers = event.target.closest(".mask .layers, .depth .layers");
    if (!layers || !event.buttons) return;
    const box = layers.getBoundingClientRect();
    slider.value = (100 * (event.clientX - box.left)) / box.width;
    cut();
  }

  picker.addEventListener("change", pick);
  slider.addEventListener("input", cut);
  section.addEventListener("pointerdown", drag);
  section.addEventListener("pointermove", drag);
  section.addEventListener("dragstart", (event) => event.preventDefault()); // of the image itself
  pick();
  cut();
}

function pairedPictures(place, a, b) {
  const section = document.getElementById(place.dataset.gallery);
  const data = JSON.parse(section.querySelector(".gallery-data").textContent);
  const sheets = [...section.querySelectorAll(".sheet")];
  place.replaceChildren();
  data.metrics.forEach((metric, m) => {
    const value = (sheet, row) => data.values[sheet][row]?.[m] ?? NaN;
    const found = sheets
      .map((sheet, s) => ({ sheet, values: [value(s, a), value(s, b)] }))
      .map((one) => ({ ...one, gain: metric.sign * (one.values[0] - one.values[1]) }))
      .filter((one) => a !== b && !Number.isNaN(one.gain))
      .sort((one, other) => other.gain - one.gain);
    if (!found.length) return;
    const list = element("ol");
    list.append(...found.map((one) => pairedPicture(one, metric, a, b)));
    place.append(element("h4", `${metric.name} of single images: where A is better comes first`), list);
  });
}

function pairedPicture({ sheet, values, gain }, metric, a, b) {
  const item = element("li");
  const images = element("ul");
  const show = (selector, caption) => {
    const part = element("li");
    const text = element("span", caption);
    text.ariaHidden = "true";
    part.append(sheet.querySelector(`${selector} img`).cloneNode(), text);
    images.append(part);
  };
  const [ofA, ofB] = values.map((value) => value.toFixed(metric.decimals));
  show(".given .composite", "composite");
  show(`.given .${metric.task}`, `true ${metric.task}`);
  show(`[data-row="${a}"] .${metric.task}`, "A");
  show(`[data-row="${b}"] .${metric.task}`, "B");
  const size = Math.abs(gain).toFixed(metric.decimals);
  const better = `${gain > 0 ? "A" : "B"} is better by ${size}`;
  const verdict = Number(size) === 0 ? "equal" : better;
  item.append(images, element("p", `A ${ofA}, B ${ofB}: ${verdict}`));
  return item;
}
