"""WebSockets whose messages have bounds."""

from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Close, CloseCode, Frame, Opcode

from app.core.bucket import Bucket

MAX_FRAME = 16 * 1024  # bytes of a message, in one frame or many
MAX_FRAMES = 100  # that may come at once, be parts of one message, or come in each 10 seconds
PIECE = 1024  # bytes; of the smallest frames about as many as may come at once


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket whose messages have bounds, and whose opening is answered whatever is wrong with it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bucket = Bucket(MAX_FRAMES, 10)

    def data_received(self, data: bytes) -> None:
        # In pieces, because 40,000 frames come with one read, and to take them apart would take seconds from all.
        for start in range(0, len(data), PIECE):
            if not self.transport.is_closing():
                self._take_in(data[start : start + PIECE])

    def _take_in(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc and not self.handshake_initiated:
            # Upstream only sends the refusal of a request that could be read.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def resume_writing(self) -> None:
        if not self.transport.is_closing():  # as above
            super().resume_writing()

    def handle_events(self) -> None:
        if not self.bucket.take(len(self.conn.events)) or len(self.frames) > MAX_FRAMES:
            self.conn.fail(CloseCode.POLICY_VIOLATION, "Too many frames")
            self.handle_parser_exception()
        else:
            super().handle_events()

    def handle_parser_exception(self) -> None:
        if self.conn.close_sent is None:  # its close frame was wrong, which upstream would fail at
            close = Close(CloseCode.PROTOCOL_ERROR, "")
            self.conn.send_frame(Frame(Opcode.CLOSE, close.serialize()))
            self.conn.close_sent = close
        super().handle_parser_exception()

    def send_receive_event_to_app(self) -> None:
        try:
            if self.curr_msg_data_type == "text":
                b"".join(self.frames).decode()
        except UnicodeDecodeError:  # which upstream would write into the log, with all that led there
            self.frames = []
            self.conn.send_close(1007)
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if self.initial_response and self.close_sent:
            self.handshake_complete = True  # it was refused: upstream would complain that it was not answered
