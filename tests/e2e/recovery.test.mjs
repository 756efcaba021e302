// Recovery: what a receiver can ask for after it missed something, and how it
// proves that it did not.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Proof } from './lib/proof.mjs';
import { Receiver } from './lib/receiver.mjs';
import { Server } from './lib/server.mjs';
import { BX, newSecret, subscription } from './lib/subscription.mjs';

const server = new Server({ args: ['--retry-schedule', '1', '--handshake-attempts', '2'] });

before(() => server.start());
after(() => server.remove());

const list = (bundle) => bundle.entry[0].resource.parameter;
const named = (bundle, name) => list(bundle).find((p) => p.name === name);
const numbers = (bundle) => list(bundle).filter((p) => p.name === 'notification-event')
  .map((p) => p.part.find((x) => x.name === 'event-number').valueString);
const status = async (id) => (await server.fhir('GET', `Subscription/${id}/$status`)).json;
const patient = (id, active) => ({ resourceType: 'Patient', id, active });

async function until(what, ms = 15000) {
  const deadline = Date.now() + ms;
  while (!(await what())) {
    assert.ok(Date.now() < deadline, 'not in time');
    await new Promise((r) => setTimeout(r, 50));
  }
}

const statusIs = (id, wanted) => until(async () => named(await status(id), 'status').valueCode === wanted);

// A receiver with an active subscription on one patient of its own.
let patients = 0;
async function subscribed(options = {}) {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  const focus = `r${++patients}`;
  const made = await server.fhir('POST', 'Subscription', subscription({
    topic: 'patient-updated', endpoint: receiver.url, secret: receiver.secret,
    filters: [`_id=${focus}`], ...options,
  }));
  assert.equal(made.status, 201, made.text);
  const { id } = made.json;
  await statusIs(id, 'active');
  await server.put(patient(focus, true));
  return { receiver, focus, id, made: made.json, proof: new Proof(receiver.secret, id) };
}

async function change(focus, n) {
  for (let i = 0; i < n; i++)
    assert.equal((await server.put(patient(focus, i % 2 === 0))).status, 200);
}

async function gone({ receiver, id }) {
  assert.deepEqual(receiver.bad, []);
  await server.fhir('DELETE', `Subscription/${id}`);
  await receiver.stop();
}

for (const content of ['empty', 'id-only', 'full-resource'])
  test(`the chain proves that every ${content} event came`, async () => {
    const s = await subscribed({ content });
    await change(s.focus, 3);
    await s.receiver.until((r) => r.events.length === 3);
    for (const note of s.receiver.got.filter((n) => n.type === 'handshake'))
      assert.equal(s.proof.take(note.bundle), 'proved');
    for (const note of s.receiver.got.filter((n) => n.type === 'event-notification'))
      assert.equal(s.proof.take(note.bundle), 'proved');
    assert.equal(s.proof.take(await status(s.id)), 'proved');
    const { json } = await server.fhir('GET', `Subscription/${s.id}/$events`);
    const again = new Proof(s.receiver.secret, s.id);
    assert.equal(again.take(json), 'proved');
    assert.equal(again.number, 3);
    if (content === 'empty')
      assert.ok(!JSON.stringify([s.receiver.got, json]).includes(s.focus), 'empty tells nothing');
    else
      assert.deepEqual(s.receiver.got.at(-1).bundle.entry[0].resource.parameter
        .filter((p) => p.name === 'notification-event').at(-1).part
        .find((p) => p.name === 'focus-version').valueId, '4');
    await gone(s);
  });

test('a receiver that lost an event sees it', async () => {
  const s = await subscribed({
    content: 'id-only', extensions: [{ url: `${BX}/backport-max-count`, valuePositiveInt: 1 }],
  });
  await change(s.focus, 3);
  await s.receiver.until((r) => r.events.length === 3);
  const notes = s.receiver.got.filter((n) => n.type === 'event-notification');
  assert.equal(s.proof.take(notes[0].bundle), 'proved');
  assert.equal(s.proof.take(notes[2].bundle), 'missing 2');
  const { json } = await server.fhir('GET', `Subscription/${s.id}/$events?eventsSinceNumber=2&eventsUntilNumber=2`);
  assert.equal(s.proof.take(json), 'proved');
  assert.equal(s.proof.take(notes[2].bundle), 'proved');
  const forged = structuredClone(notes[2].bundle);
  list(forged).find((p) => p.name === 'notification-event').part.find((p) => p.name === 'focus-version').valueId = '9';
  const other = new Proof(s.receiver.secret, s.id);
  other.take(notes[0].bundle);
  other.take(notes[1].bundle);
  assert.equal(other.take(forged), 'differs');
  await gone(s);
});

