/* The timeline: a part or a row plays the recording from there, a button asks for the timeline. */
element.addEventListener("click", (event) => {
  const part = event.target.closest("[data-seek]");
  if (part) {
    document.querySelectorAll("[data-seek][aria-current]").forEach((one) => one.removeAttribute("aria-current"));
    document.querySelectorAll(`[data-seek="${part.dataset.seek}"]`).forEach((one) => one.setAttribute("aria-current", "true"));
    trigger("seek", {seconds: Number(part.dataset.seek)});
  }
  if (event.target.closest("[data-ask]")) trigger("ask", {});
});
