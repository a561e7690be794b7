"""python -m intent"""

import sys

from intent.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
