"use strict";
(() => {
  const table = document.getElementById("people");
  if (table) {
    const body = table.tBodies[0];
    const value = (row, column) => Number(row.cells[column].dataset.value);
    for (const head of table.querySelectorAll("th[data-sort]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...body.rows];
        rows.sort((a, b) => (up ? 1 : -1) * (value(a, head.cellIndex) - value(b, head.cellIndex)));
        body.append(...rows);
      });
    }
    const search = document.getElementById("search");
    const found = document.getElementById("found");
    search.closest(".tools").hidden = false;
    search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      let count = 0;
      for (const row of body.rows) {
        const text = row.cells[0].textContent.toLowerCase();
        const number = row.cells[0].dataset.value;
        row.hidden = wanted !== "" && (/^\d+$/.test(wanted) ? number !== wanted : !text.includes(wanted));
        count += row.hidden ? 0 : 1;
      }
      found.textContent = wanted === "" ? "" : `${count} found`;
    });
  }
  const strips = document.querySelectorAll(".strip, .tracklet");
  const go = (picture) => {
    for (const other of picture.closest(".strip, .tracklet").querySelectorAll("a.picture")) other.tabIndex = -1;
    picture.tabIndex = 0;
    picture.focus({ preventScroll: true });
    picture.scrollIntoView({ block: "nearest", inline: "center" });
  };
  for (const strip of strips) {  // one stop of the Tab key a row of pictures, arrows within
    const pictures = [...strip.querySelectorAll("a.picture")];
    pictures.forEach((picture, place) => { picture.tabIndex = place ? -1 : 0; });
    strip.addEventListener("keydown", (event) => {
      const place = pictures.indexOf(document.activeElement);
      const wanted = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: pictures.length - 1 }[event.key];
      if (place >= 0 && pictures[wanted]) {
        event.preventDefault();
        go(pictures[wanted]);
      }
    });
  }
  const video = document.getElementById("video");
  const show = (seconds) => {
    if (!video) return;
    video.closest("details").open = true;
    video.currentTime = seconds;
  };
  const chart = document.querySelector("svg.times");
  chart?.addEventListener("click", (event) => {  // to the picture nearest to that moment
    const line = event.target.closest("a.bars");
    if (!line) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse()).x;
    const seconds = Math.max(0, Number(chart.dataset.begin) + at * Number(chart.dataset.each));
    show(seconds);
    const pictures = [...document.querySelectorAll(`${line.getAttribute("href")} a.picture`)];
    const off = (picture) => Math.abs(picture.dataset.seconds - seconds);
    const nearest = pictures.sort((a, b) => off(a) - off(b))[0];
    if (nearest) setTimeout(() => go(nearest));  // after the browser went to the row
  });
  document.addEventListener("click", (event) => {
    const target = event.target.closest("a.picture");
    if (target && video) {
      show(Number(target.dataset.seconds));
      event.preventDefault();
      video.scrollIntoView({ block: "nearest" });
    }
  });
  for (const code of document.querySelectorAll("code.command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "press Ctrl+C";
      }
    });
    code.after(" ", button);
  }
})();
