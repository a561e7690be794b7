// A random secret in the browser identifies the visitor. It is sent with each request to this
// app, and to no other address.
(() => {
  const KEY = "intent-studio-visitor";
  const make = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(24)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  let secret;
  try {
    secret = localStorage.getItem(KEY) || make();
    localStorage.setItem(KEY, secret);
  } catch {
    secret = make(); // storage is blocked: valid until the page is closed
  }
  const plain = window.fetch;
  window.fetch = (input, options = {}) => {
    const asked = input instanceof Request ? input : null;
    const url = new URL(asked ? asked.url : input, location.href);
    if (url.origin !== location.origin) return plain(input, options);
    const headers = new Headers(options.headers || asked?.headers);
    headers.set("HEADER", secret);
    return plain(input, { ...options, headers });
  };
})();
