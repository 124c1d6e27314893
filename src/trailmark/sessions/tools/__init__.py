"""Tools: what a session can open a project in, each described by one file of this folder.

A *tool* says how it is started, how it tells that it is ready, who keeps strangers out, and what notes what is done
in it. It does not say where it runs: an engine does. One more tool is one more file.

    server   `jupyter`: Jupyter's own server, which asks for a token; `gate`: any web server, behind our gate
    program  what must be there to start it; nothing, for what comes with Trailmark
    layer    what an image lacks that was made without the tool

A person's own lie in `tools/` below the Trailmark home.
"""

from trailmark.sessions.tools.catalogue import find_tool, load_tools, problems_of, tools_folder
from trailmark.sessions.tools.model import Layer, Tool
from trailmark.sessions.tools.present import Presence, look_for

__all__ = ["Layer", "Presence", "Tool", "find_tool", "load_tools", "look_for", "problems_of", "tools_folder"]
