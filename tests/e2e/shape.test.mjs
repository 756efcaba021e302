// notificationShape: what a topic includes comes with the notification, as it
// was at the event.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Receiver } from './lib/receiver.mjs';
import { Server } from './lib/server.mjs';
import { newSecret, subscription } from './lib/subscription.mjs';

const server = new Server({ args: ['--retry-schedule', '1'] });
const url = 'http://t.example/visit';
const RELATED = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-related-query';

const topic = {
  resourceType: 'SubscriptionTopic', id: 'visit', url, status: 'active',
  resourceTrigger: [{ resource: 'Encounter' }],
  notificationShape: [{
    resource: 'Encounter',
    extension: [{
      url: RELATED,
      extension: [{ url: 'queryType', valueCoding: { system: 'http://q.example', code: 'meds', display: 'Drugs "given"' } },
        { url: 'query', valueString: 'MedicationRequest?encounter=[id]' }],
    }],
    include: ['Encounter:patient&iterate=Patient.link', 'Encounter:service-provider', 'Encounter:observation', 'Encounter:subject:Group'],
  }],
};

const patient = (id, active, link) => ({
  resourceType: 'Patient', id, active,
  ...(link ? { link: [{ other: { reference: `Patient/${link}` }, type: 'seealso' }] } : {}),
});

const encounter = (id, status) => ({
  resourceType: 'Encounter', id, status,
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  subject: { reference: 'Patient/a' }, serviceProvider: { reference: 'Organization/never' },
});

before(async () => {
  await server.start();
  assert.equal((await server.put(topic)).status, 201);
  await server.put(patient('c', true, 'a'));
  await server.put(patient('b', true, 'c'));
  await server.put(patient('a', true, 'b'));
});
after(() => server.remove());

async function subscribed(receiver, content) {
  const made = await server.fhir('POST', 'Subscription',
    subscription({ topic: url, endpoint: receiver.url, secret: receiver.secret, content }));
  assert.equal(made.status, 201, made.text);
  await receiver.until((r) => r.got.some((n) => n.type === 'handshake'));
  return made.json.id;
}

const eventOf = (note) => note.bundle.entry[0].resource.parameter.find((p) => p.name === 'notification-event');
const contexts = (note) => eventOf(note).part.filter((p) => p.name === 'additional-context')
  .map((p) => p.valueReference.reference.slice(server.base.length + 1));

test('included resources come as they were at the event, on a retry too', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  const id = await subscribed(receiver, 'full-resource');
  receiver.answer = 500;
  await server.put(encounter('e1', 'planned'));
  await receiver.until((r) => r.got.filter((n) => n.type === 'event-notification').length >= 1);
  await server.put(patient('a', false));
  await server.put(encounter('e1', 'finished'));
  await server.fhir('DELETE', 'Patient/b');
  receiver.answer = 200;
  await receiver.until((r) => r.events.length >= 2);
  const notes = receiver.got.filter((n) => n.type === 'event-notification');
  assert.equal(notes[0].body, notes[1].body, 'a retry has the same bytes');
  assert.deepEqual(contexts(notes[1]), ['Patient/a', 'Patient/b', 'Patient/c']);
  const gets = notes[1].entries.filter((e) => e.request.method === 'GET');
  assert.deepEqual(gets.map((e) => [e.request.url, e.response.status, e.resource.meta.versionId, e.resource.active]),
    [['Patient/a', '200', '1', true], ['Patient/b', '200', '1', true], ['Patient/c', '200', '1', true]]);
  assert.equal(gets[0].fullUrl, `${server.base}/Patient/a`);
  const second = notes.find((n) => n.events[0].number === 2);
  assert.deepEqual(contexts(second), ['Patient/a']);
  assert.equal(second.entries.find((e) => e.request.method === 'GET').resource.meta.versionId, '2');
  const query = eventOf(notes[1]).part.find((p) => p.name === 'related-query').part;
  assert.deepEqual(query, [{ name: 'query-type', valueCoding: { system: 'http://q.example', code: 'meds', display: 'Drugs "given"' } },
    { name: 'query', valueString: 'MedicationRequest?encounter=[id]' }]);
  const again = await server.fhir('GET', `Subscription/${id}/$events?eventsSinceNumber=1&eventsUntilNumber=1`);
  assert.equal(again.json.entry.filter((e) => e.request.url.startsWith('Patient/')).length, 3);
  await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
});

test('id-only refers to them, empty does not tell of them', async () => {
  const named = await new Receiver({ secret: newSecret() }).start();
  const empty = await new Receiver({ secret: newSecret() }).start();
  const ids = [await subscribed(named, 'id-only'), await subscribed(empty, 'empty')];
  await server.put(encounter('e2', 'planned'));
  await named.until((r) => r.events.length >= 1);
  await empty.until((r) => r.events.length >= 1);
  const note = named.got.at(-1);
  assert.deepEqual(contexts(note), ['Patient/a']);
  assert.ok(note.entries.every((e) => !e.resource), note.body);
  assert.deepEqual(note.entries.map((e) => `${e.request.method} ${e.request.url}`), ['PUT Encounter/e2', 'GET Patient/a']);
  assert.ok(!/Patient|Encounter|related-query/.test(empty.got.at(-1).body), empty.got.at(-1).body);
  await server.fhir('DELETE', 'Encounter/e2');
  await named.until((r) => r.events.length >= 2);
  assert.deepEqual(contexts(named.got.at(-1)), []);
  for (const id of ids) await server.fhir('DELETE', `Subscription/${id}`);
  await named.stop();
  await empty.stop();
});
