"""Entry point: ``python run_sorter.py COMMAND``; ``--help`` tells the commands."""

import os
import sys

# Before any numeric library is imported, and inherited by every line's process: two fighting thread pools turn
# 5 ms of clustering into a second now and then.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

if __name__ == "__main__":
    from sorter.cli import main

    sys.exit(main(sys.argv[1:]))
