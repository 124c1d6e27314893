"""Sessions: a running tool (JupyterLab, a command) on an engine, with capture attached, and the recorder.

A session is started by `launch`, lives on its engine without us, and is found again by its folder under the
Trailmark home. `run` is a session that lasts for one command.
"""
