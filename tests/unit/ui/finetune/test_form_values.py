"""What the Fine-tune form asks for: its values as a request."""

import pytest

from intent.ui.finetune.form_values import FormValues
from intent.ui.finetune.recipe_form import field_names, preset
from intent.ui.shared.requests import FOLDER


def form(source: str, reject_label: str | None) -> FormValues:
    fields = tuple(getattr(preset("instant"), name) for name in field_names())
    return FormValues(
        source, ["en-US"], "/tones", reject_label, None, "instant", (None, "instant"), fields
    )


@pytest.mark.parametrize(("typed", "asked"), [(None, ""), ("", ""), (" other ", "other")])
def test_the_label_that_means_none_of_these_is_asked_for(typed: str | None, asked: str) -> None:
    assert form(FOLDER, typed).request().changes["reject_label"] == asked


def test_a_label_typed_for_a_folder_is_not_asked_of_other_data() -> None:
    for source in ("sample", "minds14"):
        assert "reject_label" not in form(source, "other").request().changes