test('$events tells the events asked for, by GET and POST', async () => {
  const s = await subscribed({ content: 'full-resource' });
  await change(s.focus, 5);
  await s.receiver.until((r) => r.events.length === 5);
  const url = `Subscription/${s.id}/$events`;
  const some = await server.fhir('GET', `${url}?eventsSinceNumber=2&eventsUntilNumber=4`);
  assert.equal(some.status, 200, some.text);
  assert.equal(some.json.type, 'history');
  assert.equal(named(some.json, 'type').valueCode, 'query-event');
  assert.equal(named(some.json, 'status').valueCode, 'active');
  assert.equal(named(some.json, 'events-since-subscription-start').valueString, '5');
  assert.deepEqual(numbers(some.json), ['2', '3', '4']);
  assert.deepEqual(some.json.entry.slice(1).map((e) => e.resource.meta.versionId), ['3', '4', '5']);
  for (const entry of some.json.entry) assert.ok(entry.request && entry.response);
  assert.match(some.json.entry[0].request.url, /Subscription\/[^/]+\/\$status$/);
  const posted = await server.fhir('POST', url, {
    resourceType: 'Parameters', parameter: [
      { name: 'eventsSinceNumber', valueString: '5' }, { name: 'content', valueCode: 'id-only' }],
  });
  assert.equal(posted.status, 200, posted.text);
  assert.deepEqual(numbers(posted.json), ['5']);
  assert.equal(posted.json.entry[1].resource, undefined);
  const empty = await server.fhir('GET', `${url}?content=empty`);
  assert.ok(!empty.text.includes(s.focus) && !named(empty.json, 'topic'));
  assert.equal(empty.json.entry.length, 1);
  assert.deepEqual(numbers((await server.fhir('GET', `${url}?eventsSinceNumber=6`)).json), []);
  await gone(s);
});

test('$events never tells more than the level of the Subscription', async () => {
  const s = await subscribed({ content: 'empty' });
  await change(s.focus, 1);
  const { json, text } = await server.fhir('GET', `Subscription/${s.id}/$events?content=full-resource`);
  assert.deepEqual(numbers(json), ['1']);
  assert.ok(!text.includes(s.focus), text);
  await gone(s);
});

test('$events answers in error and off, and says how to go on', async () => {
  const s = await subscribed({ content: 'id-only' });
  await change(s.focus, 2);
  await s.receiver.until((r) => r.events.length === 2);
  s.receiver.answer = 410;
  await change(s.focus, 1);
  await statusIs(s.id, 'off');
  const { json } = await server.fhir('GET', `Subscription/${s.id}/$events?eventsSinceNumber=3`);
  assert.equal(named(json, 'status').valueCode, 'off');
  assert.deepEqual(numbers(json), ['3']);
  s.receiver.answer = 200;
  const back = await server.put({ ...s.made, status: 'requested' });
  assert.equal(back.status, 200, back.text);
  await statusIs(s.id, 'active');
  for (let round = 0; round < 21; round++)
    await Promise.all(Array.from({ length: 50 }, (_, i) => server.put(patient(s.focus, i % 2 === 0))));
  let url = `Subscription/${s.id}/$events`;
  const got = [];
  while (url) {
    const page = await server.fhir('GET', url);
    got.push(...numbers(page.json));
    url = page.json.link?.find((l) => l.relation === 'next')?.url;
  }
  assert.deepEqual(got, Array.from({ length: 1053 }, (_, i) => `${i + 1}`));
  await gone(s);
});

for (const [query, why] of [
  ['eventsSinceNumber=x', /eventsSinceNumber/], ['eventsSinceNumber=-1', /eventsSinceNumber/],
  ['eventsUntilNumber=1.5', /eventsUntilNumber/], ['eventsUntilNumber=', /eventsUntilNumber/],
  ['eventsSinceNumber=18446744073709551616', /eventsSinceNumber/], ['eventsSinceNumber=3&eventsUntilNumber=2', /greater/],
  ['eventsSinceNumber=1&eventsSinceNumber=2', /once/], ['content=all', /content/]])
  test(`$events?${query} is 400`, async () => {
    const { status: code, json, text } = await server.fhir('GET', `Subscription/none/$events?${query}`);
    assert.equal(code, 400, text);
    assert.equal(json.resourceType, 'OperationOutcome');
    assert.match(text, why);
  });

test('$events of nothing is 404, and the CapabilityStatement lists the operation', async () => {
  assert.equal((await server.fhir('GET', 'Subscription/none/$events')).status, 404);
  assert.equal((await server.fhir('GET', 'Patient/none/$events')).status, 400);
  const { json } = await server.fhir('GET', 'metadata');
  const { operation } = json.rest[0].resource.find((r) => r.type === 'Subscription');
  assert.ok(operation.some((o) => o.name === 'events' && o.definition.endsWith('backport-subscription-events')));
});
