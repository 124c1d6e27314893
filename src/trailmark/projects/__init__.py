"""Projects: a git repository that holds code, data and an environment, with all that happened in it.

One file for each verb. A verb changes the project through `activity.record`, so that whatever a person or a
program does to a project is one commit with one record.
"""
