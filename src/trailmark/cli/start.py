"""`trailmark start`."""

import click

from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, strong
from trailmark.cli.verb import verb
from trailmark.web.serve import serve


@verb("start")
@click.option("--port", type=click.IntRange(1, 65535), help="Listen here instead of on a free port.")
@click.option(
    "--browser/--no-browser", default=True, help="Open the address where there is a desktop (the default)."
)
def command(invocation: Invocation, port: int | None, browser: bool) -> None:
    """Open Trailmark in the browser.

    Prints an address with a one-time key, which only you can use, and serves it on this machine until you
    press Ctrl-C. When Trailmark runs already, it prints a fresh address of that one.

    \b
    trailmark start
    trailmark start --no-browser --port 8800
    """

    def announce(address: str) -> None:
        show(
            invocation,
            {"url": address},
            lambda: f"Trailmark is ready: {strong(address)}\nThe address works once. Ctrl-C stops Trailmark.",
        )

    serve(invocation.services, port=port, open_browser=browser, announce=announce)
