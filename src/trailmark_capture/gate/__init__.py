"""The gate of a session: it stands in front of a web server that has no lock of its own, and lets one person in.

``door``      who may come in: the key once, then a cookie; never another site's page
``keys``      keys that work once, made by whoever knows the session's token
``proxy``     passes requests and websockets on, byte for byte
``upstream``  starts the server and says where it is
``terminal``  a shell whose commands are noted, for a terminal that is not Jupyter's
``recorded``  runs an app as a command that is recorded
``shown``     what the commands of such a terminal have shown

Each session has an origin of its own, apart from Trailmark's pages; it lives and ends with the session, so that it
is there without the client, and inside of a container. Runs in Trailmark's own environment.
"""
