/* The confusion matrix: one Tab stop, arrow keys between cells, a caption in words, a click lists. */
const cells = () => [...element.querySelectorAll("[data-cell]")];
const position = (cell) => cell.dataset.cell.split(",").map(Number);
const describe = (cell) => {
  const caption = element.querySelector(".rn-caption");
  if (cell && caption) caption.textContent = cell.getAttribute("aria-label");
};
const move = (from, down, right) => {
  const [row, column] = position(from);
  const ahead = cells().map((cell) => [cell, position(cell)[0] - row, position(cell)[1] - column])
    .map(([cell, y, x]) => [cell, down * y + right * x, Math.abs(down ? x : y)])
    .filter(([, along]) => along > 0)
    .sort((one, other) => one[1] + 2 * one[2] - other[1] - 2 * other[2]);
  if (!ahead.length) return;
  cells().forEach((cell) => { cell.tabIndex = -1; });
  ahead[0][0].tabIndex = 0;
  ahead[0][0].focus();
};
element.addEventListener("mouseover", (event) => describe(event.target.closest("[data-cell]")));
element.addEventListener("focusin", (event) => describe(event.target.closest("[data-cell]")));
element.addEventListener("keydown", (event) => {
  const way = {ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1]}[event.key];
  const cell = event.target.closest("[data-cell]");
  if (!way || !cell) return;
  event.preventDefault();
  move(cell, ...way);
});
element.addEventListener("click", (event) => {
  const cell = event.target.closest("[data-cell]");
  if (cell) trigger("cell", {row: position(cell)[0], column: position(cell)[1]});
});
