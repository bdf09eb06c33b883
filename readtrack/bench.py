"""Door: ``python -m readtrack.bench``: how fast pairs are judged; ``hostile``: what readtrack stands."""

import sys

from readtrack.commands.bench import main

if __name__ == "__main__":
    sys.exit(main())
