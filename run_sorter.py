"""Entry point: ``python run_sorter.py COMMAND``; ``--help`` tells the commands."""

import sys

if __name__ == "__main__":
    from sorter.cli import main

    sys.exit(main(sys.argv[1:]))
