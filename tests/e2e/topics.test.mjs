// Topics at run time: written as Basic or as SubscriptionTopic, listed in both
// forms, changed and deleted under their subscriptions.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Receiver } from './lib/receiver.mjs';
import { root, Server } from './lib/server.mjs';
import { newSecret, subscription } from './lib/subscription.mjs';

const server = new Server({ args: ['--retry-schedule', '1', '--handshake-attempts', '5'] });
const binary = process.env.BELFRY ?? path.join(root, 'build/release/belfry');
const X4 = 'http://hl7.org/fhir/4.3/StructureDefinition/extension-SubscriptionTopic.';
const X5 = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.';
const url = (name) => `http://t.example/${name}`;

before(() => server.start());
after(() => server.remove());

const topic = (name, more = {}) => ({
  resourceType: 'SubscriptionTopic', id: name, url: url(name), status: 'active', title: `About ${name}`,
  resourceTrigger: [{ resource: 'Basic', supportedInteraction: ['create', 'update'] }],
  canFilterBy: [{ filterParameter: '_id' }], ...more,
});

const basic = (name, extensions, x = X4) => ({
  resourceType: 'Basic', id: name,
  modifierExtension: [{ url: `${X5}status`, valueCode: 'active' }],
  extension: [{ url: `${X5}url`, valueUri: url(name) },
    { url: `${x}resourceTrigger`, extension: [{ url: 'resource', valueUri: 'Patient' }, ...extensions] }],
  code: { coding: [{ system: 'http://hl7.org/fhir/fhir-types', code: 'SubscriptionTopic' }] },
});

async function until(what, ms = 15000) {
  const deadline = Date.now() + ms;
  while (!(await what())) {
    assert.ok(Date.now() < deadline, 'not in time');
    await new Promise((r) => setTimeout(r, 30));
  }
}

const read = async (id) => (await server.fhir('GET', `Subscription/${id}`)).json;

async function subscribed(receiver, name, filters = []) {
  const made = await server.fhir('POST', 'Subscription',
    subscription({ topic: url(name), endpoint: receiver.url, secret: receiver.secret, filters }));
  assert.equal(made.status, 201, made.text);
  await until(async () => (await read(made.json.id)).status === 'active');
  return made.json.id;
}

async function put(resource, status) {
  const answer = await server.put(resource);
  assert.equal(answer.status, status, answer.text);
  return answer;
}

const canonicals = async () => (await server.fhir('GET', 'metadata')).json.rest[0].resource
  .find((r) => r.type === 'Subscription').extension.map((e) => e.valueCanonical);

