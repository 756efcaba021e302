// Hostile endpoints against one server: each gets its class and its text,
// none holds up the healthy one, none makes the server grow.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Receiver } from '../e2e/lib/receiver.mjs';
import { Server } from '../e2e/lib/server.mjs';
import { newSecret, subscription } from '../e2e/lib/subscription.mjs';
import { authority, metrics, Names, pour, reply, statusOf, until, usage, well, Wild } from './lib/wild.mjs';

const METADATA = '169.254.169.254';
const topic = 'encounter-created';
const elsewhere = new Wild(well);
const receivers = {};
let server;
let names;
let ca;
let healthy;
let first;
let n = 0;

// What each does with a notification, and what is to become of it: an error
// whose text matches, or a success.
const zoo = {
  'reads, never answers': { does: (s) => { s.wild = true; }, error: /no answer from the endpoint in time/, code: 'no-response' },
  'never reads': { connection: (s, w) => (w.handshakes ? (s.pause(), 'taken') : null), does: (s) => s.destroy(), error: /in time|closed the connection/ },
  'closes when it is reached': { connection: (s, w) => (w.handshakes ? (s.destroy(), 'taken') : null), does: (s) => s.destroy(), error: /closed the connection/ },
  'one byte of the header a second': { does: (s) => { let i = 0; pour(s, () => 'HTTP/1.1 200 OK\r\n'[i++], 1000); }, error: /in time/ },
  'one byte of the body a second': { does: (s) => { s.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n'); pour(s, 'x', 1000); } },
  'endless body': { does: (s) => { s.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'); pour(s, `8000\r\n${'x'.repeat(0x8000)}\r\n`, 1); } },
  'compression bomb': { does: (s) => { s.write('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n'); pour(s, Buffer.concat([Buffer.from('1000\r\n'), Buffer.alloc(0x1000), Buffer.from('\r\n')]), 1); } },
  '100,000 headers': { does: (s) => { s.wild = true; s.write(`HTTP/1.1 200 OK\r\n${'X-Filler: 1\r\n'.repeat(100000)}\r\n`); }, error: /could not be read/ },
  'a flood of 1xx': { does: (s) => { pour(s, 'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n'.repeat(100), 1); }, error: /could not be read|in time/ },
  'success before the body is read': { connection: (s, w) => { if (!w.handshakes) return null; s.once('data', () => { s.wild = true; w.posts.push('early'); s.end('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n'); }); return 'taken'; }, does: well },
  'reset after the header': { does: (s) => { s.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n', () => s.resetAndDestroy()); } },
  'reset within the header': { does: (s) => { s.write('HTTP/1.1 200 OK\r\nConte', () => setTimeout(() => s.resetAndDestroy(), 50)); }, error: /closed the connection/ },
  'no HTTP': { does: reply('SSH-2.0-OpenSSH_9.2p1\r\n'), error: /could not be read|closed/ },
  'status 99999': { does: reply('HTTP/1.1 99999 What\r\nContent-Length: 0\r\n\r\n'), error: /could not be read|HTTP status/ },
  'redirect to metadata': { does: reply(`HTTP/1.1 301 Moved\r\nLocation: http://${METADATA}/latest/meta-data/\r\nContent-Length: 0\r\n\r\n`), error: /HTTP status 301: redirects are not followed/, code: 'error-response' },
  'redirect elsewhere': { does: (s) => s.write(`HTTP/1.1 308 Moved\r\nLocation: ${elsewhere.url}\r\nContent-Length: 0\r\n\r\n`), error: /HTTP status 308/ },
  'Retry-After in seconds': { does: reply('HTTP/1.1 429 Slow\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n'), error: /HTTP status 429/, once: true },
  'Retry-After of 10^20': { does: reply('HTTP/1.1 503 No\r\nRetry-After: 100000000000000000000\r\nContent-Length: 0\r\n\r\n'), error: /HTTP status 503/ },
  'Retry-After in the past': { does: reply('HTTP/1.1 503 No\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n'), error: /HTTP status 503/ },
  'Retry-After of nonsense': { does: reply('HTTP/1.1 503 No\r\nRetry-After: -1; soon\r\nContent-Length: 0\r\n\r\n'), error: /HTTP status 503/ },
  gone: { does: reply('HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n'), error: /HTTP status 410/, status: 'off', once: true },
  'refuses the credentials': { does: reply('HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n'), error: /HTTP status 401: it refuses the credentials/ },
};

// One that is stopped with the test, whatever becomes of it.
async function wildFor(t, ...args) {
  const wild = await new Wild(...args).start();
  t.after(() => wild.stop());
  return wild;
}

async function subscribe(endpoint, secret) {
  const made = await server.fhir('POST', 'Subscription', subscription({ topic, endpoint, secret }));
  assert.equal(made.status, 201, made.text);
  return made.json.id;
}

async function change() {
  const { status } = await server.put({
    resourceType: 'Encounter', id: `h${n++}`, status: 'planned',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  });
  assert.equal(status, 201);
}

before(async () => {
  await elsewhere.start();
  ca = await authority();
  names = await new Names({
    'good.test': ['127.0.0.1'],
    'wrong.test': ['127.0.0.1'],
    'expired.test': ['127.0.0.1'],
    'self.test': ['127.0.0.1'],
    'mute.test': ['127.0.0.1'],
    'hang.test': 'hang',
    'broken.test': 'fail',
    'mixed.test': ['127.0.0.1', METADATA],
    'flip.test': (asked) => (asked === 1 ? ['127.0.0.1'] : [METADATA]),
  }).start();
  server = new Server({
    topics: new URL('./topics', import.meta.url).pathname,
    args: ['--timeout', '2', '--handshake-attempts', '1', '--retry-schedule', '1',
      '--dns-servers', names.address, '--ca-file', ca.caFile],
  });
  await server.start();
  healthy = await new Receiver({ secret: newSecret() }).start();
  await subscribe(healthy.url, healthy.secret);
  for (const [name, animal] of Object.entries(zoo)) {
    const wild = await new Wild(animal.does, { onConnection: animal.connection }).start();
    receivers[name] = wild;
    wild.id = await subscribe(wild.url);
  }
  await until(async () => {
    const states = await Promise.all(Object.values(receivers).map((w) => statusOf(server, w.id)));
    return states.every((s) => s.status === 'active');
  });
  await healthy.until((r) => r.got.length > 0);
  first = await usage(server);
  await change();
}, { timeout: 40000 });

after(async () => {
  await Promise.all([...Object.values(receivers), healthy, elsewhere, names].map((r) => r.stop()));
  await server.remove();
  await ca.remove();
});

describe('an endpoint', { concurrency: true }, () => {
  for (const [name, animal] of Object.entries(zoo)) {
    test(name, { timeout: 20000 }, async () => {
      const wild = receivers[name];
      if (animal.error) {
        const state = await until(async () => {
          const s = await statusOf(server, wild.id);
          return s.error && s;
        });
        assert.match(state.error, animal.error);
        assert.equal(state.status, animal.status ?? 'active');
        if (animal.code) assert.equal(state.code, animal.code);
        if (animal.once) {
          await new Promise((r) => { setTimeout(r, 1500); });
          assert.equal(wild.posts.length, 1);
        }
        return;
      }
      await until(async () => wild.posts.length > 0);
      await new Promise((r) => { setTimeout(r, 3500); }); // past timeout and retry
      assert.equal(new Set(wild.posts).size, wild.posts.length, 'the success was not taken as one');
      assert.deepEqual(await statusOf(server, wild.id), { status: 'active', error: '', code: undefined });
    });
  }
});

test('an endpoint that refuses connections', { timeout: 20000 }, async (t) => {
  const wild = await wildFor(t, well);
  const id = await subscribe(wild.url);
  await until(async () => (await statusOf(server, id)).status === 'active');
  await wild.stop();
  await change();
  const state = await until(async () => { const s = await statusOf(server, id); return s.error && s; });
  assert.match(state.error, /no connection|closed the connection/);
  const back = await new Wild(well).start(wild.port);
  t.after(() => back.stop());
  await until(async () => back.posts.length > 0);
});

const failing = {
  'for another name': ['https://wrong.test', 'other.test', {}, /certificate is not trusted/],
  'that has expired': ['https://expired.test', 'expired.test', { days: -1 }, /certificate is not trusted/],
  'that nobody vouches for': ['https://self.test', 'self.test', { selfSigned: true }, /certificate is not trusted/],
};

describe('a certificate', { concurrency: true }, () => {
  for (const [what, [base, name, options, error]] of Object.entries(failing)) {
    test(what, { timeout: 20000 }, async (t) => {
      const wild = await wildFor(t, well, { tlsOptions: await ca.issue(name, options) });
      const id = await subscribe(`${base}:${wild.port}/`);
      const state = await until(async () => { const s = await statusOf(server, id); return s.status === 'error' && s; });
      assert.match(state.error, error);
      assert.equal(wild.posts.length + wild.handshakes, 0);
      await wild.stop();
    });
  }
});

test('a good certificate, and a TLS handshake that stalls', { timeout: 20000 }, async (t) => {
  const good = await wildFor(t, well, { tlsOptions: await ca.issue('good.test') });
  const id = await subscribe(`https://good.test:${good.port}/`);
  await until(async () => (await statusOf(server, id)).status === 'active');
  const mute = await wildFor(t, well, { onConnection: (s) => (s.resume(), 'taken') });
  const stalled = await subscribe(`https://mute.test:${mute.port}/`);
  const state = await until(async () => { const s = await statusOf(server, stalled); return s.status === 'error' && s; });
  assert.match(state.error, /TLS|in time/);
});

const resolved = {
  'that does not exist': ['nx.test', /could not be resolved/, 'dns-resolution-error'],
  'whose server fails': ['broken.test', /could not be resolved/, 'dns-resolution-error'],
  'that nobody answers for': ['hang.test', /could not be resolved|in time/],
  'that also leads to a forbidden address': ['mixed.test', /not an allowed target/],
};

describe('a name', { concurrency: true }, () => {
  for (const [what, [name, error, code]] of Object.entries(resolved)) {
    test(what, { timeout: 20000 }, async (t) => {
      const id = await subscribe(`http://${name}:${elsewhere.port}/`);
      const state = await until(async () => { const s = await statusOf(server, id); return s.status === 'error' && s; });
      assert.match(state.error, error);
      if (code) assert.equal(state.code, code);
    });
  }
});

test('a name that flips to a forbidden address', { timeout: 20000 }, async (t) => {
  const wild = await wildFor(t, (s) => s.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'));
  const id = await subscribe(`http://flip.test:${wild.port}/`);
  await until(async () => (await statusOf(server, id)).status === 'active');
  const deadline = Date.now() + 12000;
  let error = '';
  while (!error && Date.now() < deadline) { // what was resolved is kept for 5 s
    await change();
    await new Promise((r) => { setTimeout(r, 500); });
    error = (await statusOf(server, id)).error;
  }
  assert.match(error, /not an allowed target/);
});

test('while a name hangs, others are resolved and delivered to', { timeout: 20000 }, async (t) => {
  const waiting = await Promise.all(Array.from({ length: 20 }, (_, i) => subscribe(`http://hang.test:${9000 + i}/`)));
  const start = Date.now();
  const before = healthy.events.length;
  await change();
  await healthy.until((r) => r.events.length > before, 1500);
  assert.ok(Date.now() - start < 1500);
  assert.equal(waiting.length, 20);
});

test('seventy endpoints that hang do not starve a healthy one', { timeout: 30000 }, async (t) => {
  const hanging = await Promise.all(Array.from({ length: 70 }, () => wildFor(t, (s) => { s.wild = true; })));
  const ids = await Promise.all(hanging.map((w) => subscribe(w.url)));
  await until(async () => (await Promise.all(ids.map((id) => statusOf(server, id)))).every((s) => s.status === 'active'));
  for (let i = 0; i < 50; i++) {
    const before = healthy.events.length;
    const start = Date.now();
    await change();
    await healthy.until((r) => r.events.length > before, 2000);
    assert.ok(Date.now() - start < 1000, `${Date.now() - start} ms`);
  }
  await Promise.all(ids.map((id) => server.fhir('DELETE', `Subscription/${id}`)));
});

// libcurl sends a request again by itself when a reused connection dies.
test('no POST is repeated behind the back of the count', { timeout: 20000 }, async (t) => {
  const closing = await wildFor(t, (socket) => (socket.requests % 2 ? well(socket) : socket.destroy()));
  const id = await subscribe(closing.url);
  await until(async () => (await statusOf(server, id)).status === 'active');
  for (let i = 0; i < 10; i++) {
    await change();
    await until(async () => new Set(closing.posts).size > i);
    await until(async () => !(await statusOf(server, id)).error);
  }
  const counted = await metrics(server);
  assert.ok(counted.belfry_delivery_hidden_reposts_total > 0, 'nothing was prevented');
  // each message at most twice: once on the dying connection, once by our own
  for (const message of new Set(closing.posts))
    assert.ok(closing.posts.filter((p) => p === message).length <= 2, message);
});

test('connections are used again', { timeout: 20000 }, async (t) => {
  const keeping = await wildFor(t, well);
  const id = await subscribe(keeping.url);
  await until(async () => (await statusOf(server, id)).status === 'active');
  for (let i = 0; i < 20; i++) {
    await change();
    await until(async () => keeping.posts.length > i);
  }
  assert.ok(keeping.connections <= 3, `${keeping.connections} connections`);
});

test('the healthy endpoint has every event in time, and the server did not grow', { timeout: 30000 }, async (t) => {
  for (let i = 0; i < 10; i++) {
    const before = healthy.events.length;
    const start = Date.now();
    await change();
    await healthy.until((r) => r.events.length > before, 2000);
    assert.ok(Date.now() - start < 2000);
  }
  assert.deepEqual(healthy.bad, []);
  assert.equal(elsewhere.posts.length + elsewhere.connections, 0, 'a redirect was followed');
  const last = await usage(server);
  assert.equal(last.threads, first.threads);
  assert.ok(last.descriptors < first.descriptors + 200, `${first.descriptors} -> ${last.descriptors} descriptors`);
  const bound = process.env.BELFRY?.includes('release') === false ? 400 : 100;
  assert.ok(last.rssMb < first.rssMb + bound, `${first.rssMb} -> ${last.rssMb} MB`);
  const counted = await metrics(server);
  for (const name of ['timeout', 'closed', 'garbled', 'redirect', 'busy', 'gone', 'auth', 'certificate', 'dns', 'forbidden_target'])
    assert.ok(counted[`belfry_delivery_attempts_ended_total{class="${name}"}`] > 0, name);
});
