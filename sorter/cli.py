"""The command line: parse, call, exit code. Each command's module is imported only when it runs."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

from sorter.arguments import build_parser
from sorter.commands.screen import discard_output, flush_output, open_standard_streams
from sorter.commands.stopping import INTERRUPTED_EXIT_CODE
from sorter.errors import SorterError
from sorter.logs import set_up_log


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    open_standard_streams()
    try:
        return _run(_parse(arguments))
    except SorterError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except BrokenPipeError:  # whoever read our output (head, say) has enough
        discard_output()
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED_EXIT_CODE
    except Exception as error:
        logging.getLogger(__name__).debug("the fault in full", exc_info=True)
        sys.stderr.write(f"{_in_one_sentence(error)}\n")
        return SorterError.exit_code


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    try:
        return build_parser().parse_args(arguments)
    except SystemExit:  # help or version were asked for, and may not be on the screen yet
        flush_output()
        raise


def _run(options: argparse.Namespace) -> int:
    set_up_log(logging.DEBUG if options.verbose else logging.WARNING)
    return int(import_module(options.module).execute(options))


def _in_one_sentence(error: Exception) -> str:
    what = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'the system'}: {error.strerror}; --verbose tells where it happened"
    return f"a fault of this program ({what}): please report it, with what --verbose tells"
