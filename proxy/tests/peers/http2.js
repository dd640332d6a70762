// HTTP/2 programs that know nothing of proxies, on Node's own implementation.
// `node http2.js server` prints the port it listens on; `node http2.js client URL CASE` ends with status 0
// when the case holds at that server, reached through whatever URL leads to.
'use strict';
const assert = require('assert');
const http2 = require('http2');

const { NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM, NGHTTP2_INTERNAL_ERROR } = http2.constants;
const resets = {};

const paths = {
  // The request's headers, as JSON.
  '/headers': (stream, headers) => {
    stream.respond({ ':status': 201, 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'] });
    stream.end(JSON.stringify(headers));
  },
  // The body, and in the trailers how long it was and what the request's trailers said.
  '/echo': (stream, headers) => {
    let length = 0;
    let trailers = {};
    stream.on('trailers', (given) => { trailers = given; });
    stream.respond({ 'content-type': headers['content-type'] || 'x/y' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({
      'grpc-status': '0', 'x-length': String(length), 'x-given': trailers['x-sum'] || 'none',
    }));
    stream.on('data', (data) => { length += data.length; stream.write(data); });
    stream.on('end', () => stream.end());
  },
  // No body at all.
  '/empty': (stream) => stream.respond({ ':status': 204 }, { endStream: true }),
  '/length': (stream) => stream.respond({ 'content-length': '42' }, { endStream: true }),
  // Trailers without a body, as a gRPC server tells an error.
  '/trailers': (stream) => {
    stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '5', 'grpc-message': 'no' }));
    stream.end();
  },
  '/refuse': (stream) => stream.close(NGHTTP2_REFUSED_STREAM),
  '/break': (stream) => {
    stream.respond({});
    stream.write('some');
    setTimeout(() => stream.destroy(new Error('broken')), 50);
  },
  // Waits for whoever resets it, and remembers the code.
  '/wait': (stream, headers) => {
    stream.on('close', () => { resets[headers['x-name']] = stream.rstCode; });
    stream.on('error', () => {});
    if (headers['x-head']) { stream.respond({}); stream.write('.'); }
    stream.resume();
  },
  '/resets': (stream) => { stream.respond({}); stream.end(JSON.stringify(resets)); },
  // Bytes without end; how many went out is told by /given.
  '/flood': (stream) => {
    const part = Buffer.alloc(16384, 'x');
    stream.respond({});
    const more = () => {
      while (!stream.destroyed) {
        given += part.length;
        if (!stream.write(part)) return;
      }
    };
    stream.on('drain', more);
    stream.on('error', () => {});
    more();
  },
  '/given': (stream) => { stream.respond({}); stream.end(String(given)); },
  // Takes nothing of the request until the query says so.
  '/slow': (stream) => { stream.respond({}); stream.write('.'); setTimeout(() => stream.resume(), 2000); stream.on('end', () => stream.end('done')); },
};
let given = 0;

function server() {
  const made = http2.createServer();
  made.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const path = paths[headers[':path'].split('?')[0]];
    if (path) path(stream, headers);
    else stream.respond({ ':status': 404 }, { endStream: true });
  });
  made.listen(0, '127.0.0.1', () => console.log(made.address().port));
}

/** One exchange: head, body, trailers and how the stream ended. */
function ask(session, headers, { body, trailers, onResponse } = {}) {
  return new Promise((resolve) => {
    const stream = session.request(headers, { endStream: body === undefined && !trailers, waitForTrailers: Boolean(trailers) });
    const seen = { parts: [] };
    if (trailers) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.on('response', (head) => { seen.head = head; if (onResponse) onResponse(stream); });
    stream.on('trailers', (given) => { seen.trailers = given; });
    stream.on('data', (data) => seen.parts.push(data));
    stream.on('error', (error) => { seen.error = error; });
    stream.on('close', () => {
      seen.code = stream.rstCode;
      seen.body = Buffer.concat(seen.parts);
      resolve(seen);
    });
    if (body !== undefined || trailers) stream.end(body);
  });
}

const get = (session, path, headers = {}) => ask(session, { ':path': path, ...headers });
const until = async (holds) => { while (!await holds()) await new Promise((done) => setTimeout(done, 20)); };

