"""Door: ``python -m readtrack.relink``: join finished tracks of any tracker."""

import sys

from readtrack.commands.relink import main

if __name__ == "__main__":
    sys.exit(main())
