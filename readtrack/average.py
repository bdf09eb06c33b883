"""Door: ``python -m readtrack.average``: average two stages of one training."""

import sys

from readtrack.commands.average import main

if __name__ == "__main__":
    sys.exit(main())
