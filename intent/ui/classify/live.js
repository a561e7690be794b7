// Start Gradio's recorder once the switch is on. It has neither an event for being mounted nor one for
// its encoder being loaded: until then, a click on its button fails with "… is not a constructor".
(on) => {
  if (!on) return;
  const part = (selector) => document.querySelector(selector);
  const end = performance.now() + 20000; // ms; the encoder may come over a slow network
  const number = (window.liveStarts = (window.liveStarts || 0) + 1);
  const isCurrent = () =>
    number === window.liveStarts && part("#live-switch input")?.checked && performance.now() < end;
  const start = () => {
    if (!isCurrent()) return;
    const button = part("#live-sound .record-button");
    if (button) setTimeout(() => button.click(), 100);
    else setTimeout(start, 50);
  };
  const again = (event) => {
    if (!isCurrent() || !/is not a constructor/.test(event.reason?.message)) return;
    event.preventDefault();
    part("#live-sound :is(.stop-button, .spinner-button)")?.click();
    setTimeout(start, 200);
  };
  const off = () => part("#live-switch input:checked")?.click();
  const once = () => {
    if (window.liveIsPrepared) return;
    window.liveIsPrepared = true;
    // Gradio's encoder complains where nothing is wrong: that the one of the first time stays in use,
    // and that a recording was stopped before it had begun.
    const harmless = /already an encoder stored|Another request was made to initiate an encoding/;
    window.addEventListener("unhandledrejection", (event) => {
      if (harmless.test(event.reason?.message)) event.preventDefault();
    });
    // Gradio uploads the chunks of sound side by side: a slow one would be overtaken by the next.
    const plain = window.fetch;
    let last = Promise.resolve();
    window.fetch = (input, options) => {
      const url = new URL(input instanceof Request ? input.url : input, location.href);
      if (!url.pathname.endsWith("/gradio_api/upload")) return plain(input, options);
      const next = last.then(() => plain(input, options));
      last = next.catch(() => {});
      return next;
    };
  };
  once();
  window.addEventListener("unhandledrejection", again);
  window.addEventListener("microphone-failed", off); // recorder.js has said why
  setTimeout(() => {
    window.removeEventListener("unhandledrejection", again);
    window.removeEventListener("microphone-failed", off);
  }, 20000);
  start();
}
