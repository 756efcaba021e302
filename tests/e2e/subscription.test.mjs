// Subscriptions: what is refused, what is masked, how their status moves, and
// how delivery keeps order over failures and restarts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server } from './lib/server.mjs';
import { Receiver } from './lib/receiver.mjs';
import { BX, newSecret, SECRET_URL, subscription } from './lib/subscription.mjs';

const server = new Server({ args: ['--retry-schedule', '1', '--handshake-attempts', '2'] });
const topic = 'patient-updated';

before(() => server.start());
after(() => server.remove());

const status = async (id) => {
  const { json } = await server.fhir('GET', `Subscription/${id}/$status`);
  const parameters = json.entry[0].resource.parameter;
  return Object.fromEntries(parameters.map((p) => [p.name, p.valueCode ?? p.valueString ?? p]));
};

async function until(what, ms = 15000) {
  const deadline = Date.now() + ms;
  while (!(await what())) {
    assert.ok(Date.now() < deadline, 'not in time');
    await new Promise((r) => setTimeout(r, 50));
  }
}

const patient = (id, active) => ({ resourceType: 'Patient', id, active });

async function subscribed(receiver, options = {}) {
  const made = await server.fhir('POST', 'Subscription', subscription({
    topic, endpoint: receiver.url, secret: receiver.secret, filters: ['_id=p1'], ...options,
  }));
  assert.equal(made.status, 201, made.text);
  return made.json;
}

