"""One record in full: its code, what it showed, the files that it touched, and what can be done from it.

model.py     what the template shows
outputs.py   each display in the form that says most, safely
build.py     the whole from a stored record
record.html  the page; outputs.html shows outputs, also those of notebooks
"""

from trailmark.pages.record.build import Neighbour, Surroundings, WrittenNote, build_record
from trailmark.pages.record.model import EMPTY, RecordPage, Typed
from trailmark.pages.record.outputs import Shown, show_outputs, wanted_outputs

__all__ = [
    "EMPTY",
    "Neighbour",
    "RecordPage",
    "Shown",
    "Surroundings",
    "Typed",
    "WrittenNote",
    "build_record",
    "show_outputs",
    "wanted_outputs",
]
