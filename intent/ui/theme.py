"""The page's theme: one accent color, system fonts, nothing loaded from the network."""

from pathlib import Path

import gradio as gr

STYLES = (
    "style.css",
    "shared/chart.css",
    "classify/live.css",
    "classify/timeline.css",
    "finetune/finetune.css",
    "runs/runs.css",
    "runs/share.css",
)
CSS = tuple(Path(__file__).parent / name for name in STYLES)
SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
MONO_FONTS = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

ACCENT = gr.themes.Color(
    name="evergreen",
    c50="#eef7f4",
    c100="#d6ece5",
    c200="#aedacd",
    c300="#7cc3b0",
    c400="#4eb198",
    c500="#1f8f77",
    c600="#0f7460",
    c700="#0b5e4f",
    c800="#0a4b40",
    c900="#083d35",
    c950="#04241f",
)
NEUTRAL = gr.themes.Color(
    name="stone",
    c50="#fafaf8",
    c100="#f3f2ee",
    c200="#e6e4de",
    c300="#d2cfc7",
    c400="#a3a7a3",
    c500="#6f7672",
    c600="#565d59",
    c700="#3b423f",
    c800="#222927",
    c900="#181e1c",
    c950="#101513",
)


def build_theme() -> gr.themes.Base:
    """Build the theme; the colors that our own HTML uses too are in style.css."""
    return gr.themes.Base(
        primary_hue=ACCENT,
        secondary_hue=ACCENT,
        neutral_hue=NEUTRAL,
        font=SYSTEM_FONTS,
        font_mono=MONO_FONTS,
        radius_size=gr.themes.sizes.radius_lg,
        spacing_size=gr.themes.sizes.spacing_md,
        text_size=gr.themes.sizes.text_md,
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="#1b211f",
        body_text_color_dark="#e7ece9",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_50",
        background_fill_secondary_dark="*neutral_950",
        block_background_fill="#ffffff",
        block_background_fill_dark="*neutral_900",
        block_border_color="*neutral_200",
        block_border_color_dark="#2b3330",
        block_border_width="1px",
        block_shadow="none",
        block_shadow_dark="none",
        block_radius="14px",
        container_radius="14px",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_border_width_dark="0px",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_400",
        block_title_text_color="*neutral_600",
        block_title_text_color_dark="*neutral_400",
        block_title_text_weight="600",
        block_label_text_weight="600",
        border_color_primary="*neutral_200",
        border_color_primary_dark="#2b3330",
        border_color_accent="*primary_600",
        border_color_accent_dark="*primary_400",
        color_accent="*primary_600",
        color_accent_soft="*primary_50",
        color_accent_soft_dark="*primary_950",
        link_text_color="*primary_600",
        link_text_color_dark="*primary_300",
        input_background_fill="#ffffff",
        input_background_fill_dark="*neutral_950",
        input_border_color="*neutral_400",
        input_border_color_dark="#56605c",
        input_border_width="1px",
        input_border_width_dark="1px",
        input_border_color_focus="*primary_600",
        input_border_color_focus_dark="*primary_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_hover="*primary_50",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="#3a4340",
        button_border_width="1px",
        button_border_width_dark="1px",
        button_transition="background-color .15s ease, border-color .15s ease",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        checkbox_background_color_selected="*primary_600",
        checkbox_background_color_selected_dark="*primary_500",
    )


HEAD = '<meta name="color-scheme" content="light dark">'
