"""Silence the progress bars and warnings of libraries."""

import os
import sys
import warnings

_SETTINGS = {
    "TRANSFORMERS_VERBOSITY": "error",
    "DATASETS_VERBOSITY": "error",
    "HF_HUB_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def lock_bars() -> None:
    """Create the lock that all tqdm progress bars share, before threads need it.

    Otherwise `tqdm.contrib` creates it for its own threads and deletes it afterwards, while another
    thread may be using it: loading two data sets at once would fail.
    """
    from tqdm import tqdm

    tqdm.get_lock()


def quiet_libraries() -> None:
    """Silence progress bars and warnings of transformers, datasets and huggingface_hub.

    Imports none of them: sets environment variables for those not imported yet, and calls the
    others.
    """
    lock_bars()
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore", category=UserWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
    if "transformers" in sys.modules:
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
    if "datasets" in sys.modules:
        import datasets

        datasets.logging.set_verbosity_error()
        datasets.disable_progress_bars()
    if "huggingface_hub" in sys.modules:
        import huggingface_hub.utils

        huggingface_hub.utils.logging.set_verbosity_error()
        huggingface_hub.utils.disable_progress_bars()
