"""Commands typed into a shell: which were run, where, when, with what result, and which files they touched.

``rc.bash``      what an interactive bash starts with: the person's own settings, then the hook
``hook.bash``    notes each command in a spool, without starting a process
``environment``  what a shell needs in its environment for that
``spool``        turns a spool into journal entries
"""
