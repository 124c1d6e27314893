"""An environment of another time: for code that does not say what it needs, the Python and the versions of its days.

`propose` chooses, from what the code imports, what existed at a *moment* (the day of the last commit) as far as
this machine and its index can have it; nothing is built or run. `try_out` installs that into a throw-away folder and
imports each name in a fresh process. Both return a *proposal*: what was chosen, what works, and what still fails,
each with its reason and what to do. A person decides.
"""

from trailmark.environments.period.model import Moment, Outcome, PackageChoice, Proposal, parse_day
from trailmark.environments.period.propose import propose
from trailmark.environments.period.tryout import try_out

__all__ = ["Moment", "Outcome", "PackageChoice", "Proposal", "parse_day", "propose", "try_out"]