const refusals = [
  ['an unknown topic', (s) => { s.criteria = 'https://example.org/none'; }, 'Subscription.criteria'],
  ['a classic criterion', (s) => { s.criteria = 'Patient?active=true'; }, 'Subscription.criteria'],
  ['a filter that the topic does not offer', (s) => { s._criteria.extension[0].valueString = 'Patient?name=x'; }, 'Subscription.criteria.extension[0]'],
  ['another channel', (s) => { s.channel.type = 'email'; }, 'Subscription.channel.type'],
  ['no endpoint', (s) => { delete s.channel.endpoint; }, 'Subscription.channel.endpoint'],
  ['another payload', (s) => { s.channel.payload = 'application/fhir+xml'; }, 'Subscription.channel.payload'],
  ['another FHIR version', (s) => { s.channel.payload = 'application/fhir+json; fhirVersion=4.3'; }, 'Subscription.channel.payload'],
  ['no content level', (s) => { delete s.channel._payload; }, /Subscription\.channel\.payload/],
  ['an unknown content level', (s) => { s.channel._payload.extension[0].valueCode = 'all'; }, /Subscription\.channel\.payload/],
  ['a header with a line break', (s) => { s.channel.header = ['X-A: b\r\nX-C: d']; }, 'Subscription.channel.header[0]'],
  ['a framing header', (s) => { s.channel.header = ['Content-Length: 3']; }, 'Subscription.channel.header[0]'],
  ['an end in the past', (s) => { s.end = '2020-01-01T00:00:00Z'; }, 'Subscription.end'],
  ['no reason', (s) => { delete s.reason; }, 'Subscription.reason'],
  ['status error', (s) => { s.status = 'error'; }, 'Subscription.status'],
  ['a foreign-version extension', (s) => { s._criteria.extension.push({ url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.topic', valueUri: 'x' }); }, 'Subscription.criteria.extension[1]'],
];
for (const [name, spoil, expression] of refusals)
  test(`${name} is 422 and names the element`, async () => {
    const s = subscription({ topic, endpoint: 'http://127.0.0.1:9/', filters: ['_id=p1'] });
    spoil(s);
    const before = (await server.fhir('GET', 'Subscription')).json.total;
    const { status: code, json, text } = await server.fhir('POST', 'Subscription', s);
    assert.equal(code, 422, text);
    assert.equal(json.resourceType, 'OperationOutcome');
    const expressions = json.issue.flatMap((i) => i.expression ?? []);
    assert.ok(expressions.some((e) => (expression instanceof RegExp ? expression.test(e) : e === expression)), text);
    assert.equal((await server.fhir('GET', 'Subscription')).json.total, before, 'nothing stored');
  });

test('headers and secret are shown once and masked ever after', async () => {
  const receiver = await new Receiver().start();
  const made = await server.fhir('POST', 'Subscription', subscription({
    topic, endpoint: receiver.url, filters: ['_id=p1'], headers: ['Authorization: Bearer abc:def='],
  }));
  assert.equal(made.status, 201, made.text);
  assert.equal(made.json.status, 'requested');
  assert.deepEqual(made.json.channel.header, ['Authorization: Bearer abc:def=']);
  const shown = made.json.channel.extension.find((e) => e.url === SECRET_URL).valueString;
  assert.match(shown, /^whsec_[A-Za-z0-9+/]{43}=$/);
  receiver.secret = shown;
  const { json, text } = await server.fhir('GET', `Subscription/${made.json.id}`);
  assert.ok(!text.includes('abc:def') && !text.includes(shown.slice(6)), text);
  const put = await server.put({ ...json, reason: 'changed', status: 'requested' });
  assert.equal(put.status, 200, put.text);
  assert.ok(!put.text.includes('abc:def') && !put.text.includes(shown.slice(6)), put.text);
  const inBundle = await server.fhir('POST', '', { resourceType: 'Bundle', type: 'transaction', entry: [
    { resource: { ...json, reason: 'again' }, request: { method: 'PUT', url: `Subscription/${json.id}` } }] });
  assert.equal(inBundle.status, 200, inBundle.text);
  assert.ok(inBundle.text.includes('****'), inBundle.text);
  assert.ok(!inBundle.text.includes('abc:def') && !inBundle.text.includes(shown.slice(6)), inBundle.text);
  await receiver.until((r) => r.got.length >= 1);
  const last = receiver.got.at(-1);
  assert.equal(last.headers.authorization, 'Bearer abc:def=');
  assert.deepEqual(receiver.bad, []);
  await server.fhir('DELETE', `Subscription/${json.id}`);
  await receiver.stop();
});

test('the handshake makes it active, its failure puts it to error', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  const good = await subscribed(receiver);
  await until(async () => (await status(good.id)).status === 'active');
  assert.equal(receiver.got[0].type, 'handshake');
  assert.equal(receiver.got[0].status, 'requested');
  assert.equal(receiver.got[0].since, '0');
  receiver.answer = 404;
  const bad = await subscribed(receiver);
  await until(async () => (await status(bad.id)).status === 'error', 40000);
  const read = await server.fhir('GET', `Subscription/${bad.id}`);
  assert.equal(read.json.status, 'error');
  assert.ok(read.json.error);
  for (const id of [good.id, bad.id]) await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('a failing endpoint gets the same bytes again, and all events in order', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  const { id } = await subscribed(receiver);
  await until(async () => (await status(id)).status === 'active');
  let failures = 2;
  receiver.answer = (n) => (n.type === 'event-notification' && failures-- > 0 ? 503 : 200);
  await server.put(patient('p1', true));
  for (let i = 0; i < 10; i++) await server.put(patient('p1', i % 2 === 0));
  await receiver.until((r) => r.events.length === 10, 20000);
  assert.deepEqual(receiver.events.map((e) => e.number), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const tries = receiver.got.filter((n) => n.events[0]?.number === 1);
  assert.ok(tries.length >= 3);
  assert.ok(tries.every((n) => n.body === tries[0].body && n.headers['webhook-id'] === tries[0].headers['webhook-id']));
  assert.deepEqual(receiver.bad, []);
  await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('a restart goes on where it was', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  const { id } = await subscribed(receiver);
  await until(async () => (await status(id)).status === 'active');
  receiver.answer = (n) => (n.type === 'event-notification' ? 503 : 200);
  await server.put(patient('p1', true));
  await server.put(patient('p1', false));
  await receiver.until((r) => r.got.some((n) => n.type === 'event-notification'));
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  receiver.answer = 200;
  await server.start();
  await receiver.until((r) => r.events.length >= 1, 20000);
  await server.put(patient('p1', true));
  await receiver.until((r) => new Set(r.events.map((e) => e.number)).size >= 2, 20000);
  const numbers = receiver.events.map((e) => e.number);
  assert.deepEqual([...numbers].sort((a, b) => a - b), numbers);
  assert.equal(numbers[0], 1);
  await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('410 switches it off, and off counts nothing', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  const { id } = await subscribed(receiver);
  await until(async () => (await status(id)).status === 'active');
  receiver.answer = 410;
  await server.put(patient('p1', true));
  await until(async () => (await status(id)).status === 'off');
  await server.put(patient('p1', false));
  assert.equal((await status(id))['events-since-subscription-start'], '1');
  await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('max-count bounds a bundle and a backlog comes in batches', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  const { id } = await subscribed(receiver, {
    extensions: [{ url: `${BX}/backport-max-count`, valuePositiveInt: 3 }], content: 'full-resource',
  });
  await until(async () => (await status(id)).status === 'active');
  receiver.answer = (n) => (n.type === 'event-notification' ? 503 : 200);
  await server.put(patient('p1', true));
  for (let i = 0; i < 7; i++) await server.put(patient('p1', i % 2 === 0));
  receiver.answer = 200;
  await receiver.until((r) => r.events.length === 8 || r.events.at(-1)?.number >= 7, 20000);
  assert.ok(receiver.got.every((n) => n.events.length <= 3));
  const versions = receiver.got.filter((n) => n.answered === 200).flatMap((n) => n.entries.map((e) => Number(e.resource.meta.versionId)));
  assert.deepEqual([...versions].sort((a, b) => a - b), versions, 'each event with its own version');
  await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('$status answers at instance and type level, by GET and POST', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  const { id } = await subscribed(receiver);
  const one = await server.fhir('GET', `Subscription/${id}/$status`);
  assert.equal(one.json.type, 'searchset');
  assert.ok(one.json.entry.every((e) => !e.request && !e.response));
  const posted = await server.fhir('POST', 'Subscription/$status', {
    resourceType: 'Parameters', parameter: [{ name: 'id', valueId: id }],
  });
  assert.equal(posted.json.entry.length, 1);
  const none = await server.fhir('GET', 'Subscription/$status?id=nobody');
  assert.equal(none.json.entry?.length ?? 0, 0);
  assert.equal((await server.fhir('GET', 'Subscription/nobody/$status')).status, 404);
  await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('an unwritable data folder and a second server are told clearly', async () => {
  const second = new Server({ data: server.data });
  await assert.rejects(second.start(), /in use/);
});

test('belfry sends itself nothing, under no name', async () => {
  const { port } = server;
  for (const endpoint of [server.base, `${server.base}/Bundle`, `http://[::1]:${port}/`, `http://127.0.0.2:${port}/x`]) {
    const made = await server.fhir('POST', 'Subscription', subscription({ topic, endpoint }));
    assert.equal(made.status, 422, endpoint);
    assert.deepEqual(made.json.issue[0].expression, ['Subscription.channel.endpoint']);
  }
  const made = await server.fhir('POST', 'Subscription', subscription({ topic, endpoint: `http://localhost:${port}/fhir/Bundle` }));
  assert.equal(made.status, 201, made.text);
  await until(async () => (await status(made.json.id)).error !== undefined);
  assert.equal((await server.fhir('GET', 'Bundle?_summary=count')).json.total, 0);
  await server.fhir('DELETE', `Subscription/${made.json.id}`);
});

test('a deleted Subscription can be put again and starts anew', async (t) => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  t.after(() => receiver.stop());
  const body = { ...subscription({ topic, endpoint: receiver.url, secret: receiver.secret, filters: ['_id=again'] }), id: 'again' };
  const active = async () => (await status('again')).status === 'active';
  await server.put(patient('again', true));
  for (let round = 1; round <= 2; round++) {
    const put = await server.fhir('PUT', 'Subscription/again', body, round === 2 ? { 'if-none-match': '*' } : {});
    assert.equal(put.status, 201, put.text);
    await until(active);
    await server.put(patient('again', round === 2));
    await receiver.until((r) => r.got.filter((n) => n.type === 'event-notification').length === round);
    const told = receiver.got.filter((n) => n.type === 'event-notification').at(-1);
    assert.deepEqual(told.events.map((e) => e.number), [1]);
    assert.equal((await server.fhir('DELETE', 'Subscription/again')).status, 204);
    for (const [method, path] of [['GET', ''], ['GET', '/$status'], ['GET', '/$events'], ['GET', '/$dead-letters'], ['POST', '/$pause'], ['GET', '/$explain?reference=Patient/again/_history/1']]) {
      const gone = await server.fhir(method, `Subscription/again${path}`);
      assert.equal(gone.status, 410, path);
      assert.equal(gone.headers.get('etag'), `W/"${2 * round}"`, path);
      assert.match(gone.json.issue[0].diagnostics, /was deleted/);
    }
  }
});
