// Start Gradio's recorder once the switch is on. It has neither an event for being mounted nor one for
// its encoder being loaded: until then, a click on its button fails with "… is not a constructor".
(on) => {
  if (!on) return;
  const part = (selector) => document.querySelector(selector);
  const end = performance.now() + 20000; // ms; the encoder may come over a slow network
  const start = () => {
    if (!part("#live-switch input")?.checked || performance.now() > end) return;
    const button = part("#live-sound .record-button");
    if (button) button.click();
    else setTimeout(start, 50);
  };
  const again = (event) => {
    if (!/is not a constructor/.test(event.reason?.message)) return;
    event.preventDefault();
    part("#live-sound :is(.stop-button, .spinner-button)")?.click();
    setTimeout(start, 200);
  };
  const off = () => part("#live-switch input:checked")?.click();
  // Gradio uploads the chunks of sound side by side: without this, a slow one is overtaken by the next.
  const inOrder = () => {
    if (window.uploadsInOrder) return;
    window.uploadsInOrder = true;
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
  inOrder();
  window.addEventListener("unhandledrejection", again);
  window.addEventListener("microphone-failed", off); // recorder.js has said why
  setTimeout(() => {
    window.removeEventListener("unhandledrejection", again);
    window.removeEventListener("microphone-failed", off);
  }, 20000);
  start();
}
