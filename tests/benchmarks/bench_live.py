"""Measure Live: updates a second, the time to a settled answer, and whether it is that of the clip.

Run by hand: `python -m tests.benchmarks.bench_live [--browser ROUNDS] [FILE…]`. Recordings are played
at a microphone's rate, in chunks as a browser sends them, into the step that the page calls. With
--browser, Chromium plays them into the real page, and the delay is measured there: from the last
loud sound and the silence that settles, to the settled answer on the page.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intent.audio.clip import Clip, read_clip, resample, write_wav
from intent.devices import device_name
from intent.library_output import quiet_libraries
from intent.models.classifier import classify, warm_up
from intent.models.live import SETTLE_SECONDS, Live, hear
from intent.paths import EXAMPLES
from intent.ui.classify.live import CHUNK_SECONDS

RATE = 48_000  # Hz, of most microphones
PAUSE_SECONDS = 1.5
NOISE_LEVEL = 2e-4
LOUD = 0.01  # RMS in the browser, after its own noise suppression
# Note the last loud sound of the microphone, and how long after it each settled answer appears.
WATCH = """
window.delays = [];
let loud = 0;
const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (constraints) => {
  const stream = await original(constraints);
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, {fftSize: 256});
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(256);
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / 256;
    if (Math.sqrt(power) > LOUD) loud = performance.now();
  }, 5);
  window.watcher ||= new MutationObserver(() => window.delays.push(performance.now() - loud));
  window.watcher.observe(document.querySelector("#live-said [role=status]"), {childList: true});
  return stream;
};
""".replace("LOUD", str(LOUD))


@dataclass(frozen=True)
class Played:
    """What one recording gave in the step."""

    agrees: bool  # one settled answer, with the label of the whole recording
    utterances: int
    updates: int
    speech_seconds: float  # from the first answer to the last
    steps: tuple[float, ...]  # s a chunk
    settling: tuple[float, ...]  # s of the steps that settled an answer


def main() -> None:
    """Measure and print a table."""
    arguments = _parse()
    quiet_libraries()
    clips = [read_clip(path) for path in arguments.files or sorted(EXAMPLES.glob("*.wav"))]
    warm_up()
    played = [play(clip) for clip in clips]
    print(f"{device_name()}; {len(clips)} recordings at {RATE} Hz, chunks of {CHUNK_SECONDS} s")
    print(table(played))
    if arguments.browser:
        delays = in_browser(clips, arguments.browser)
        print(
            f"in Chromium: {len(delays)} settled answers, {np.median(delays):.0f} ms after the "
            f"silence (median), {np.percentile(delays, 95):.0f} ms (95th percentile)"
        )


def play(clip: Clip) -> Played:
    """Play a recording between two pauses into the step, and time each chunk."""
    sound = with_pauses([clip])
    state, labels, steps, settling = Live(), [], [], []
    times: list[float] = []
    size = round(CHUNK_SECONDS * RATE)
    for start in range(0, len(sound.samples), size):
        begun = time.perf_counter()
        after = hear(state, sound.samples[start : start + size], RATE)
        steps.append(time.perf_counter() - begun)
        if after.settled is not state.settled:
            settling.append(steps[-1])
            labels += [done.answer.top[0].label for done in after.settled]
        elif after.answer is not state.answer:
            times.append(start / RATE)
        state = after
    return Played(
        agrees=labels == [classify(clip).top[0].label],
        utterances=len(labels),
        updates=len(times),
        speech_seconds=times[-1] - times[0] if times else 0.0,
        steps=tuple(steps),
        settling=tuple(settling),
    )


def with_pauses(clips: Sequence[Clip]) -> Clip:
    """Return the recordings one after the other, each between pauses of faint noise."""
    random = np.random.default_rng(0)

    def pause() -> np.ndarray:
        noise = random.standard_normal(round(PAUSE_SECONDS * RATE))
        return (NOISE_LEVEL * noise).astype(np.float32)

    parts = [pause()]
    for clip in clips:
        parts += [resample(clip, RATE).samples, pause()]
    return Clip(np.concatenate(parts), RATE)


def in_browser(clips: Sequence[Clip], rounds: int) -> np.ndarray:
    """Return the delay of each settled answer on the page after its silence, in ms."""
    from playwright.sync_api import sync_playwright

    from tests.browser.harness import open_browser, open_page, serve

    sound = with_pauses([*clips] * rounds)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        write_wav(sound, Path(folder) / "microphone.wav")
        with serve(Path(folder) / "app") as url:
            browser = open_browser(playwright, Path(folder) / "microphone.wav")
            page = open_page(browser, url, before=WATCH)
            page.get_by_role("checkbox", name="Live").check()
            page.wait_for_timeout(1000 * (sound.seconds + 5))
            delays = page.evaluate("delays")
            browser.close()
    return np.array(delays) - 1000 * SETTLE_SECONDS


def table(played: Sequence[Played]) -> str:
    """Return the figures over all recordings, one a line."""
    steps = 1000 * np.concatenate([one.steps for one in played])
    settling = 1000 * np.concatenate([one.settling for one in played])
    rate = sum(one.updates - 1 for one in played) / sum(one.speech_seconds for one in played)
    rows = {
        "settled as the whole clip": f"{sum(one.agrees for one in played)} of {len(played)}",
        "utterances": str(sum(one.utterances for one in played)),
        "updates a second of speech": f"{rate:.1f}",
        "ms a chunk, mean": f"{steps.mean():.1f}",
        "ms a chunk, 95th percentile": f"{np.percentile(steps, 95):.1f}",
        "ms to settle, median": f"{np.median(settling):.1f}",
        "ms to settle, 95th percentile": f"{np.percentile(settling, 95):.1f}",
    }
    return "\n".join(f"{name:32}{value:>12}" for name, value in rows.items())


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, help="recordings; by default the examples")
    parser.add_argument("--browser", type=int, default=0, metavar="ROUNDS", help="in Chromium too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
