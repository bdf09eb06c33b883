"""``python -m readtrack.evaluate``."""

import sys

from readtrack.evaluate.command import main

if __name__ == "__main__":
    sys.exit(main())
