"""Sends messages to 127.0.0.1:PORT, then receives as many and accepts them; prints what it saw."""
import sys

from proton import Message
from proton.handlers import MessagingHandler
from proton.reactor import Container

COUNT = 200


class Client(MessagingHandler):
    def __init__(self, port):
        super().__init__(prefetch=20)
        self.port, self.sent, self.accepted, self.received = port, 0, 0, 0

    def on_start(self, event):
        connection = event.container.connect("127.0.0.1:" + self.port, reconnect=False)
        event.container.create_sender(connection, "in")
        self.connection = connection

    def on_sendable(self, event):
        while event.sender.credit and self.sent < COUNT:
            body = "x" * (50_000 if self.sent == 7 else 10)
            event.sender.send(Message(body=body, subject=str(self.sent), properties={"n": self.sent}))
            self.sent += 1

    def on_accepted(self, event):
        self.accepted += 1
        if self.accepted == COUNT:
            event.container.create_receiver(self.connection, "out")

    def on_message(self, event):
        assert event.message.subject == str(self.received), event.message.subject
        self.received += 1
        if self.received == COUNT:
            print(self.accepted, self.received, flush=True)
            self.connection.close()


Container(Client(sys.argv[1])).run()
