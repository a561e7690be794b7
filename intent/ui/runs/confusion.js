/* The heat map: one stop for Tab, arrows between squares, the pair in words, a click lists it. */
const squares = () => [...element.querySelectorAll("[data-cell]")];
const at = (square) => square.dataset.cell.split(",").map(Number);
const say = (square) => {
  const caption = element.querySelector("[data-caption]");
  if (square && caption) caption.textContent = square.getAttribute("aria-label");
};
const move = (from, down, right) => {
  const [row, column] = at(from);
  const ahead = squares().map((square) => [square, at(square)[0] - row, at(square)[1] - column])
    .map(([square, y, x]) => [square, down * y + right * x, Math.abs(down ? x : y)])
    .filter(([, along]) => along > 0)
    .sort((one, other) => one[1] + 2 * one[2] - other[1] - 2 * other[2]);
  if (!ahead.length) return;
  squares().forEach((square) => { square.tabIndex = -1; });
  ahead[0][0].tabIndex = 0;
  ahead[0][0].focus();
};
element.addEventListener("mouseover", (event) => say(event.target.closest("[data-cell]")));
element.addEventListener("focusin", (event) => say(event.target.closest("[data-cell]")));
element.addEventListener("keydown", (event) => {
  const way = {ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1]}[event.key];
  const square = event.target.closest("[data-cell]");
  if (!way || !square) return;
  event.preventDefault();
  move(square, ...way);
});
element.addEventListener("click", (event) => {
  const square = event.target.closest("[data-cell]");
  if (square) trigger("cell", {row: at(square)[0], column: at(square)[1]});
});
