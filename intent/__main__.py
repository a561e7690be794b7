"""python -m intent"""

import sys

from intent.cli.main import main
from intent.surroundings import settle

if __name__ == "__main__":
    settle()  # ahead of the libraries, which read the environment once
    sys.exit(main(sys.argv[1:]))
