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
  const video = document.getElementById("video");
  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-seconds]");
    if (target && video) {
      video.closest("details").open = true;
      video.currentTime = Number(target.dataset.seconds);
      if (target.classList.contains("picture")) {
        event.preventDefault();
        video.scrollIntoView({ block: "nearest" });
      }
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
