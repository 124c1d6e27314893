"""The index of a trail: an SQLite file, derived from git, that answers what the feed and search ask.

Deleting it costs a rebuild and nothing else. Its *place* is the order of the trail: along each device's chain
of records, and by time between devices. Commits made with plain git are in it as rows of kind `outside`, and
commits whose record is not to be had as rows of kind `missing`.
"""

from trailmark.activity.index.index import Facets, Index
from trailmark.activity.index.row import MISSING, OUTSIDE, Row

__all__ = ["MISSING", "OUTSIDE", "Facets", "Index", "Row"]
