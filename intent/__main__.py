"""Entry point of `python -m intent` and of the command intent-studio."""

import sys

from intent.cli.main import main
from intent.environment import prepare_environment


def run() -> None:
    """Run the command line and exit with its exit code."""
    prepare_environment()  # before the import of libraries that read the environment
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
