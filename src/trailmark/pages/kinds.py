"""How pages name the kinds of records, and the tools that made them. Their icons bear the kinds' own names."""

from __future__ import annotations

from trailmark.activity import KINDS

_KINDS = {
    "cell": ("Cell", "Notebook cells"),
    "expression": ("Expression", "R expressions"),
    "command": ("Command", "Terminal commands"),
    "run": ("Run", "Runs"),
    "files": ("Files", "File changes"),
    "environment": ("Environment", "Environment"),
    "note": ("Note", "Notes"),
    "rollback": ("Went back", "Going back"),
    "branch": ("Branch", "Branches"),
    "merge": ("Merge", "Merges"),
    "sync": ("Sync", "Syncs"),
    "import": ("Import", "Imports"),
    "project": ("Project", "Project"),
    "dataset": ("Dataset", "Datasets"),
    "reproduce": ("Reproduction", "Reproductions"),
    "outside": ("Made with git", "Made with git"),
    "missing": ("Missing record", "Missing records"),
}
_ICONS = {"missing": "warning"}
_TOOLS = {
    "jupyterlab": "JupyterLab",
    "rstudio": "RStudio",
    "terminal": "Terminal",
    "code": "VS Code",
    "app": "App",
    "trailmark": "Trailmark",
}
_LANGUAGES = {"cell": "python", "expression": "r", "command": "bash", "run": "bash"}


def code_language(kind: str, language: str | None) -> str:
    """Return the language of a record's code; what its kind suggests when the record does not say."""
    return language or _LANGUAGES.get(kind, "text")


def kind_label(kind: str) -> str:
    """Name a kind, as in front of one record."""
    return _KINDS[kind][0] if kind in _KINDS else kind


def kinds_label(kind: str) -> str:
    """Name a kind, as in a list of kinds."""
    return _KINDS[kind][1] if kind in _KINDS else kind


def kind_icon(kind: str) -> str:
    """Return the icon of a kind."""
    return kind if kind in KINDS else _ICONS.get(kind, "outside")


def tool_label(tool: str | None) -> str | None:
    """Name a tool as its makers do."""
    return _TOOLS.get(tool, tool) if tool else None
