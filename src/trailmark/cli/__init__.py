"""The command line: one file per command, each read only when it is used.

A command parses what was typed, calls one function of the nouns below, and shows what came back: as text for
a person, or with `--json` as data for a program. Exit codes: 0 done, 1 refused or failed with a reason,
2 wrong use; `run` passes its command's own code through.
"""

from trailmark.cli.program import main

__all__ = ["main"]
