"""A notebook to read: its text, code and outputs as the file holds them. Nothing in it is run.

reading.py     cells and outputs from the file's bytes, whatever they are
view.py        what the template shows
notebook.html  the part of a page that shows it
"""

from trailmark.pages.notebook.reading import ReadCell, ReadNotebook, Unreadable, read_notebook, read_output
from trailmark.pages.notebook.view import NotebookView, ShownCell, build_notebook

__all__ = [
    "NotebookView",
    "ReadCell",
    "ReadNotebook",
    "ShownCell",
    "Unreadable",
    "build_notebook",
    "read_notebook",
    "read_output",
]
