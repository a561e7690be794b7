"""python -m intent, and the command intent-studio"""

import sys

from intent.cli.main import main
from intent.surroundings import settle


def run() -> None:
    """Do what the command line says, and end with its exit code."""
    settle()  # ahead of the libraries, which read the environment once
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
