"""The process of one run: `python -m ayolom.compare._child FOLDER`."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> int:
    """Train the run that the folder describes."""
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # before PyTorch is loaded; see ayolom/cli.py
    from ayolom.compare._lock import end_with_parent
    from ayolom.compare._train import train

    end_with_parent()
    train(Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
