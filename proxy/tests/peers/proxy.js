// A proxy as the contract describes the reference (proxy.md sections 3 to 5), on rhea, an AMQP library
// that nobody here wrote. `node proxy.js MAPPING ROUTER_PORT`
'use strict';
const http = require('http');
const http2 = require('http2');
const net = require('net');
const rhea = require('rhea');

const [, , mapping, port] = process.argv;
const [source, target] = mapping.split('=>').map((side) => side.split(':'));
const router = { host: '127.0.0.1', port: Number(port) };

function container(name) {
  const made = rhea.create_container({ enable_sasl_external: false });
  made.id = `peer_${name}`;
  return made;
}

function to_message(headers, message) {
  message.application_properties = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name === 'content-type') message.content_type = value;
    else message.application_properties[name] = value;
  }
  return message;
}

function to_headers(message) {
  const headers = { ...message.application_properties };
  if (message.content_type) headers['content-type'] = message.content_type;
  return headers;
}

function collect(stream, done) {
  const parts = [];
  stream.on('data', (part) => parts.push(part));
  stream.on('end', () => done(parts.length > 0 ? Buffer.concat(parts) : undefined));
}

function http_ingress(listen, queue) {
  const connection = container('http_in').connect(router);
  const sender = connection.open_sender(queue);
  const receiver = connection.open_receiver({ source: { dynamic: true } });
  const waiting = new Map();
  let last = 0;
  receiver.on('message', ({ message }) => {
    const response = waiting.get(Number(message.correlation_id));
    if (!response) return;
    waiting.delete(Number(message.correlation_id));
    response.writeHead(Number(message.subject || 203), to_headers(message));
    response.end(message.body || undefined);
  });
  receiver.on('receiver_open', () => {
    const server = http.createServer((request, response) => collect(request, (body) => {
      last += 1;
      waiting.set(last, response);
      sender.send(to_message(request.headers, {
        to: request.headers.host.split(':')[0] + request.url,
        subject: request.method,
        reply_to: receiver.source.address,
        correlation_id: last,
        message_annotations: {},
        body,
      }));
    }));
    server.listen(listen, '127.0.0.1');
  });
}

function http_egress(queue, to) {
  const connection = container('http_out').connect(router);
  const sender = connection.open_sender({ target: {} });
  const receiver = connection.open_receiver({ source: queue, autoaccept: false, credit_window: 10 });
  receiver.on('message', ({ message, delivery }) => {
    const path = message.to.includes('/') ? message.to.slice(message.to.indexOf('/')) : '/';
    const options = {
      host: '127.0.0.1', port: to, path, method: message.subject, headers: to_headers(message),
    };
    const request = http.request(options, (response) => collect(response, (body) => {
      sender.send(to_message(response.headers, {
        to: message.reply_to,
        correlation_id: message.correlation_id,
        subject: String(response.statusCode),
        body,
      }));
      delivery.accept();
    }));
    request.on('error', () => delivery.modified({ delivery_failed: true }));
    request.end(message.body || undefined);
  });
}

// Copies between a socket and two links; the end of one direction ends both.
function bridge(socket, sender, receiver, reply_to, end) {
  const resume = () => socket.resume();
  sender.on('sendable', resume);
  if (sender.sendable()) resume();
  socket.on('data', (body) => {
    sender.send({ reply_to, body });
    if (!sender.sendable()) socket.pause();
  });
  receiver.on('message', ({ message }) => {
    if (message.body) socket.write(message.body);
  });
  socket.on('end', end);
  socket.on('error', end);
  for (const name of ['released', 'rejected', 'modified', 'sender_close']) sender.on(name, () => socket.end());
  receiver.on('receiver_close', () => socket.end());
}

function tcp_ingress(listen, queue) {
  net.createServer({ pauseOnConnect: true }, (socket) => {
    const name = `${socket.remoteAddress}:${socket.remotePort}@undefined`;
    const connection = container(`tcp_in_${socket.remotePort}`).connect({ ...router, reconnect: false });
    const receiver = connection.open_receiver({ source: { dynamic: true } });
    connection.on('disconnected', () => socket.end());
    connection.on('connection_error', () => socket.end());
    receiver.on('receiver_open', () => {
      const { address } = receiver.source;
      const sender = connection.open_sender({ name, source: address, target: queue });
      bridge(socket, sender, receiver, address, () => connection.close());
    });
  }).listen(listen, '127.0.0.1');
}

