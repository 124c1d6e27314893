"""The trail as a page: days, the steps of each day, and quiet steps folded.

model.py     what the templates show
step.py      one step from one row of the index
days.py      days and folds from steps
filters.py   what is being looked for, as a form, as words and as addresses
feed.html    the page's content; days.html is the part that scrolling and live news fetch
"""

from trailmark.pages.feed.days import build_feed
from trailmark.pages.feed.filters import Choices, FilterBar, Filters, build_filter_bar
from trailmark.pages.feed.model import Day, Feed, Fold, Step
from trailmark.pages.feed.step import build_step

__all__ = [
    "Choices",
    "Day",
    "Feed",
    "FilterBar",
    "Filters",
    "Fold",
    "Step",
    "build_feed",
    "build_filter_bar",
    "build_step",
]
