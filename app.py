"""Start Intent Studio: `python app.py`, then open the address that it prints."""

import threading


def main() -> None:
    """Build the page, warm up what answers first, start what is queued, and serve until stopped."""
    # Imported here because the training child processes import this file again.
    from intent.surroundings import settle

    settle(page=True)  # ahead of the libraries, which read the environment once
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
