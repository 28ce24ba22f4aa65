"""Runs Autobahn's `wstest` with its text messages sent as binary ones, for a server that takes binary messages only.

What the suite asks of framing, fragments, pings and closing it mostly asks with text messages. Here each text frame that
is sent gets the opcode of binary frames, and what comes back is taken for the text that the suite waits for. Runs with the
Python 2 that the suite needs; arguments are those of `wstest`.
"""

from autobahn.websocket.protocol import WebSocketProtocol
from autobahntestsuite import fuzzing
from autobahntestsuite.wstest import run

send_frame = WebSocketProtocol.sendFrame
begin_message = WebSocketProtocol.beginMessage
on_message = fuzzing.FuzzingProtocol.onMessage


def send_binary_frame(self, opcode, *arguments, **named):
    if opcode == 1:
        self.has_sent_text = True
        # Some cases look at how many frames of text were sent and received.
        self.txFrameStats[1] = self.txFrameStats.get(1, 0) + 1
        opcode = 2
    return send_frame(self, opcode, *arguments, **named)


def begin_binary_message(self, isBinary=False, *arguments, **named):
    self.has_sent_text = not isBinary
    return begin_message(self, True, *arguments, **named)


def take_for_text(self, message, is_binary):
    self.rxFrameStats[1] = self.rxFrameStats.get(1, 0) + 1
    return on_message(self, message, is_binary and not getattr(self, "has_sent_text", False))


WebSocketProtocol.sendFrame = send_binary_frame
WebSocketProtocol.beginMessage = begin_binary_message
fuzzing.FuzzingProtocol.onMessage = take_for_text

run()
