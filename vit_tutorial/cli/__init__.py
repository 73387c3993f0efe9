"""`vit-tutorial train | sweep | evaluate | predict | export | results | doctor`: everything the package does, from the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 failed on the way (diverged, disk full), 2 wrong input.

    Wrong input is one clear line on stderr; `--debug` shows where it was noticed.
    """
    from vit_tutorial.cli.parser import build_parser

    words = list(sys.argv[1:] if arguments is None else arguments)
    asked = next((word for word in words if not word.startswith("-")), "")
    options = build_parser(asked).parse_args(words)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if options.debug or not isinstance(error, (ValueError, OSError, RuntimeError, ImportError)):
            raise
        print(f"vit-tutorial {options.command}: {error}{_of_several(error)}", file=sys.stderr)
        return 2 if isinstance(error, (ValueError, FileNotFoundError, NotADirectoryError)) else 1
    finally:
        _leave_process_group()


def _of_several(error: Exception) -> str:
    """What to do when one of several processes fails, which the others notice as a lost connection."""
    processes = os.environ.get("WORLD_SIZE", "1")
    if processes == "1" or isinstance(error, ValueError):  # wrong input is wrong in all of them
        return ""
    return (
        f"\nThis was process {os.environ.get('RANK')} of {processes}. Where a connection was closed or timed out, another one has died before: its own "
        "message, or the exit code in torchrun's table, says of what (-9: killed, often for memory). The same command goes on from the last checkpoint"
    )


def _leave_process_group() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
