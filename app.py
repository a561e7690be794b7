"""Start Intent Studio: `python app.py`, then open the address that it prints."""

import threading


def main() -> None:
    """Build the page, warm up what answers first, start what is queued, and serve until stopped."""
    # Imported here because the training child processes import this file again.
    from intent.access import is_public
    from intent.hub_client import be_anonymous

    if is_public():
        be_anonymous()  # before a library is imported, or a process started, that reads tokens
    from intent.classifier import warm_up
    from intent.paths import runs_dir
    from intent.runs import look_after, prepare_worker
    from intent.ui.app import build_app, launch

    prepare_worker()
    threading.Thread(target=warm_up, daemon=True).start()
    threading.Thread(target=look_after, args=[runs_dir()], daemon=True).start()
    launch(build_app(runs_dir()))


if __name__ == "__main__":
    main()
