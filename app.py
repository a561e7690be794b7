"""Start Intent Studio: `python app.py`, then open the address that it prints."""

import threading


def main() -> None:
    """Build the page, serve it, load the model behind it, and start queued runs, until stopped."""
    # Imported here because the training processes import this file again.
    from intent.environment import prepare_environment
    from intent.hub_http import be_anonymous
    from intent.runs.access import is_public

    # Before the libraries, which read the environment once, and the processes that inherit it.
    prepare_environment(page=True)
    if is_public():
        be_anonymous()
    # Before there are threads: at the end of its import, transformers replaces its own module, and a
    # thread that imports it at that time gets `cannot import name`; datasets uses it half imported.
    # It imports no torch yet.
    import transformers  # noqa: F401

    from intent.jobs.control import look_after
    from intent.models.classifier import warm_up
    from intent.paths import runs_dir
    from intent.ui.app import build_app, launch

    threading.Thread(target=look_after, args=[runs_dir()], daemon=True).start()
    # Before the page is served, the model's imports would take its time.
    launch(build_app(runs_dir()), threading.Thread(target=warm_up, daemon=True).start)


if __name__ == "__main__":
    main()
