"""Expressions evaluated by R, in a terminal or in a program that embeds R: which, with what result, and their files.

``profile.R``    what R starts with (R_PROFILE); it goes on with the profile that R would have read
``recorder.R``   notes where an expression ends, its code, errors and figures; base R alone
``console.c``    notes what is typed and shown, in front of R's console
``environment``  what R needs in its environment for that
``notes``        reads what was noted
``expressions``  turns that into journal entries

An interactive R, whoever shows its console, has one record for each expression. An R that runs a script
(``Rscript``, ``R -f``, ``R CMD BATCH``) is one part of a command that is recorded as a whole, with its streams and
files: what each expression of a script shows cannot be told apart from the outside of it, and who runs a script
wants to find the script. Only its figures are added to that record. IRkernel is left alone: the Jupyter server
records its cells.
"""
