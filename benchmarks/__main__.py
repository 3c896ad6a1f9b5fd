"""Entry point: ``python -m benchmarks [PART ...]``; ``--help`` tells the parts."""

import os
import sys

# Before any numeric library is imported: a figure must not depend on how many threads a library likes to start.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

if __name__ == "__main__":
    from benchmarks.command import main

    sys.exit(main(sys.argv[1:]))
