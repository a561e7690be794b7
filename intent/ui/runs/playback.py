"""Play a test recording of a run's report."""

from pathlib import Path

from intent.data.find_clip import find_clip
from intent.errors import DataError, IntentError
from intent.runs.report import read_report
from intent.ui.runs.clips_list import clip_html
from intent.ui.shared.html import alert_html
from intent.ui.shared.recordings import wav_file
from intent.ui.shared.requests import usable_data
from intent.ui.shared.visitors import open_run
from intent.ui.shared.wiring import sentence_of


def clip_and_sound(runs: Path, run_id: str, index: object) -> tuple[str, str | None]:
    """Return a clip of a run's report as HTML, and its audio as a WAV file.

    index: of the clip in the report, as sent by the browser (unchecked). If the audio is not
    available, the HTML gives the reason and the file is None.
    """
    details = ""
    try:
        run = open_run(runs, run_id)
        report, recipe = read_report(run), run.recipe()
        if not isinstance(index, int) or not 0 <= index < len(report.clips):
            raise DataError("There is no such recording in this report: select one of its rows.")
        clip = report.clips[index]
        details = clip_html(clip, report.reject_label)
        usable_data(recipe.data)
        return details, wav_file(find_clip(recipe, clip.name, clip.hash))
    except IntentError as error:
        return alert_html(sentence_of(error)) + details, None
