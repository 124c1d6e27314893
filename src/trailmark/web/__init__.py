"""The client in the browser: one person's projects on this machine, served to that person only.

    app.py            `create_app(services)`: every route, behind `security`
    serve.py          `serve(services, …)`: listens on loopback and prints the address
    security.py       keys, cookie, Host, Origin, CSRF, headers
    client_file.py    finding the client that runs already
    jobs.py           background work with progress, log and cancel
    events.py         what open pages are told of, and the thread that notices it
    site.py           what every page needs: services, jobs, templates, the frame
    home/, overview/, activity/ …   a folder a page: route, view model, template
    api/              the same as JSON, described by OpenAPI

A handler asks the core for a value, a pure function makes a view model of it, a template shows it.
"""

from trailmark.web.app import create_app

__all__ = ["create_app"]
