"""Door: ``python -m readtrack.run``: a video in, tracks out."""

import sys

from readtrack.commands.track import main

if __name__ == "__main__":
    sys.exit(main())
