"""Listens on an ephemeral port, prints it, and sends each message back on every link that receives."""
import sys

from proton.handlers import MessagingHandler
from proton.reactor import Container


class Echo(MessagingHandler):
    def __init__(self):
        super().__init__(prefetch=50, auto_accept=False)
        self.senders = []
        self.waiting = []

    def on_start(self, event):
        self.acceptor = event.container.listen("127.0.0.1:0")
        address = self.acceptor._selectable._delegate.getsockname()
        print(address[1], flush=True)

    def on_link_opening(self, event):
        link = event.link
        if link.is_sender and link.remote_source and link.remote_source.dynamic:
            link.source.address = "made-by-proton"
        elif link.is_sender:
            link.source.address = link.remote_source.address
        else:
            link.target.address = link.remote_target.address
        if link.is_sender:
            self.senders.append(link)

    def on_message(self, event):
        subject = event.message.subject
        if subject == "reject":
            self.reject(event.delivery)
            return
        if subject == "release":
            self.release(event.delivery, delivered=False)
            return
        self.accept(event.delivery)
        self.waiting.append(event.message)
        self.pump()

    def on_sendable(self, event):
        self.pump()

    def on_disconnected(self, event):
        sys.exit(0)

    def pump(self):
        for sender in self.senders:
            while self.waiting and sender.credit:
                sender.send(self.waiting.pop(0))
            sender.drained()


Container(Echo()).run()
