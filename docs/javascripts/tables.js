// A phone shows each row of a table as a block, so each cell needs the name of its column. A table of numbers
// scrolls instead, and must be within reach of the keyboard.
for (const table of document.querySelectorAll(".md-typeset table:not([class])")) {
  const columns = [...table.querySelectorAll("th")].map(({ textContent }) => textContent);
  for (const row of table.tBodies[0].rows) {
    [...row.cells].forEach((cell, index) => { cell.dataset.column = columns[index]; });
  }
}

const setTabStops = () => {
  for (const area of document.querySelectorAll(".md-typeset__scrollwrap")) {
    if (area.scrollWidth > area.clientWidth) area.tabIndex = 0;
    else area.removeAttribute("tabindex");
  }
};
addEventListener("load", setTabStops);
addEventListener("resize", setTabStops);
