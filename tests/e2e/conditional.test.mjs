// Conditional create, update and delete, alone and in bundles, and conditional
// references (R4 http.html#ccreate, #cond-update, #trules).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Client from 'fhir-kit-client';
import { Server } from './lib/server.mjs';

const server = new Server();
let client;

before(async () => {
  await server.start();
  client = new Client({ baseUrl: server.base });
});
after(() => server.remove());

const by = (value) => `identifier=urn:mrn|${value}`;
const patient = (value, more) => ({ resourceType: 'Patient',
  identifier: [{ system: 'urn:mrn', value }], ...more });

async function send(method, path, { body, headers } = {}) {
  const answer = await fetch(`${server.base}/${path}`, { method,
    headers: { 'content-type': 'application/fhir+json', ...headers },
    body: body && JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text,
    json: text ? JSON.parse(text) : null };
}

async function found(value) {
  const page = await client.search({ resourceType: 'Patient',
    searchParams: { identifier: `urn:mrn|${value}` } });
  return (page.entry ?? []).map((entry) => entry.resource);
}

function createUnless(value, more, headers) {
  return send('POST', 'Patient', { body: patient(value, more),
    headers: { 'If-None-Exist': by(value), ...headers } });
}

test('a create is done once for what its criteria find', async () => {
  const first = await createUnless('c1', { active: true });
  assert.equal(first.status, 201, first.text);
  const again = await createUnless('c1', { active: false },
    { Prefer: 'return=representation' });
  assert.equal(again.status, 200, again.text);
  assert.equal(again.json.id, first.json.id);
  assert.equal(again.json.active, true);
  assert.equal(again.headers.get('etag'), 'W/"1"');
  assert.equal(again.headers.get('location'), first.headers.get('location'));
  assert.equal((await found('c1')).length, 1);
});

test('of many at once one creates', async () => {
  const answers = await Promise.all(Array.from({ length: 24 },
    () => createUnless('race')));
  const made = answers.filter((a) => a.status === 201);
  assert.equal(made.length, 1, answers.map((a) => a.status).join());
  assert.ok(answers.every((a) => [200, 201].includes(a.status)));
  assert.equal((await found('race')).length, 1);
});

test('several matches are 412, criteria that mean nothing are refused', async () => {
  for (let i = 0; i < 2; i++)
    await client.create({ resourceType: 'Patient', body: patient('twice') });
  const criteria = encodeURI(by('twice'));
  assert.equal((await createUnless('twice')).status, 412);
  assert.equal((await send('PUT', `Patient?${criteria}`,
    { body: patient('twice') })).status, 412);
  assert.equal((await send('DELETE', `Patient?${criteria}`)).status, 412);
  assert.equal((await found('twice')).length, 2);
  const unknown = await send('POST', 'Patient', { body: patient('x'),
    headers: { 'If-None-Exist': 'shoe-size=44' } });
  assert.equal(unknown.status, 400);
  assert.match(unknown.json.issue[0].diagnostics, /shoe-size/);
  for (const method of ['PUT', 'DELETE'])
    assert.equal((await send(method, 'Patient',
      { body: method === 'PUT' ? patient('x') : undefined })).status, 400);
});

test('an update goes to what its criteria find, or creates', async () => {
  const path = `Patient?${encodeURI(by('u1'))}`;
  const made = await send('PUT', path, { body: patient('u1') });
  assert.equal(made.status, 201, made.text);
  const [{ id }] = await found('u1');
  const changed = await send('PUT', path, { body: patient('u1', { active: true }) });
  assert.equal(changed.status, 200, changed.text);
  assert.equal(changed.json.id, id);
  assert.equal(changed.json.meta.versionId, '2');
  assert.equal((await send('PUT', path,
    { body: patient('u1', { id: 'another' }) })).status, 400);
  assert.equal((await send('PUT', path, { body: patient('u1', { id }),
    headers: { 'If-Match': 'W/"1"' } })).status, 412);
  const named = await send('PUT', `Patient?${encodeURI(by('u2'))}`,
    { body: patient('u2', { id: 'named' }) });
  assert.equal(named.status, 201, named.text);
  assert.equal(named.json.id, 'named');
  assert.equal((await send('PUT', `Patient?${encodeURI(by('u3'))}`,
    { body: patient('u3', { id: 'named' }) })).status, 409);
});

test('a delete is of the one that its criteria find', async () => {
  const path = `Patient?${encodeURI(by('d1'))}`;
  await client.create({ resourceType: 'Patient', body: patient('d1') });
  assert.equal((await send('DELETE', path)).status, 204);
  assert.deepEqual(await found('d1'), []);
  assert.equal((await send('DELETE', path)).status, 204);
});

test('a Subscription is not sought by criteria', async () => {
  const answer = await send('DELETE', 'Subscription?status=active');
  assert.equal(answer.status, 400, answer.text);
});

const entry = (method, url, resource, more) => ({ ...(resource && { resource }),
  request: { method, url, ...more } });
const post = (type, ...list) => send('POST', '', { body: {
  resourceType: 'Bundle', type, entry: list } });

test('a transaction refers to what is there and to what it creates', async () => {
  const there = await createUnless('t1');
  const visit = (reference) => ({ resourceType: 'Encounter', status: 'planned',
    class: { code: 'AMB' }, subject: { reference } });
  const answer = await post('transaction',
    { fullUrl: 'urn:uuid:5a0cd16e-0d35-4a35-9c4a-fb2a8d7dc4f1',
      ...entry('POST', 'Patient', patient('t1'), { ifNoneExist: by('t1') }) },
    { fullUrl: 'urn:uuid:5a0cd16e-0d35-4a35-9c4a-fb2a8d7dc4f2',
      ...entry('POST', 'Patient', patient('t2'), { ifNoneExist: by('t2') }) },
    entry('PUT', `Patient?${by('t3')}`, patient('t3')),
    entry('DELETE', `Patient?${by('t4')}`),
    entry('POST', 'Encounter', visit('urn:uuid:5a0cd16e-0d35-4a35-9c4a-fb2a8d7dc4f1')),
    entry('POST', 'Encounter', visit('urn:uuid:5a0cd16e-0d35-4a35-9c4a-fb2a8d7dc4f2')),
    entry('POST', 'Encounter', visit(`Patient?${by('t1')}`)));
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json.entry.map((e) => e.response.status.slice(0, 3)),
    ['200', '201', '201', '204', '201', '201', '201']);
  const [created] = await found('t2');
  assert.equal((await found('t3')).length, 1);
  const subjects = await Promise.all(answer.json.entry.slice(4).map((e) =>
    fetch(e.fullUrl).then((r) => r.json()).then((v) => v.subject.reference)));
  assert.deepEqual(subjects, [`Patient/${there.json.id}`,
    `Patient/${created.id}`, `Patient/${there.json.id}`]);
});