function tcp_egress(queue, to) {
  const connection = container('tcp_out').connect(router);
  const replies = connection.open_receiver({ source: { dynamic: true } });
  const management = connection.open_sender('$management');
  replies.on('receiver_open', () => management.send({
    reply_to: replies.source.address,
    correlation_id: 1,
    application_properties: {
      operation: 'CREATE', type: 'org.apache.qpid.dispatch.router.connection.linkRoute', name: queue,
    },
    body: { pattern: queue, direction: 'in' },
  }));
  connection.on('receiver_open', ({ receiver }) => {
    if (receiver === replies) return;
    const socket = net.connect(to, '127.0.0.1');
    socket.pause();
    const sender = receiver.session.open_sender(receiver.source.address);
    bridge(socket, sender, receiver, undefined, () => {
      sender.close();
      receiver.close();
    });
  });
}

function http2_ingress(listen, queue) {
  const connection = container('http2_in').connect(router);
  const sender = connection.open_sender(queue);
  const receiver = connection.open_receiver({ source: { dynamic: true } });
  const streams = new Map();
  let last = 0;
  receiver.on('message', ({ message }) => {
    const stream = streams.get(Number(message.correlation_id));
    if (stream) stream(message);
  });
  const serve = (stream, { ':path': to, ':method': subject, ...headers }) => {
    last += 1;
    const correlation_id = last;
    const held = [];
    let far;
    let opened = false;
    let trailers = {};
    const say = (body, ended) => {
      const message = { correlation_id, application_properties: {}, body };
      if (!opened) to_message(headers, Object.assign(message, { to, subject, reply_to: receiver.source.address }));
      message.application_properties.ended = ended;
      if (!opened) sender.send(message);
      else if (far) far.send(message);
      else held.push(message);
      opened = true;
    };
    streams.set(correlation_id, (message) => {
      if (!far && message.reply_to) {
        far = connection.open_sender(message.reply_to);
        held.forEach((one) => far.send(one));
      }
      const { ended, ...head } = to_headers(message);
      if (message.subject === 'response') stream.respond(head, { waitForTrailers: true });
      if (message.footer) trailers = message.footer;
      if (message.body && message.body.length > 0) stream.write(message.body);
      if (ended) stream.end();
    });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.on('data', (data) => say(data, false));
    stream.on('end', () => say(undefined, true));
  };
  receiver.on('receiver_open', () => http2.createServer().on('stream', serve).listen(listen, '127.0.0.1'));
}

function http2_egress(queue, port) {
  const client = http2.connect(`http://127.0.0.1:${port}`);
  const connection = container('http2_out').connect(router);
  const rest = connection.open_receiver({ source: { dynamic: true } });
  const requests = new Map();
  const pass = (request, message, ended) => {
    if (message.body && message.body.length > 0) request.write(message.body);
    if (ended) request.end();
  };
  const serve = ({ message }) => {
    const { correlation_id, reply_to, to, subject } = message;
    const { ended, ...headers } = to_headers(message);
    const request = client.request({ ...headers, ':path': to, ':method': subject }, { endStream: ended && !message.body });
    const sender = connection.open_sender(reply_to);
    const say = (extra) => sender.send({
      correlation_id, reply_to: rest.source.address, application_properties: { ended: false }, ...extra,
    });
    let footer;
    request.on('response', (head) => {
      const response = to_message(head, { subject: 'response' });
      response.application_properties.ended = false;
      say(response);
    });
    request.on('trailers', (trailers) => { footer = { ...trailers }; });
    request.on('data', (body) => say({ body }));
    request.on('end', () => say({ application_properties: { ended: true }, footer }));
    if (!ended) {
      requests.set(String(correlation_id), request);
      say({});
    }
    if (!ended || message.body) pass(request, message, ended);
  };
  rest.on('message', ({ message }) => {
    const request = requests.get(String(message.correlation_id));
    if (request) pass(request, message, message.application_properties.ended);
  });
  rest.on('receiver_open', () => connection.open_receiver(queue).on('message', serve));
}

const roles = {
  http2: { in: http2_ingress, out: http2_egress },
  http: { in: http_ingress, out: http_egress },
  tcp: { in: tcp_ingress, out: tcp_egress },
};
if (target[0] === 'amqp') roles[source[0]].in(Number(source[1]), target[1]);
else roles[target[0]].out(source[1], Number(target[1]));
