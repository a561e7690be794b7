// What Gradio's recorder leaves out: a reason when the microphone cannot be used, and sound files
// that browsers call video. Runs each time the note under the recorder is put on the page.
const say = (sentence) => {
  const note = document.querySelector("#microphone-note [role=status]");
  if (note) note.textContent = sentence;
};
const instead = "Uploading a recording works.";
const reasons = {
  NotAllowedError:
    `The microphone is blocked for this page. Allow it in the browser's settings for this site and reload. ${instead}`,
  NotFoundError: `No microphone was found. Connect one and try again. ${instead}`,
  NotReadableError:
    `The microphone is in use by another program. Close that program and try again. ${instead}`,
};

const watchMicrophone = () => {
  const devices = navigator.mediaDevices;
  if (!window.isSecureContext)
    return say(`Browsers allow the microphone only on https pages and on this computer itself (localhost); this page is plain http. ${instead}`);
  if (!devices || !devices.getUserMedia)
    return say(`This browser gives web pages no microphone. ${instead}`);
  devices.enumerateDevices().then((list) => {
    if (!list.some((device) => device.kind === "audioinput")) say(reasons.NotFoundError);
  });
  if (navigator.permissions)
    navigator.permissions.query({ name: "microphone" }).then((permission) => {
      const show = () => say(permission.state === "denied" ? reasons.NotAllowedError : "");
      if (permission.state === "denied") show();
      permission.onchange = show;
    }).catch(() => {}); // a browser that does not know this name says so when it is asked to record
  if (devices.getUserMedia.explains) return;
  const ask = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (wanted) =>
    ask(wanted).then(
      (stream) => { say(""); return stream; },
      (error) => {
        say(reasons[error.name] || `The microphone could not be used (${error.message}). ${instead}`);
        throw error;
      },
    );
  devices.getUserMedia.explains = true;
};

// Gradio takes only files whose type begins with "audio/", but browsers call every .webm and .mp4
// "video/…" and know no type for others. The server reads the content, so the type is corrected.
const sounds = (files) => {
  const transfer = new DataTransfer();
  for (const file of files) {
    const kind = file.type.split("/")[1] || "unknown";
    transfer.items.add(new File([file], file.name, { type: `audio/${kind}` }));
  }
  return transfer;
};
const isForeign = (files) => [...files].some((file) => !file.type.startsWith("audio/"));
const inRecorder = (event) => event.target instanceof Element && event.target.closest("#recording");

const takeEverySound = () => {
  if (window.takesEverySound) return;
  window.takesEverySound = true;
  document.addEventListener("click", (event) => {
    if (inRecorder(event) && event.target.type === "file")
      event.target.accept = "audio/*,video/webm,video/mp4,.m4a,.mp4,.webm,.opus,.ogg,.flac,.caf,.amr,.3gp";
  }, true);
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (inRecorder(event) && input.type === "file" && isForeign(input.files))
      input.files = sounds(input.files).files;
  }, true);
  document.addEventListener("drop", (event) => {
    if (!inRecorder(event) || !event.dataTransfer || !isForeign(event.dataTransfer.files)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const dataTransfer = sounds(event.dataTransfer.files);
    event.target.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  }, true);
};

watchMicrophone();
takeEverySound();
