"""A microservice written with the unmodified Python SDK: sends messages over REST and the message socket, and receives them
over the socket. Usage: client.py HOST PORT MESSAGES

No release of the SDK can fetch configuration or messages over REST with Python 3: it hands text to a function that wants
bytes, so nothing reaches the Agent."""

import os
import queue
import sys
import time

from iofog.microservices.client import Client
from iofog.microservices.iomessage import IoMessage
from iofog.microservices.listener import IoFogControlWsListener, IoFogMessageWsListener

PATIENCE = 30


def message(number):
    one = IoMessage()
    one.infotype, one.infoformat = "text", "utf-8"
    one.sequencenumber = number
    one.contentdata, one.contextdata = str(number), ""
    return one


def content(one):
    return bytes(one.contentdata).decode()


class Listener(IoFogMessageWsListener):
    """Passes on what the SDK's thread hears."""

    def __init__(self):
        super().__init__()
        self.messages, self.receipts = queue.Queue(), queue.Queue()

    def on_message(self, io_msg):
        self.messages.put(io_msg)

    def on_receipt(self, message_id, timestamp):
        self.receipts.put((message_id, timestamp))


def work(client, count):
    """One message by POST, the others over the socket, each with its receipt; all arrive in order."""
    listener = Listener()
    client.establish_control_ws_connection(IoFogControlWsListener())
    client.establish_message_ws_connection(listener)
    # A frame that is read together with the end of the handshake breaks the SDK: nothing is sent to it before.
    while not client.message_ws_client.is_open:
        time.sleep(0.01)
    receipt = client.post_message(message(1000))
    assert len(receipt["id"]) == 32, receipt
    for number in range(count):
        client.post_message_via_socket(message(number))
    for number in [1000, *range(count)]:
        got = content(listener.messages.get(timeout=PATIENCE))
        assert got == str(number), f"expected {number}, received {got}"
    for _ in range(count):
        _, timestamp = listener.receipts.get(timeout=PATIENCE)
        assert abs(timestamp - receipt["timestamp"]) < 3_600_000, timestamp
    print("received and confirmed", count)


def main():
    client = Client(host=sys.argv[1], port=int(sys.argv[2]))
    work(client, int(sys.argv[3]))


if __name__ == "__main__":
    code = 1
    try:
        main()
        code = 0
    finally:
        sys.stdout.flush()
        if code:
            import traceback
            traceback.print_exc()
        # The SDK's threads reconnect for ever.
        os._exit(code)