test('a transaction whose criteria find no one or several is refused whole', async () => {
  const visit = (reference) => ({ resourceType: 'Encounter', id: 'never',
    status: 'planned', class: { code: 'AMB' }, subject: { reference } });
  for (const reference of [`Patient?${by('nobody')}`, `Patient?${by('twice')}`]) {
    const answer = await post('transaction',
      entry('PUT', 'Encounter/never', visit(reference)));
    assert.equal(answer.status, 412, answer.text);
    assert.equal(answer.json.issue[0].expression[0], 'Bundle.entry[0].resource');
  }
  assert.equal((await send('GET', 'Encounter/never')).status, 404);
  const both = await post('transaction',
    entry('POST', 'Patient', patient('dup'), { ifNoneExist: by('dup') }),
    entry('POST', 'Patient', patient('dup'), { ifNoneExist: by('dup') }));
  assert.equal(both.status, 400, both.text);
  assert.deepEqual(await found('dup'), []);
});

test('in a batch each entry is conditional for itself', async () => {
  const answer = await post('batch',
    entry('POST', 'Patient', patient('b1'), { ifNoneExist: by('b1') }),
    entry('POST', 'Patient', patient('twice'), { ifNoneExist: by('twice') }),
    entry('PUT', `Patient?${by('b2')}`, patient('b2')),
    entry('DELETE', `Patient?${by('b3')}`));
  assert.deepEqual(answer.json.entry.map((e) => e.response.status.slice(0, 3)),
    ['201', '412', '201', '204']);
});

test('entries of a batch that mean the same create it once', async () => {
  const make = () => entry('POST', 'Patient', patient('same'), { ifNoneExist: by('same') });
  const answer = await post('batch', make(), make(), entry('PUT', `Patient?${by('same')}`, patient('same')), make());
  const { status, json, text } = answer;
  assert.equal(status, 200, text);
  assert.deepEqual(json.entry.map((e) => e.response.status.slice(0, 3)), ['201', '200', '200', '200'], text);
  const ids = json.entry.map((e) => e.response.location.split('/')[1]);
  assert.equal(new Set(ids).size, 1, text);
  assert.deepEqual((await found('same')).map((p) => p.id), [ids[0]]);
});

test('/metadata says what is conditional', async () => {
  const { json } = await send('GET', 'metadata');
  const of = (type) => json.rest[0].resource.find((r) => r.type === type);
  assert.equal(of('Patient').conditionalCreate, true);
  assert.equal(of('Patient').conditionalUpdate, true);
  assert.equal(of('Patient').conditionalDelete, 'single');
  assert.equal(of('Subscription').conditionalCreate, false);
});
