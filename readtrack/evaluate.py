"""Door: ``python -m readtrack.evaluate``: score weights and trackers."""

import sys

from readtrack.commands.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
