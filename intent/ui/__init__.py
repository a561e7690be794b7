"""The web page: the only code, app.py apart, that knows Gradio."""
