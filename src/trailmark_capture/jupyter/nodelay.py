"""A websocket to a kernel that answers at once."""

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class NoDelayConnection(ZMQChannelsWebsocketConnection):  # type: ignore[misc]
    """A websocket that sends small answers at once, without waiting for the last one's acknowledgement."""

    def connect(self) -> Any:
        """Open the channels."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
