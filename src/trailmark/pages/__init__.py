"""What the client and a hub both show: pages over a project at a commit. Knows no routes and starts nothing.

A page is a folder: a view model (frozen values built by pure functions) and the templates that show it.

    layout/     the frame around every page, and the macros that pages are made of (`pages/ui.html`)
    feed/       the trail: records grouped by day, quiet runs folded
    record/     one record in full
    notebook/   a notebook, read only
    files/      previews of files
    static/     one style sheet, one script, and what they need

`templates.environment` makes the Jinja environment; `links.Links` is the one place that knows addresses;
`isolate` shows what strangers made (HTML, SVG, notebook output) where it can reach nothing of ours.
"""
