"""Door: ``python -m readtrack.calibrate``: probabilities that mean the same in many scenes."""

import sys

from readtrack.commands.calibrate import main

if __name__ == "__main__":
    sys.exit(main())
