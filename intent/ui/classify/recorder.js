// Add to Gradio's recorder what it lacks: the reason why the microphone cannot be used, and audio
// files that browsers report as video. Runs each time the note under the recorder is rendered.
const show = (sentence) => {
  const note = document.querySelector("#microphone-note [role=status]");
  if (note) note.textContent = sentence;
};
const instead = "You can upload a recording instead.";
const reasons = {
  NotAllowedError:
    `The microphone is blocked for this page. Allow it in the browser's settings for this site, then reload the page. ${instead}`,
  NotFoundError: `No microphone was found. Connect one and try again. ${instead}`,
  NotReadableError:
    `Another program is using the microphone. Close it and try again. ${instead}`,
};

const watchMicrophone = () => {
  const devices = navigator.mediaDevices;
  if (!window.isSecureContext)
    return show(`Browsers allow the microphone only on https pages and on localhost, but this page uses http. ${instead}`);
  if (!devices || !devices.getUserMedia)
    return show(`This browser does not support microphone access. ${instead}`);
  devices.enumerateDevices().then((list) => {
    if (!list.some((device) => device.kind === "audioinput")) show(reasons.NotFoundError);
  });
  if (navigator.permissions)
    navigator.permissions.query({ name: "microphone" }).then((permission) => {
      const update = () => show(permission.state === "denied" ? reasons.NotAllowedError : "");
      if (permission.state === "denied") update();
      permission.onchange = update;
    }).catch(() => {}); // unknown permission name: the reason appears when recording starts
  if (devices.getUserMedia.showsErrors) return;
  const original = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (constraints) =>
    original(constraints).then(
      (stream) => { show(""); return stream; },
      (error) => {
        show(reasons[error.name] || `The microphone could not be used (${error.message}). ${instead}`);
        window.dispatchEvent(new Event("microphone-failed"));
        throw error;
      },
    );
  devices.getUserMedia.showsErrors = true;
};

// Gradio accepts only files of type "audio/…", but browsers report .webm and .mp4 as "video/…" and
// other formats without a type. The server checks the content, so the type is replaced here.
const asAudio = (files) => {
  const transfer = new DataTransfer();
  for (const file of files) {
    const kind = file.type.split("/")[1] || "unknown";
    transfer.items.add(new File([file], file.name, { type: `audio/${kind}` }));
  }
  return transfer;
};
const isNotAudio = (files) => [...files].some((file) => !file.type.startsWith("audio/"));
const inRecorder = (event) => event.target instanceof Element && event.target.closest("#recording");

const acceptEveryFormat = () => {
  if (window.acceptsEveryFormat) return;
  window.acceptsEveryFormat = true;
  document.addEventListener("click", (event) => {
    if (inRecorder(event) && event.target.type === "file")
      event.target.accept = "audio/*,video/webm,video/mp4,.m4a,.mp4,.webm,.opus,.ogg,.flac,.caf,.amr,.3gp";
  }, true);
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (inRecorder(event) && input.type === "file" && isNotAudio(input.files))
      input.files = asAudio(input.files).files;
  }, true);
  document.addEventListener("drop", (event) => {
    if (!inRecorder(event) || !event.dataTransfer || !isNotAudio(event.dataTransfer.files)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const dataTransfer = asAudio(event.dataTransfer.files);
    event.target.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  }, true);
};

watchMicrophone();
acceptEveryFormat();
