"""The web page: the only code that imports Gradio, except app.py."""
