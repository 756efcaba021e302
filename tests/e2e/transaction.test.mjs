// Batches and transactions: all or none, links between entries, and events of
// what was committed alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Client from 'fhir-kit-client';
import { Server } from './lib/server.mjs';
import { Receiver } from './lib/receiver.mjs';
import { newSecret, subscription } from './lib/subscription.mjs';

const server = new Server();

before(() => server.start());
after(() => server.remove());

const urn = (n) => `urn:uuid:00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const encounter = (id, subject) => ({
  resourceType: 'Encounter', id, status: 'in-progress',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  subject: { reference: subject },
});
const post = (n, resource) => ({
  fullUrl: urn(n), resource, request: { method: 'POST', url: resource.resourceType },
});
const put = (resource, more = {}) => ({
  resource,
  request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}`, ...more },
});
const bundle = (type, ...entry) => ({ resourceType: 'Bundle', type, entry });
const issue = (answer) => answer.json.issue[0];

test('a transaction creates, links and reads in one step', async () => {
  const client = new Client({ baseUrl: server.base });
  const { entry, type } = await client.transaction({
    body: bundle('transaction',
      put(encounter('t1', urn(1))),
      post(1, { resourceType: 'Patient', active: true }),
      { request: { method: 'GET', url: 'Encounter/t1' } },
      { request: { method: 'DELETE', url: 'Patient/none' } }),
  });
  assert.equal(type, 'transaction-response');
  assert.deepEqual(entry.map((e) => e.response.status),
    ['201 Created', '201 Created', '200 OK', '204 No Content']);
  const [, , id] = /^(Patient)\/([^/]+)\/_history\/1$/.exec(entry[1].response.location);
  assert.equal(entry[2].resource.subject.reference, `Patient/${id}`);
  assert.equal(entry[1].resource, undefined);
  const patient = await server.fhir('GET', `Patient/${id}`);
  assert.equal(patient.json.active, true);
  assert.equal(patient.json.meta.lastUpdated, entry[1].response.lastModified);
});

test('a refused entry refuses the transaction, and nobody is told of it', async () => {
  const secret = newSecret();
  const receiver = await new Receiver({ secret }).start();
  const made = await server.fhir('POST', 'Subscription', subscription({
    topic: 'encounter-started', endpoint: receiver.url, secret,
  }));
  assert.equal(made.status, 201, made.text);
  await receiver.until((r) => r.got.length === 1);
  const refused = await server.fhir('POST', '', bundle('transaction',
    put(encounter('r1', 'Patient/1')),
    put(encounter('r2', 'Patient/1'), { ifMatch: 'W/"9"' })));
  assert.equal(refused.status, 412);
  assert.equal(issue(refused).expression[0], 'Bundle.entry[1].request');
  assert.equal((await server.fhir('GET', 'Encounter/r1')).status, 404);
  const good = await server.fhir('POST', '', bundle('transaction',
    put(encounter('r1', 'Patient/1')), put(encounter('r2', 'Patient/1'))));
  assert.equal(good.status, 200, good.text);
  await receiver.until((r) => r.events.length === 2);
  assert.deepEqual(receiver.events.map((e) => e.number), [1, 2]);
  assert.ok(receiver.events[0].focus.endsWith('/Encounter/r1'));
  assert.deepEqual(receiver.bad, []);
  await server.fhir('DELETE', `Subscription/${made.json.id}`);
  await receiver.stop();
});

test('in a batch each entry is answered for itself', async () => {
  const answer = await server.fhir('POST', '', bundle('batch',
    put(encounter('b1', 'Patient/1')),
    put(encounter('b1', 'Patient/1'), { ifMatch: 'W/"9"' }),
    { request: { method: 'PATCH', url: 'Patient/1' } },
    { request: { method: 'GET', url: 'Patient/nobody' } },
    { request: { method: 'GET', url: 'Encounter/b1/_history/1' } }));
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.type, 'batch-response');
  const codes = answer.json.entry.map((e) => e.response.status.slice(0, 3));
  assert.deepEqual(codes, ['201', '412', '400', '404', '200']);
  for (const i of [1, 2, 3])
    assert.equal(answer.json.entry[i].response.outcome.resourceType, 'OperationOutcome');
});

test('a Subscription in a transaction tells its secret there, once', async () => {
  const answer = await server.fhir('POST', '', bundle('transaction',
    { ...put({ ...subscription({ topic: 'patient-updated', endpoint: 'http://127.0.0.1:9/', filters: ['_id=x'] }), id: 'in-transaction' }) }));
  assert.equal(answer.status, 200, answer.text);
  assert.match(JSON.stringify(answer.json.entry[0].resource), /whsec_/);
  const later = await server.fhir('GET', 'Subscription/in-transaction');
  assert.doesNotMatch(later.text, /whsec_[A-Za-z0-9]/);
});

const refusals = [
  ['no Bundle', { resourceType: 'Patient' }, 400, 'Bundle.resourceType'],
  ['another type', bundle('collection'), 400, 'Bundle.type'],
  ['one resource twice', bundle('transaction', put(encounter('x', 'Patient/1')),
    put(encounter('x', 'Patient/1'))), 400, 'Bundle.entry[1].request.url'],
  ['one fullUrl twice', bundle('transaction', post(1, { resourceType: 'Patient' }),
    post(1, { resourceType: 'Patient' })), 400, 'Bundle.entry[1].fullUrl'],
  ['another id than the URL\'s', bundle('transaction',
    { resource: { resourceType: 'Patient', id: 'a' }, request: { method: 'PUT', url: 'Patient/b' } }),
  400, 'Bundle.entry[0].resource.id'],
  ['ifNoneExist of a PUT', bundle('transaction', { resource: { resourceType: 'Patient', id: 'a' },
    request: { method: 'PUT', url: 'Patient/a', ifNoneExist: 'active=true' } }),
  400, 'Bundle.entry[0].request.ifNoneExist'],
];
for (const [name, body, status, expression] of refusals)
  test(`a bundle with ${name} is refused`, async () => {
    const answer = await server.fhir('POST', '', body);
    assert.equal(answer.status, status, answer.text);
    assert.equal(issue(answer).expression[0], expression);
  });