test('a topic written over REST serves from then on, in either form', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  assert.ok(!(await canonicals()).includes(url('live')));
  await put(topic('live'), 201);
  await put(basic('born', [{ url: 'supportedInteraction', valueCode: 'create' }]), 201);
  await put(basic('older', [], X5), 201);
  for (const name of ['live', 'born', 'older']) assert.ok((await canonicals()).includes(url(name)));
  const ids = [await subscribed(receiver, 'live', ['_id=b1']), await subscribed(receiver, 'born'), await subscribed(receiver, 'older')];
  await put({ resourceType: 'Basic', id: 'b1', code: { text: 'x' } }, 201);
  await put({ resourceType: 'Basic', id: 'b2', code: { text: 'x' } }, 201);
  await put({ resourceType: 'Patient', id: 'n1' }, 201);
  await put({ resourceType: 'Patient', id: 'n1', active: true }, 200);
  await receiver.until((r) => r.events.length >= 4);
  assert.deepEqual(receiver.got.filter((n) => n.type === 'event-notification')
    .flatMap((n) => n.events.map((e) => `${n.topic} ${e.focus.slice(server.base.length + 1)}`)).sort(),
  [`${url('born')} Patient/n1`, `${url('live')} Basic/b1`, `${url('older')} Patient/n1`, `${url('older')} Patient/n1`]);
  for (const id of ids) await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('a topic reads back as it was sent, and in the other form', async () => {
  const sent = topic('asis', { description: 'ä 1.10' });
  await put(sent, 201);
  const { json } = await server.fhir('GET', 'SubscriptionTopic/asis');
  assert.deepEqual({ ...json, meta: undefined }, { ...sent, meta: undefined });
  const other = (await server.fhir('GET', 'Basic/asis')).json;
  assert.equal(other.resourceType, 'Basic');
  assert.equal(other.extension.find((e) => e.url === `${X5}url`).valueUri, url('asis'));
  assert.equal(other.modifierExtension[0].valueCode, 'active');
  assert.equal((await server.fhir('GET', 'SubscriptionTopic/none')).status, 404);
});

test('Basic?code=SubscriptionTopic lists all, those from files as well', async () => {
  for (const code of ['SubscriptionTopic', 'http://hl7.org/fhir/fhir-types%7CSubscriptionTopic']) {
    const { status, json, text } = await server.fhir('GET', `Basic?code=${code}`);
    assert.equal(status, 200, text);
    assert.equal(json.type, 'searchset');
    const urls = json.entry.map((e) => e.resource.extension.find((x) => x.url === `${X5}url`).valueUri);
    assert.ok(urls.includes('https://belfry.example/fhir/SubscriptionTopic/patient-updated'), text);
    assert.ok(urls.includes(url('asis')));
    assert.equal(json.total, urls.length);
    assert.deepEqual(urls.sort(), (await canonicals()).sort());
    const one = json.entry[0];
    assert.deepEqual((await server.fhir('GET', one.fullUrl)).json, one.resource);
  }
  const page = await server.fhir('GET', 'SubscriptionTopic?_count=2&status=active,draft');
  assert.equal(page.json.entry.length, 2);
  assert.equal(page.json.entry[0].resource.resourceType, 'SubscriptionTopic');
  const next = page.json.link.find((l) => l.relation === 'next').url;
  assert.notEqual((await server.fhir('GET', next)).json.entry[0].fullUrl, page.json.entry[0].fullUrl);
  assert.equal((await server.fhir('GET', `SubscriptionTopic?url=${url('asis')}`)).json.total, 1);
  assert.equal((await server.fhir('GET', 'SubscriptionTopic?nonsense=1')).status, 400);
});

test('what cannot be served is refused, and nothing stored', async () => {
  for (const [resource, status, expression] of [
    [topic('bad', { resourceTrigger: [{ resource: 'Patient', queryCriteria: { current: 'nonsense=1' } }] }), 422, 'SubscriptionTopic.resourceTrigger[0].queryCriteria.current'],
    [topic('bad', { resourceTrigger: [{ resource: 'Patient', fhirPathCriteria: '1' }] }), 422, 'SubscriptionTopic.resourceTrigger[0].fhirPathCriteria'],
    [topic('bad', { url: 'https://belfry.example/fhir/SubscriptionTopic/patient-updated' }), 409, 'SubscriptionTopic.url'],
    [basic('bad', [{ url: 'nonsense', valueString: 'x' }]), 422, 'Basic.extension[1].extension[1]'],
  ]) {
    const answer = await server.put(resource);
    assert.equal(answer.status, status, answer.text);
    assert.ok(answer.json.issue.some((i) => i.expression?.includes(expression)), answer.text);
    assert.equal((await server.fhir('GET', `${resource.resourceType}/bad`)).status, 404);
  }
});

test('a code that a required binding rules out is refused where nothing would ever fire', async () => {
  await put(topic('coded', {
    resourceTrigger: [{ resource: 'Encounter' }, { resource: 'Procedure' }],
    canFilterBy: [{ filterParameter: 'status', modifier: ['not'] }],
  }), 201);
  for (const [filter, status] of [
    ['status=completed', 201], // a Procedure may be that, an Encounter never
    ['Procedure?status:not=over', 201],
    ['status=over', 422],
    ['Encounter?status=completed', 422],
  ]) {
    const { status: got, json, text } = await server.fhir('POST', 'Subscription',
      subscription({ topic: url('coded'), endpoint: 'http://127.0.0.1:9/', secret: newSecret(), filters: [filter] }));
    assert.equal(got, status, `${filter}: ${text}`);
    if (got === 201) await server.fhir('DELETE', `Subscription/${json.id}`);
    else {
      assert.deepEqual(json.issue[0].expression, ['Subscription.criteria.extension[0]']);
      assert.match(json.issue[0].diagnostics, /'status' never has the value '(over|completed)'/);
    }
  }
  const criteria = (current) => server.put(topic('coded2', { resourceTrigger: [{ resource: 'Encounter', queryCriteria: { current } }] }));
  const refused = await criteria('status=over');
  assert.equal(refused.status, 422, refused.text);
  assert.deepEqual(refused.json.issue[0].expression, ['SubscriptionTopic.resourceTrigger[0].queryCriteria.current']);
  assert.equal((await criteria('status=finished')).status, 201);
  // a search for it finds nothing
  assert.equal((await server.fhir('GET', 'Encounter?status=over')).json.total, 0);
});

test('a topic that comes from a file is changed there alone', async () => {
  const id = 'patient-updated';
  const file = await server.fhir('GET', `SubscriptionTopic/${id}`);
  assert.equal(file.status, 200, file.text);
  const deleting = (type) => ({ resourceType: 'Bundle', type: 'transaction',
    entry: [{ request: { method: 'DELETE', url: `${type}/${id}` } }] });
  for (const [send, expression] of [
    [server.fhir('DELETE', `SubscriptionTopic/${id}`)],
    [server.fhir('DELETE', `Basic/${id}`)],
    [server.fhir('POST', '', deleting('Basic'))],
    [server.put(file.json), 'SubscriptionTopic.url'],
    [server.put(topic(id)), 'SubscriptionTopic.id'],
    [server.put(basic(id, [])), 'SubscriptionTopic.id'],
  ]) {
    const { status, json, text } = await send;
    assert.equal(status, 409, text);
    assert.match(json.issue[0].diagnostics, /comes from a file/);
    if (expression) assert.deepEqual(json.issue[0].expression, [expression]);
  }
  assert.equal((await server.fhir('GET', `SubscriptionTopic/${id}`)).text, file.text);
  // a Basic that is no topic has its ids to itself
  await put({ resourceType: 'Basic', id, code: { text: 'x' } }, 201);
  assert.equal((await server.fhir('DELETE', `Basic/${id}`)).status, 204);
  // one that was written is deleted as what it was written as
  await put(topic('written'), 201);
  const other = await server.fhir('DELETE', 'Basic/written');
  assert.equal(other.status, 409, other.text);
  assert.match(other.json.issue[0].diagnostics, /stored as SubscriptionTopic\/written/);
  assert.equal((await server.fhir('DELETE', 'SubscriptionTopic/written')).status, 204);
  assert.equal((await server.fhir('DELETE', 'Basic/written')).status, 204);
});

test('subscriptions that do not fit a changed or deleted topic go to error', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  await put(topic('moving'), 201);
  const filtered = await subscribed(receiver, 'moving', ['_id=m1']);
  const plain = await subscribed(receiver, 'moving');
  await put(topic('moving', { canFilterBy: undefined }), 200);
  assert.equal((await read(filtered)).status, 'error');
  assert.match((await read(filtered)).error, /filter/);
  assert.equal((await read(plain)).status, 'active');
  await put({ resourceType: 'Basic', id: 'm1', code: { text: 'x' } }, 201);
  await receiver.until((r) => r.events.length >= 1);
  assert.equal((await server.fhir('DELETE', 'SubscriptionTopic/moving')).status, 204);
  assert.equal((await read(plain)).status, 'error');
  assert.match((await read(plain)).error, /not offered/);
  assert.ok(!(await canonicals()).includes(url('moving')));
  await put({ resourceType: 'Basic', id: 'm1', code: { text: 'y' } }, 200);
  await put(topic('moving'), 201);
  assert.equal((await read(filtered)).status, 'error', 'only its client re-activates it');
  await put({ ...(await read(filtered)), status: 'requested' }, 200);
  await until(async () => (await read(filtered)).status === 'active');
  await put({ resourceType: 'Basic', id: 'm1', code: { text: 'z' } }, 200);
  await receiver.until((r) => r.events.length >= 2);
  assert.deepEqual(receiver.events.map((e) => e.number), [1, 1]);
  for (const id of [filtered, plain]) await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('a retired topic takes no new subscriptions and keeps those it has', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  await put(topic('aged'), 201);
  const id = await subscribed(receiver, 'aged');
  await put(topic('aged', { status: 'retired' }), 200);
  const refused = await server.fhir('POST', 'Subscription', subscription({ topic: url('aged'), endpoint: receiver.url }));
  assert.equal(refused.status, 422, refused.text);
  await put({ resourceType: 'Basic', id: 'g1', code: { text: 'x' } }, 201);
  await receiver.until((r) => r.events.length >= 1);
  await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('written topics outlive a restart, and are listed without a server', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  await put(topic('lasting'), 201);
  await put(topic('gone'), 201);
  const kept = await subscribed(receiver, 'lasting');
  const lost = await subscribed(receiver, 'gone');
  await server.fhir('DELETE', 'SubscriptionTopic/gone');
  for (const signal of ['SIGKILL', 'SIGTERM']) {
    await server.stop(signal);
    const { stdout } = await promisify(execFile)(binary,
      ['topics', 'list', '--topics', server.topics, '--data', server.data]);
    assert.ok(stdout.includes(url('lasting')) && !stdout.includes(url('gone')), stdout);
    await server.start();
    assert.equal((await read(kept)).status, 'active');
    assert.equal((await read(lost)).status, 'error');
    assert.ok((await canonicals()).includes(url('lasting')));
  }
  await put({ resourceType: 'Basic', id: 'l1', code: { text: 'x' } }, 201);
  await receiver.until((r) => r.events.length >= 1);
  for (const id of [kept, lost]) await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('fhirPathCriteria compare the versions', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  await put(topic('paths', {
    canFilterBy: undefined,
    resourceTrigger: [{ resource: 'Patient', fhirPathCriteria: '%current.active = true and (%previous.active = true).not()' },
      { resource: 'Patient', fhirPathCriteria: '%previous.exists() and %current.empty()' }],
  }), 201);
  const refused = await server.put(topic('bad', { resourceTrigger: [{ resource: 'Patient', fhirPathCriteria: '%current.active =' }] }));
  assert.equal(refused.status, 422, refused.text);
  assert.deepEqual(refused.json.issue[0].expression, ['SubscriptionTopic.resourceTrigger[0].fhirPathCriteria']);
  const id = await subscribed(receiver, 'paths');
  const patient = (active) => ({ resourceType: 'Patient', id: 'f1', active });
  for (const [active, status] of [[false, 201], [true, 200], [true, 200], [false, 200], [true, 200]])
    await put(patient(active), status);
  await server.fhir('DELETE', 'Patient/f1');
  await put(patient(true), 201);
  await receiver.until((r) => r.events.length >= 3);
  const versions = receiver.got.filter((n) => n.type === 'event-notification')
    .flatMap((n) => n.bundle.entry[0].resource.parameter.filter((p) => p.name === 'notification-event'))
    .map((e) => e.part.find((p) => p.name === 'focus-version').valueId);
  assert.deepEqual(versions, ['2', '5', '6'], 'an empty operand makes an empty answer');
  const { json } = await server.fhir('GET', `Subscription/${id}/$explain?reference=Patient/f1/_history/3`);
  const told = json.parameter.find((p) => p.name === 'trigger').part.filter((p) => p.name === 'test').at(-1).part;
  assert.deepEqual(told.map((p) => p.valueString ?? p.valueBoolean).slice(0, 4),
    ['fhirPathCriteria', '%current.active = true and (%previous.active = true).not()', 'false', false]);
  await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('a second update before the first delivery is an event of its own, with its version', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  const id = (await server.fhir('POST', 'Subscription', subscription({
    topic: url('older'), endpoint: receiver.url, secret: receiver.secret, content: 'full-resource' }))).json.id;
  receiver.answer = 500;
  await put({ resourceType: 'Patient', id: 'w1', active: true }, 201);
  await put({ resourceType: 'Patient', id: 'w1', active: false }, 200);
  receiver.answer = 200;
  await receiver.until((r) => r.events.length >= 2, 30000);
  const entries = receiver.got.filter((n) => n.answered === 200).flatMap((n) => n.entries);
  assert.deepEqual(entries.map((e) => [e.resource.meta.versionId, e.resource.active]), [['1', true], ['2', false]]);
  await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});
