"""The timeline on the page: its parts lie where they were said; an earlier one stops for a later one."""

import re
from pathlib import Path

import gradio as gr
import pytest

from intent.audio.clip import write_wav
from intent.models.classifier import Score
from intent.models.timeline import Utterance
from intent.ui.classify import timeline_html as html
from intent.ui.classify import timeline_panel as panels
from intent.ui.classify.timeline_panel import AUTOMATIC_SECONDS, Latest, TimelinePanel
from tests.late_speech import late

SAID = [
    Utterance(15.0, 30.0, (Score("pay_bill", 0.93),)),
    Utterance(45.0, 48.0, (Score("<b>", 0.2),)),
]


@pytest.fixture
def panel() -> TimelinePanel:
    with gr.Blocks():
        return panels.build_panel(panels.build_strip())


def test_a_part_of_the_strip_lies_where_it_was_said_and_says_what():
    strip = html.strip_html(SAID, 60.0)
    assert "style='left:25.000%;width:25.000%'" in strip
    assert "aria-label='Play 0:15.0 to 0:30.0: Pay a bill, 93\u00a0%'" in strip
    assert [float(start) for start in re.findall(r"data-seek='([\d.]+)'", strip)] == [15, 45]


def test_labels_are_text_in_the_strip_and_in_the_table():
    for shown in (html.strip_html(SAID, 60.0), html.details_html(SAID, 60.0)):
        assert "&lt;b&gt; (low confidence)" in shown


def test_the_summary_names_what_is_sure_what_is_not_and_what_is_silent():
    rows = re.findall(r"<span>([^<]+)</span><b>([\d.]+)", html.details_html(SAID, 60.0))
    assert rows == [("Pay a bill", "15.0"), ("Low confidence", "3.0"), ("No speech", "42.0")]


def test_none_of_the_intents_has_its_name_and_one_row_of_the_summary():
    none = [
        Utterance(start, start + 2, (Score("other", score), Score("balance", 0.1)), known=False)
        for start, score in ((50.0, 0.9), (55.0, 0.2))  # sure or not
    ]
    details = html.details_html([*SAID, *none], 60.0)
    rows = re.findall(r"<span>([^<]+)</span><b>([\d.]+)", details)
    assert rows == [
        ("Pay a bill", "15.0"),
        ("None of these", "4.0"),
        ("Low confidence", "3.0"),
        ("No speech", "38.0"),
    ]
    assert "Play 0:50.0 to 0:52.0: None of these, 90\u00a0%" in html.strip_html(none, 60.0)
    assert "Other" not in details and "None of these (low" not in details


def test_a_recording_without_speech_says_so():
    assert "No speech was detected" in html.details_html([], 60.0)


def test_the_progress_names_what_was_read_and_the_time_left():
    shown = html.progress_html(0.25, 450.0, 12, elapsed=10.0)
    assert "7:30 read, 12 utterances, about 30 seconds left" in shown
    assert "aria-valuenow='25'" in shown


def test_a_long_recording_gets_its_timeline_and_a_short_one_an_offer(panel):
    latest = Latest()
    short = panels.offered(panel, latest, AUTOMATIC_SECONDS)
    assert panel.wanted not in short and "data-ask" in short[panel.strip]
    assert panels.offered(panel, latest, AUTOMATIC_SECONDS + 1)[panel.wanted] == latest.number


def test_a_timeline_ends_with_its_strip_and_details(panel, tmp_path: Path):
    write_wav(late("pay-a-bill"), tmp_path / "late.wav")
    latest = Latest(7)
    updates = list(panels.show_timeline(panel, str(tmp_path / "late.wav"), None, latest, 7))
    assert "role='progressbar'" in updates[0][panel.strip]
    assert "Pay a bill" in updates[-1][panel.strip] and "<table>" in updates[-1][panel.details]


def test_a_timeline_stops_when_another_recording_is_chosen(panel, tmp_path: Path):
    write_wav(late("pay-a-bill"), tmp_path / "late.wav")
    latest = Latest(7)
    running = panels.show_timeline(panel, str(tmp_path / "late.wav"), None, latest, 7)
    next(running)
    panels.cleared(panel, latest)
    assert list(running) == []
    assert len(list(panels.show_timeline(panel, str(tmp_path / "late.wav"), None, latest, 7))) == 1
