"""Door: ``python -m readtrack.train``: train READ."""

import sys

from readtrack.commands.train import main

if __name__ == "__main__":
    sys.exit(main())
