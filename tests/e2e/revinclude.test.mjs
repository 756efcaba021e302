// notificationShape.revInclude: what refers to the resource that changed comes
// with the notification, as it was at the event.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Receiver } from './lib/receiver.mjs';
import { Server } from './lib/server.mjs';
import { newSecret, subscription } from './lib/subscription.mjs';

const server = new Server({ args: ['--retry-schedule', '1'] });
const url = 'http://t.example/prescription';

const topic = {
  resourceType: 'SubscriptionTopic', id: 'prescription', url, status: 'active',
  resourceTrigger: [{ resource: 'MedicationRequest' }],
  notificationShape: [{
    resource: 'MedicationRequest', include: ['MedicationRequest:patient'],
    revInclude: ['MedicationDispense:prescription', 'Provenance:target&iterate=Provenance:target'],
  }],
};

const request = (id, status = 'active') => ({
  resourceType: 'MedicationRequest', id, status, intent: 'order',
  medicationCodeableConcept: { text: 'm' }, subject: { reference: 'Patient/p' },
});
const dispense = (id, of, status = 'preparation') => ({
  resourceType: 'MedicationDispense', id, status,
  medicationCodeableConcept: { text: 'm' },
  authorizingPrescription: [{ reference: `MedicationRequest/${of}` }],
});
const provenance = (id, target) => ({
  resourceType: 'Provenance', id, target: [{ reference: target }],
  recorded: '2026-01-01T00:00:00Z', agent: [{ who: { display: 'x' } }],
});

before(async () => {
  await server.start();
  assert.equal((await server.put(topic)).status, 201);
  await server.put({ resourceType: 'Patient', id: 'p' });
});
after(() => server.remove());

async function subscribed(receiver, content) {
  const made = await server.fhir('POST', 'Subscription',
    subscription({ topic: url, endpoint: receiver.url, secret: receiver.secret, content }));
  assert.equal(made.status, 201, made.text);
  await receiver.until((r) => r.got.some((n) => n.type === 'handshake'));
  return made.json.id;
}

const notes = (receiver) => receiver.got.filter((n) => n.type === 'event-notification');
const contexts = (bundle) => bundle.entry[0].resource.parameter
  .filter((p) => p.name === 'notification-event').flatMap((p) => p.part)
  .filter((p) => p.name === 'additional-context')
  .map((p) => p.valueReference.reference.slice(server.base.length + 1));
const gets = (bundle) => bundle.entry.slice(1).filter((e) => e.request.method === 'GET')
  .map((e) => [e.request.url, e.resource?.meta.versionId, e.resource?.status]);

test('what refers to the focus is told as of the event: retried, asked for, after a kill', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  await server.put(dispense('d1', 'r1'));
  await server.put(dispense('d2', 'r1'));
  await server.put(dispense('other', 'r2'));
  await server.put(provenance('of-d1', 'MedicationDispense/d1'));
  const id = await subscribed(receiver, 'full-resource');
  receiver.answer = 500;
  await server.put(request('r1'));
  await receiver.until((r) => notes(r).length >= 1);
  await server.put(dispense('d1', 'r1', 'completed'));
  await server.put(dispense('d3', 'r1'));
  assert.ok((await server.fhir('DELETE', 'MedicationDispense/d2')).status < 300);
  await server.stop('SIGKILL');
  await server.start();
  receiver.answer = 200;
  await receiver.until((r) => r.events.length >= 1);
  const [first, ...others] = notes(receiver);
  for (const other of others) assert.equal(other.body, first.body, 'a retry has the same bytes');
  assert.deepEqual(contexts(first.bundle), ['Patient/p', 'MedicationDispense/d1', 'MedicationDispense/d2', 'Provenance/of-d1']);
  assert.deepEqual(gets(first.bundle).slice(0, 3), [['Patient/p', '1', undefined],
    ['MedicationDispense/d1', '1', 'preparation'], ['MedicationDispense/d2', '1', 'preparation']]);
  const again = await server.fhir('GET', `Subscription/${id}/$events?eventsSinceNumber=1&eventsUntilNumber=1`);
  assert.deepEqual(contexts(again.json), contexts(first.bundle));
  assert.deepEqual(again.json.entry.slice(1), first.bundle.entry.slice(1));
  await server.put(request('r1', 'completed'));
  await receiver.until((r) => r.events.length >= 2);
  assert.deepEqual(gets(notes(receiver).at(-1).bundle).slice(1, 3),
    [['MedicationDispense/d1', '2', 'completed'], ['MedicationDispense/d3', '1', 'preparation']]);
  await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('a transaction is told whole, whatever the order of its entries', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  const id = await subscribed(receiver, 'full-resource');
  const entry = (resource) => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } });
  const done = await server.fhir('POST', '', { resourceType: 'Bundle', type: 'transaction',
    entry: [entry(request('t1')), entry(dispense('td', 't1')), entry({ resourceType: 'Patient', id: 'p', active: true })] });
  assert.equal(done.status, 200, done.text);
  await server.put({ resourceType: 'Patient', id: 'p', active: false });
  await receiver.until((r) => r.events.length >= 1);
  const bundle = notes(receiver)[0].bundle;
  assert.deepEqual(contexts(bundle), ['Patient/p', 'MedicationDispense/td']);
  assert.equal(bundle.entry.find((e) => e.request.url === 'Patient/p').resource.active, true);
  await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('included resources never tell more than the content level', async () => {
  const named = await new Receiver({ secret: newSecret() }).start();
  const empty = await new Receiver({ secret: newSecret() }).start();
  const ids = [await subscribed(named, 'id-only'), await subscribed(empty, 'empty')];
  await server.put(dispense('e1', 'c1'));
  await server.put(request('c1'));
  await named.until((r) => r.events.length >= 1);
  await empty.until((r) => r.events.length >= 1);
  const note = notes(named)[0];
  assert.deepEqual(contexts(note.bundle), ['Patient/p', 'MedicationDispense/e1']);
  assert.ok(note.entries.length >= 3 && note.entries.every((e) => !e.resource), note.body);
  assert.ok(!/preparation|medicationCodeableConcept/.test(note.body), note.body);
  const silent = notes(empty)[0];
  assert.equal(silent.entries.length, 0);
  assert.ok(!/Medication|Patient|Provenance|additional-context|focus"/.test(silent.body), silent.body);
  for (const [i, level] of [[0, 'full-resource'], [1, 'full-resource'], [1, 'id-only']]) {
    const more = await server.fhir('GET', `Subscription/${ids[i]}/$events?content=${level}`);
    assert.ok(more.json.entry.slice(1).every((e) => !e.resource), 'never above its own level');
    if (i === 1) assert.ok(!/Medication|Patient\//.test(more.text), more.text);
  }
  for (const id of ids) await server.fhir('DELETE', `Subscription/${id}`);
  await named.stop();
  await empty.stop();
});

test('a type that is not indexed is told of when the topic is loaded', async () => {
  const small = await new Server({ args: ['--index', 'Patient'] }).start();
  assert.equal((await small.put(topic)).status, 201);
  assert.match(small.log, /revInclude 'MedicationDispense:prescription' is left out: the search index does not hold MedicationDispense/);
  await small.remove();
});
