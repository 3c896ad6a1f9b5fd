"""Another process that keeps a core busy while something is measured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# It ends by itself where its parent was killed before it could be ended.
_SPIN = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    pass"


@contextmanager
def busy_neighbor() -> Iterator[None]:
    """One process computes without rest as long as the context lasts."""
    process = subprocess.Popen([sys.executable, "-I", "-c", _SPIN])
    try:
        yield
    finally:
        process.kill()
        process.wait()
