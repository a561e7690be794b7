"""Libraries that chatter are asked to keep to errors."""

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
    """Give progress bars, shown or not, the lock that they all share, before threads need it.

    `tqdm.contrib` makes one where there is none and takes it away behind its threads, from under
    another thread that uses it: two that load data at once would fail.
    """
    from tqdm import tqdm

    tqdm.get_lock()


def quiet_libraries() -> None:
    """Silence progress bars and warnings of transformers, datasets and the Hub in this process.

    Imports none of them: those not imported yet will read the environment, the others are told.
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
        from huggingface_hub.utils import disable_progress_bars, logging

        logging.set_verbosity_error()
        disable_progress_bars()
