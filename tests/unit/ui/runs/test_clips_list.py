"""The recordings of a report as the Runs tab shows them."""

from dataclasses import replace

from intent.runs.report import AnsweredClip
from intent.ui.runs.clips_list import clip_html

CLIP = AnsweredClip("hash", "a.wav", "en-US", "Pay a bill", "pay_bill", (("pay_bill", 0.9),))


def test_a_recording_of_which_a_part_was_used_says_which() -> None:
    assert "used " not in clip_html(CLIP)
    assert "en-US · a.wav · used 14.1 s to 19.5 s" in clip_html(replace(CLIP, used=(14.144, 19.5)))
