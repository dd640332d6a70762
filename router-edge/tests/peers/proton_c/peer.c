/* Sends messages through the router with Proton C, receives and accepts them. Argument: port. */
#include <proton/connection.h>
#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/message.h>
#include <proton/proactor.h>
#include <proton/session.h>
#include <proton/transport.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 1000, LARGE = 400000 };

static int sent, received, accepted;
static char *pending;
static size_t pending_len;

static void fail(const char *why) {
  fprintf(stderr, "%s\n", why);
  exit(1);
}

static size_t size_of(int n) { return n == 300 ? LARGE : 20; }

static void send_one(pn_link_t *sender, int n) {
  pn_message_t *message = pn_message();
  char *text = malloc(size_of(n));
  char *buffer = malloc(LARGE + 1000);
  size_t length = LARGE + 1000;
  memset(text, 'a' + n % 26, size_of(n));
  pn_data_put_binary(pn_message_body(message), pn_bytes(size_of(n), text));
  if (pn_message_encode(message, buffer, &length)) fail("cannot encode");
  pn_delivery(sender, pn_dtag((char *)&n, sizeof n));
  pn_link_send(sender, buffer, length);
  pn_link_advance(sender);
  pn_message_free(message);
  free(buffer);
  free(text);
}

static void receive(pn_delivery_t *delivery) {
  pn_link_t *link = pn_delivery_link(delivery);
  size_t size = pn_delivery_pending(delivery);
  pending = realloc(pending, pending_len + size + 1);
  ssize_t got = pn_link_recv(link, pending + pending_len, size);
  if (got > 0) pending_len += (size_t)got;
  if (pn_delivery_partial(delivery)) return;
  pn_message_t *message = pn_message();
  if (pn_message_decode(message, pending, pending_len)) fail("cannot decode");
  pn_data_t *body = pn_message_body(message);
  pn_data_next(body);
  pn_bytes_t bytes = pn_data_get_binary(body);
  if (bytes.size != size_of(received)) fail("a message came out of order or changed");
  for (size_t i = 0; i < bytes.size; i++)
    if (bytes.start[i] != 'a' + received % 26) fail("a message came changed");
  pn_message_free(message);
  pending_len = 0;
  received++;
  pn_delivery_update(delivery, PN_ACCEPTED);
  pn_delivery_settle(delivery);
  pn_link_flow(link, 10 - pn_link_credit(link));
}

static int handle(pn_event_t *event) {
  switch (pn_event_type(event)) {
    case PN_CONNECTION_INIT: {
      pn_connection_t *connection = pn_event_connection(event);
      pn_connection_set_container(connection, "proton-c");
      pn_connection_open(connection);
      pn_session_t *session = pn_session(connection);
      pn_session_open(session);
      pn_link_t *receiver = pn_receiver(session, "r");
      pn_terminus_set_address(pn_link_source(receiver), "proton-c");
      pn_link_open(receiver);
      pn_link_flow(receiver, 10);
      pn_link_t *sender = pn_sender(session, "s");
      pn_terminus_set_address(pn_link_target(sender), "proton-c");
      pn_link_open(sender);
      break;
    }
    case PN_LINK_FLOW: {
      pn_link_t *link = pn_event_link(event);
      while (pn_link_is_sender(link) && pn_link_credit(link) > 0 && sent < COUNT) send_one(link, sent++);
      break;
    }
    case PN_DELIVERY: {
      pn_delivery_t *delivery = pn_event_delivery(event);
      if (pn_link_is_receiver(pn_delivery_link(delivery))) {
        if (pn_delivery_readable(delivery)) receive(delivery);
      } else if (pn_delivery_remote_state(delivery)) {
        if (pn_delivery_remote_state(delivery) != PN_ACCEPTED) fail("a message was not accepted");
        pn_delivery_settle(delivery);
        if (++accepted == COUNT) pn_connection_close(pn_event_connection(event));
      }
      break;
    }
    case PN_TRANSPORT_CLOSED:
      if (accepted != COUNT) fail(pn_condition_get_description(pn_transport_condition(pn_event_transport(event))));
      return 0;
    case PN_PROACTOR_INACTIVE:
      return 0;
    default:
      break;
  }
  return 1;
}

int main(int count, char **arguments) {
  char address[64];
  pn_proactor_t *proactor = pn_proactor();
  snprintf(address, sizeof address, "127.0.0.1:%s", count > 1 ? arguments[1] : "5672");
  pn_proactor_connect2(proactor, NULL, NULL, address);
  int going = 1;
  while (going) {
    pn_event_batch_t *events = pn_proactor_wait(proactor);
    for (pn_event_t *event; going && (event = pn_event_batch_next(events));) going = handle(event);
    pn_proactor_done(proactor, events);
  }
  printf("sent %d, received %d, accepted %d\n", sent, received, accepted);
  return accepted == COUNT ? 0 : 1;
}
