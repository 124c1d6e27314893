"""What runs inside the Jupyter server of a session: it starts JupyterLab and writes down what kernels do.

Words
-----
request
    what a client asked a kernel to do, as seen on its way through the websocket; it alone knows the cell's id
observer
    one thread with a ZMQ subscription of its own per kernel: it sees all that a kernel publishes,
    whoever asked for it, without standing in anybody's way
follower
    groups the messages of one kernel into actions, and actions into journal entries
origin
    the cell that an output belongs to; output that comes after its cell has ended names it with `continues`
notice
    a message from Trailmark to whoever has JupyterLab open (files changed, a kernel restart is due)

Runs in Trailmark's tool environment, beside and never inside the person's kernel.
"""


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "trailmark_capture.jupyter.extension"}]