const cases = {
  async heads(session) {
    const seen = await get(session, '/headers?x=1', { te: 'trailers', 'x-a': '1', cookie: 'c=3' });
    assert.equal(seen.head[':status'], 201);
    assert.deepEqual(seen.head['set-cookie'], ['a=1', 'b=2']);
    const sent = JSON.parse(seen.body);
    assert.equal(sent[':path'], '/headers?x=1');
    assert.equal(sent[':authority'], session[http2_authority]);
    assert.equal(sent.te, 'trailers');
    assert.equal(sent['x-a'], '1');
    assert.equal(sent.cookie, 'c=3');
    assert.equal((await get(session, '/nowhere')).head[':status'], 404);
    const empty = await get(session, '/empty');
    assert.deepEqual([empty.head[':status'], empty.body.length], [204, 0]);
    const head = await ask(session, { ':method': 'HEAD', ':path': '/length' });
    assert.deepEqual([head.head['content-length'], head.body.length], ['42', 0]);
  },
  // What the contract carries, and no more: responses with trailers, which gRPC always has.
  async grpc(session) {
    for (const length of [1, 1000, 10000]) {
      const body = Buffer.alloc(length, 'b');
      const headers = { ':method': 'POST', ':path': '/echo', 'content-type': 'application/grpc' };
      const echo = await ask(session, headers, { body });
      assert.ok(echo.body.equals(body), `${length}: ${echo.body.length}`);
      assert.deepEqual([echo.head['content-type'], echo.trailers['grpc-status']], ['application/grpc', '0']);
    }
    assert.equal((await get(session, '/trailers')).trailers['grpc-status'], '5');
    await cases.talk(session);
  },
  // And responses without.
  async contract(session) {
    const seen = await get(session, '/headers', { 'x-a': '1' });
    assert.deepEqual([seen.head[':status'], seen.head['set-cookie']], [201, ['a=1', 'b=2']]);
    assert.equal(JSON.parse(seen.body)['x-a'], '1');
    await cases.grpc(session);
  },
  async bodies(session) {
    for (const length of [0, 1, 1000, 100000, 3000000]) {
      const body = Buffer.alloc(length, (n) => n).map((_, n) => n);
      const headers = { ':method': 'POST', ':path': '/echo', 'content-type': 'application/grpc' };
      const seen = await ask(session, headers, { body, trailers: { 'x-sum': String(length) } });
      assert.equal(seen.head['content-type'], 'application/grpc');
      assert.ok(seen.body.equals(body), `${length}: ${seen.body.length}`);
      assert.equal(seen.trailers['grpc-status'], '0');
      assert.equal(seen.trailers['x-length'], String(length));
      assert.equal(seen.trailers['x-given'], String(length));
    }
    const error = await get(session, '/trailers');
    assert.deepEqual([error.trailers['grpc-status'], error.trailers['grpc-message']], ['5', 'no']);
  },
  // A word goes there and back before the next one is said.
  async talk(session) {
    const stream = session.request({ ':method': 'POST', ':path': '/echo' });
    const heard = [];
    stream.on('data', (data) => heard.push(data));
    for (let n = 0; n < 20; n += 1) {
      stream.write(`word ${n};`);
      await until(() => Buffer.concat(heard).toString().endsWith(`word ${n};`));
    }
    stream.end();
    await new Promise((done) => stream.on('close', done));
    assert.equal(stream.rstCode, 0);
  },
  async resets(session) {
    assert.equal((await get(session, '/refuse')).code, NGHTTP2_REFUSED_STREAM);
    const broken = await get(session, '/break');
    assert.equal(broken.body.toString(), 'some');
    assert.equal(broken.code, NGHTTP2_INTERNAL_ERROR);
    // Resets of the client: before a head, after it, and with a request that goes on.
    const waits = [['a', {}, true], ['b', { 'x-head': '1' }, true], ['c', { 'x-head': '1' }, false]];
    for (const [name, extra, endStream] of waits) {
      const headers = { ':method': endStream ? 'GET' : 'POST', ':path': '/wait', 'x-name': name, ...extra };
      const stream = session.request(headers, { endStream });
      stream.on('error', () => {});
      if (!endStream) stream.write('x');
      if (extra['x-head']) await new Promise((done) => stream.on('response', done));
      else await new Promise((done) => setTimeout(done, 200));
      stream.close(NGHTTP2_CANCEL);
      await until(async () => JSON.parse((await get(session, '/resets')).body)[name] !== undefined);
      assert.equal(JSON.parse((await get(session, '/resets')).body)[name], NGHTTP2_CANCEL, name);
    }
  },
  async parallel(session) {
    const all = Array.from({ length: 200 }, (_, n) => {
      const body = Buffer.from(`number ${n}`.repeat(n + 1));
      return ask(session, { ':method': 'POST', ':path': '/echo' }, { body }).then((seen) => assert.ok(seen.body.equals(body), String(n)));
    });
    await Promise.all(all);
  },
  // Who does not read stops its own stream and no other; the sender is held back.
  async flow(session) {
    const deaf = Array.from({ length: 5 }, () => session.request({ ':path': '/flood' }));
    deaf.forEach((stream) => { stream.on('error', () => {}); stream.pause(); });
    await Promise.all(deaf.map((stream) => new Promise((done) => stream.on('response', done))));
    let before = -1;
    await until(async () => {
      await new Promise((done) => setTimeout(done, 300));
      const now = Number((await get(session, '/given')).body);
      const still = now === before;
      before = now;
      return still;
    });
    assert.ok(before < 5 * 4e6, `${before} bytes for five streams that no one reads`);
    await cases.bodies(session);
    deaf.forEach((stream) => stream.close(NGHTTP2_CANCEL));
    // The other way: a target that takes nothing yet.
    const body = Buffer.alloc(2000000, 'y');
    const slow = ask(session, { ':method': 'POST', ':path': '/slow' }, { body });
    await cases.heads(session);
    assert.equal((await slow).body.toString(), '.done');
  },
};
const http2_authority = Symbol('authority');

async function client(url, name) {
  const session = http2.connect(url);
  session[http2_authority] = new URL(url).host;
  session.on('error', (error) => { console.error(error); process.exit(1); });
  await cases[name](session);
  session.destroy();
}

if (process.argv[2] === 'server') server();
else if (process.argv[2] === 'client') client(process.argv[3], process.argv[4]).catch((error) => { console.error(error); process.exit(1); });
