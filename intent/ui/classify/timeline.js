/* The timeline: a part or a row plays the recording from there, a button asks for the timeline. */
const REACH = 16; // CSS pixels: a part of a long recording is too narrow for a finger
const nearest = (strip, x) => {
  const away = (part) => {
    const {left, right} = part.getBoundingClientRect();
    return Math.max(left - x, x - right, 0);
  };
  const parts = strip ? [...strip.querySelectorAll("[data-seek]")].filter((part) => away(part) <= REACH) : [];
  return parts.sort((one, other) => away(one) - away(other))[0];
};
element.addEventListener("click", (event) => {
  const part = event.target.closest("[data-seek]") || nearest(event.target.closest(".tl-strip"), event.clientX);
  if (part) {
    document.querySelectorAll("[data-seek][aria-current]").forEach((one) => one.removeAttribute("aria-current"));
    document.querySelectorAll(`[data-seek="${part.dataset.seek}"]`).forEach((one) => one.setAttribute("aria-current", "true"));
    trigger("seek", {seconds: Number(part.dataset.seek)});
  }
  if (event.target.closest("[data-ask]")) trigger("ask", {});
});
