/* The recordings of a report: a row plays its sound, a filter button changes the rows. */
element.addEventListener("click", (event) => {
  const play = event.target.closest("[data-play]");
  const show = event.target.closest("[data-show]");
  if (show) trigger("filter", {name: show.dataset.show});
  if (!play) return;
  element.querySelectorAll("[aria-current]").forEach((row) => row.removeAttribute("aria-current"));
  play.closest("li").setAttribute("aria-current", "true");
  trigger("play", {index: Number(play.dataset.play)});
});
