"""/classify as another program calls it."""

import os
from pathlib import Path

import gradio as gr
import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from intent.audio.clip import read_clip, write_wav
from intent.audio.speech_part import MARGIN_SECONDS
from intent.labels import MINDS14_LABELS
from intent.models.classifier import classify
from intent.paths import EXAMPLES
from tests.app.strangers import key_of
from tests.late_speech import SECONDS_BEFORE, late
from tests.long_recordings import five_minutes
from tests.tiny import LABELS, tiny_whisper, tone, wav_bytes

PAY_A_BILL = EXAMPLES / "pay-a-bill.wav"


def test_a_spoken_sentence_gets_ids_and_scores_best_first(client: Client) -> None:
    answer = client.predict(handle_file(PAY_A_BILL), api_name="/classify")
    assert set(answer) == {
        "top",
        "checkpoint",
        "device",
        "seconds",
        "heard_seconds",
        "heard_speech",
        "sure",
        "known",
        "known_score",
        "used_from",
        "used_to",
    }
    labels = [place["label"] for place in answer["top"]]
    scores = [place["score"] for place in answer["top"]]
    assert labels[0] == "pay_bill"
    assert len(set(labels)) == 5 and set(labels) <= set(MINDS14_LABELS)
    assert scores == sorted(scores, reverse=True) and 0 < sum(scores) <= 1.000001
    assert answer["checkpoint"] == "bundled"
    assert answer["heard_speech"] is True
    assert answer["seconds"] > 0


def test_a_call_gives_what_the_classifier_gives(client: Client) -> None:
    answer = client.predict(handle_file(PAY_A_BILL), api_name="/classify")
    here = classify(read_clip(PAY_A_BILL))
    assert [place["label"] for place in answer["top"]] == [score.label for score in here.top]
    assert [place["score"] for place in answer["top"]] == pytest.approx(
        [score.score for score in here.top], abs=1e-6
    )


def test_a_checkpoint_may_be_named(client: Client, tmp_path: Path) -> None:
    folder = str(tiny_whisper(tmp_path / "tones"))
    answer = client.predict(handle_file(PAY_A_BILL), folder, api_name="/classify")
    assert answer["checkpoint"] == folder
    assert {place["label"] for place in answer["top"]} == set(LABELS)


def test_a_clip_without_speech_says_so(client: Client, tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    silence.write_bytes(wav_bytes(0 * tone("low", seconds=3.0)))
    assert client.predict(handle_file(silence), api_name="/classify")["heard_speech"] is False


def test_speech_after_a_long_noise_is_classified_and_its_part_given(
    client: Client, tmp_path: Path
) -> None:
    clip = late("pay-a-bill")
    write_wav(clip, tmp_path / "late.wav")
    answer = client.predict(handle_file(tmp_path / "late.wav"), api_name="/classify")
    assert (answer["top"][0]["label"], answer["heard_speech"]) == ("pay_bill", True)
    assert SECONDS_BEFORE - MARGIN_SECONDS <= answer["used_from"] < SECONDS_BEFORE
    assert answer["used_to"] == pytest.approx(clip.seconds, abs=1e-3)


def test_the_app_needs_no_ffmpeg(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    renamed = tmp_path / "call.m4a"  # what a file is called does not matter either
    renamed.write_bytes(PAY_A_BILL.read_bytes())
    answer = client.predict(handle_file(renamed), api_name="/classify")
    assert answer["top"][0]["label"] == "pay_bill"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"Dear bank, " * 200,
            'The recording "call.wav" is not a sound file that can be read, or it is damaged. '
            "Use WAV, FLAC, Ogg, Opus, MP3, m4a or WebM.",
        ),
        (b"", 'The recording "call.wav" is empty (0 bytes). Record or export it again.'),
    ],
)
def test_a_bad_recording_gives_a_one_sentence_error(
    client: Client, tmp_path: Path, content: bytes, message: str
) -> None:
    recording = tmp_path / "call.wav"
    recording.write_bytes(content)
    with pytest.raises(AppError) as error:
        client.predict(handle_file(recording), api_name="/classify")
    assert str(error.value) == message


def test_a_missing_recording_gets_a_sentence(client: Client) -> None:
    with pytest.raises(AppError) as error:
        client.predict(None, api_name="/classify")
    assert str(error.value) == (
        "A recording was expected, but none was given. Record or choose one."
    )


def test_a_failed_download_of_a_checkpoint_is_reported(client: Client) -> None:
    with pytest.raises(AppError) as error:
        client.predict(handle_file(PAY_A_BILL), "nobody/nothing", api_name="/classify")
    assert "nobody/nothing" in str(error.value)
    assert "Traceback" not in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_file_on_the_server_that_was_not_uploaded_is_not_read(
    app_address: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(PAY_A_BILL.read_bytes())
    named = {"path": os.fspath(secret), "meta": {"_type": "gradio.FileData"}}
    call = f"{app_address.rstrip('/')}/gradio_api/call/classify"
    event = httpx.post(call, json={"data": [named, "bundled"]}).json()["event_id"]
    answer = httpx.get(f"{call}/{event}", timeout=60).text
    assert "event: error" in answer
    assert "pay_bill" not in answer


def test_a_long_recording_becomes_a_list_of_its_utterances(client: Client, tmp_path: Path) -> None:
    clip, spoken = five_minutes()
    write_wav(clip, tmp_path / "call.wav")
    found = client.predict(handle_file(tmp_path / "call.wav"), api_name="/timeline")
    names = {"start", "end", "top", "sure", "known", "known_score"}
    assert [set(one) for one in found] == [names] * 6
    assert [one["top"][0]["label"] for one in found] == [one.label for one in spoken]
    for one, true in zip(found, spoken, strict=True):
        assert one["start"] == pytest.approx(true.start, abs=0.3)
        assert one["sure"] and len(one["top"]) == 5


def test_a_recording_without_a_timeline_gets_a_sentence(client: Client, tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(b"Dear bank, " * 200)
    with pytest.raises(AppError) as error:
        client.predict(handle_file(tmp_path / "call.wav"), api_name="/timeline")
    assert str(error.value).startswith('The recording "call.wav" is not a sound file')


def test_timelines_do_not_take_the_turns_of_clips(app_page: gr.Blocks) -> None:
    turns = {key_of(app_page, number): fn.concurrency_id for number, fn in app_page.fns.items()}
    assert turns["Run.click timeline_file"] == turns["State.change show_timeline"]
    assert turns["Run.click classify_file"] == turns["recording.change show_answer"]
    assert turns["Run.click classify_file"] != turns["Run.click timeline_file"]


def test_what_classifies_is_offered_to_programs_and_described(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    for name in ("/classify", "/timeline"):
        parameters = [one["parameter_name"] for one in endpoints[name]["parameters"]]
        assert parameters == ["audio", "checkpoint"]
        assert "intents" in endpoints[name]["description"]
