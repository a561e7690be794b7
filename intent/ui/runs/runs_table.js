/* The list of runs: checkboxes, names and headings become events; a redraw keeps the focus. */
let focused = null;
let wanted = null; // ids checked in the browser that the server has not confirmed yet
const boxes = () => [...element.querySelectorAll("input[data-id]")];
const find = (name) => [...element.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === name);
element.addEventListener("focusin", (event) => { focused = event.target.dataset.focus || null; });
element.addEventListener("change", (event) => {
  if (event.target.matches("input[data-id]")) {
    wanted = boxes().filter((box) => box.checked).map((box) => box.dataset.id);
    trigger("pick", {ids: wanted});
  }
  if (event.target.matches("select")) trigger("sort", {key: event.target.value});
});
element.addEventListener("click", (event) => {
  const sort = event.target.closest("[data-sort]");
  const row = event.target.closest("tr[data-open]");
  if (sort) trigger("sort", {key: sort.dataset.sort});
  else if (event.target.closest("[data-clear]")) trigger("pick", {ids: wanted = []});
  else if (row && !event.target.closest("label, input")) trigger("open", {id: (wanted = [row.dataset.open])[0]});
});
watch("value", () => {
  const states = boxes().map((box) => [box, wanted ? wanted.includes(box.dataset.id) : box.hasAttribute("checked")]);
  if (states.every(([box, checked]) => checked === box.hasAttribute("checked"))) wanted = null;
  states.forEach(([box, checked]) => { box.checked = checked; });
  element.querySelectorAll("option").forEach((one) => { one.selected = one.hasAttribute("selected"); });
  if (focused && element.contains(document.activeElement)) find(focused)?.focus({preventScroll: true});
});
