"""Sends COUNT messages to `q` through a router over TLS and takes them back.

Usage: tls.py PORT CA CERT KEY MECHANISM [USER PASSWORD]; CERT `-` shows no certificate.
Prints the number of messages that came back, then whether each was accepted.
"""
import sys

from proton import Message, SSLDomain
from proton.handlers import MessagingHandler
from proton.reactor import Container

COUNT = 50


class Loop(MessagingHandler):
    def __init__(self, port, ca, cert, key, mechanism, user=None, password=None):
        super().__init__()
        self.url = f"amqps://127.0.0.1:{port}"
        self.options = {"allowed_mechs": mechanism}
        if user:
            self.options.update(user=user, password=password)
        self.domain = SSLDomain(SSLDomain.MODE_CLIENT)
        self.domain.set_trusted_ca_db(ca)
        self.domain.set_peer_authentication(SSLDomain.VERIFY_PEER)
        if cert != "-":
            self.domain.set_credentials(cert, key, None)
        self.sent = self.accepted = self.received = 0

    def on_start(self, event):
        connection = event.container.connect(
            self.url, ssl_domain=self.domain, reconnect=False, **self.options
        )
        event.container.create_receiver(connection, "q")
        self.sender = event.container.create_sender(connection, "q")

    def on_sendable(self, event):
        while event.sender.credit and self.sent < COUNT:
            event.sender.send(Message(id=self.sent, body="x" * 1000 * self.sent))
            self.sent += 1

    def on_message(self, event):
        assert len(event.message.body) == 1000 * event.message.id
        self.received += 1
        self.done(event)

    def on_accepted(self, event):
        self.accepted += 1
        self.done(event)

    def done(self, event):
        if self.received == COUNT and self.accepted == COUNT:
            event.connection.close()

    def on_transport_error(self, event):
        print("refused:", event.transport.condition.name, file=sys.stderr)
        event.container.stop()


loop = Loop(*sys.argv[1:])
Container(loop).run()
print(loop.received, loop.accepted)
