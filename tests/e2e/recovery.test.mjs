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

const post = (id, operation, parameters = []) => server.fhir('POST', `Subscription/${id}/${operation}`,
  { resourceType: 'Parameters', parameter: parameters.map(([name, valueString]) => ({ name, valueString })) });

test('$pause holds back what is numbered, $resume sends it, over a restart', async () => {
  const s = await subscribed({ content: 'id-only' });
  await change(s.focus, 1);
  await s.receiver.until((r) => r.events.length === 1);
  const paused = await post(s.id, '$pause');
  assert.equal(paused.status, 200, paused.text);
  assert.equal(paused.json.resourceType, 'OperationOutcome');
  await change(s.focus, 3);
  await server.stop();
  await server.start();
  await change(s.focus, 1);
  const json = await status(s.id);
  assert.equal(named(json, 'status').valueCode, 'active');
  assert.equal(named(json, 'paused').valueBoolean, true);
  assert.equal(named(json, 'events-since-subscription-start').valueString, '5');
  assert.equal(named(json, 'delivered-events').valueString, '1');
  assert.equal(named(json, 'pending-events').valueString, '4');
  assert.equal(s.receiver.events.length, 1, 'nothing was sent meanwhile');
  assert.equal((await server.fhir('GET', `Subscription/${s.id}/$resume`)).status, 405);
  assert.equal((await post(s.id, '$resume')).status, 200);
  await s.receiver.until((r) => r.events.length === 5);
  assert.deepEqual(s.receiver.events.map((e) => e.number), [1, 2, 3, 4, 5]);
  assert.equal(named(await status(s.id), 'paused'), undefined);
  await gone(s);
});

test('what cannot be steered is refused', async () => {
  assert.equal((await post('none', '$pause')).status, 404);
  const s = await subscribed({ content: 'id-only' });
  assert.equal((await post(s.id, '$pause', [['x', '1']])).status, 400);
  assert.equal((await post(s.id, '$resend', [['eventsSinceNumber', 'x']])).status, 400);
  assert.equal((await post(s.id, '$resend', [['eventsSinceInstant', 'yesterday']])).status, 400);
  assert.equal((await post(s.id, '$redeliver')).status, 400);
  assert.equal((await post(s.id, '$redeliver', [['letter', '1']])).status, 404);
  assert.equal((await post(s.id, '$discard', [['letter', '1']])).status, 404);
  const letters = await server.fhir('GET', `Subscription/${s.id}/$dead-letters`);
  assert.deepEqual(letters.json.parameter, [{ name: 'waiting', valueString: '0' }]);
  await server.put({ ...s.made, status: 'off' });
  assert.equal((await post(s.id, '$pause')).status, 409);
  assert.equal((await post(s.id, '$resend', [['eventsSinceNumber', '1']])).status, 409);
  await gone(s);
});

const ORDER = 'https://belfry.example/fhir/StructureDefinition';
const counts = async (id) => Object.fromEntries(list(await status(id)).map((p) => [p.name, p.valueString]));

test('$resend sends the same messages again, beside new events', async () => {
  const s = await subscribed({
    content: 'full-resource', extensions: [{ url: `${BX}/backport-max-count`, valuePositiveInt: 2 }],
  });
  const before = new Date().toISOString();
  await change(s.focus, 6);
  await s.receiver.until((r) => r.events.length === 6);
  await until(async () => (await counts(s.id))['delivered-events'] === '6');
  const first = s.receiver.got.filter((n) => n.events.length);
  const answer = await post(s.id, '$resend', [['eventsSinceNumber', '3'], ['eventsUntilNumber', '4']]);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.resourceType, 'OperationOutcome');
  await s.receiver.until((r) => r.events.length >= 8);
  const again = s.receiver.got.filter((n) => n.events.length).slice(first.length);
  assert.deepEqual(again.flatMap((n) => n.events.map((e) => e.number)), [3, 4]);
  for (const note of again) {
    const twin = first.find((n) => n.headers['webhook-id'] === note.headers['webhook-id']);
    if (twin) assert.equal(note.body, twin.body);
  }
  assert.equal((await counts(s.id))['delivered-events'], '6');
  await change(s.focus, 1);
  await s.receiver.until((r) => r.events.at(-1).number === 7);
  const instants = await server.fhir('GET', `Subscription/${s.id}/$resend?eventsSinceInstant=${before}&eventsUntilNumber=1`);
  assert.equal(instants.status, 200, instants.text);
  await s.receiver.until((r) => r.events.filter((e) => e.number === 1).length === 2);
  await gone(s);
});

test('dead letters are told, redelivered and discarded', async () => {
  const s = await subscribed({
    content: 'id-only',
    extensions: [{ url: `${ORDER}/subscription-refusal`, valueCode: 'park' },
      { url: `${BX}/backport-max-count`, valuePositiveInt: 1 }],
  });
  s.receiver.answer = (n) => ([2, 3].includes(n.events[0]?.number) ? 400 : 200);
  await change(s.focus, 4);
  await s.receiver.until((r) => r.events.some((e) => e.number === 4), 60000);
  await until(async () => (await counts(s.id))['dead-letters'] === '2');
  const letters = await server.fhir('GET', `Subscription/${s.id}/$dead-letters`);
  const parts = letters.json.parameter.filter((p) => p.name === 'dead-letter')
    .map(({ part }) => Object.fromEntries(part.map((x) => [x.name, x.valueString ?? x.valueCode ?? x.valueInstant])));
  assert.deepEqual(parts.map((p) => [p.letter, p.state, p['first-event'], p['last-event']]),
    [['1', 'waiting', '2', '2'], ['2', 'waiting', '3', '3']]);
  assert.ok(parts[0].error && parts[0].parked && Number(parts[0].attempts) > 0);
  s.receiver.answer = 200;
  assert.equal((await post(s.id, '$redeliver', [['letter', '1']])).status, 200);
  await s.receiver.until((r) => r.events.some((e) => e.number === 2));
  assert.equal((await post(s.id, '$discard', [['letter', '2']])).status, 200);
  assert.equal((await post(s.id, '$redeliver', [['letter', '2']])).status, 409);
  assert.equal((await counts(s.id))['dead-letters'], undefined);
  assert.deepEqual(s.receiver.events.map((e) => e.number), [1, 4, 2]);
  await gone(s);
});

test('retention removes the oldest, and tells what was lost', async () => {
  const few = new Server({ args: ['--retention-events', '3', '--retry-schedule', '1'] });
  await few.start();
  const receiver = await new Receiver({ secret: newSecret() }).start();
  const made = await few.fhir('POST', 'Subscription', subscription({
    topic: 'patient-updated', endpoint: receiver.url, secret: receiver.secret, filters: ['_id=p1'],
  }));
  const { id } = made.json;
  const told = async () => Object.fromEntries(list((await few.fhir('GET', `Subscription/${id}/$status`)).json)
    .map((p) => [p.name, p.valueString ?? p.valueCode]));
  await until(async () => (await told()).status === 'active');
  for (let i = 0; i < 6; i++) await few.put(patient('p1', i % 2 === 0));
  await receiver.until((r) => r.events.length === 5);
  await until(async () => (await told())['delivered-events'] === '5');
  await few.stop();
  await few.start(); // a sweep begins at the start
  await until(async () => (await told())['removed-events'] === '2');
  assert.equal((await told())['lost-events'], undefined);
  const { json } = await few.fhir('GET', `Subscription/${id}/$events`);
  assert.deepEqual(numbers(json), ['3', '4', '5']);
  assert.equal(named(json, 'removed-events').valueString, '2');
  await receiver.stop();
  await few.remove();
});

test('a backfill begins with what stands, then goes on with what happens', async () => {
  const ids = ['bf1', 'bf2', 'bf3'];
  for (const id of ids) await server.put(patient(id, true));
  await server.put(patient('bf2', false));
  await server.fhir('DELETE', 'Patient/bf3');
  const since = new Date().toISOString();
  await server.put(patient('bf1', false));
  const made = async (extension) => subscribed({
    content: 'full-resource', filters: [`_id=${ids.join(',')}`], extensions: [extension],
  });
  const focus = (e) => e.focus.split('/').at(-1);
  const stands = await made({ url: `${ORDER}/subscription-backfill`, valueCode: 'current' });
  const changes = await made({ url: `${ORDER}/subscription-backfill-since`, valueInstant: since });
  await server.put(patient('bf2', true));
  await stands.receiver.until((r) => r.events.length === 3);
  await changes.receiver.until((r) => r.events.length === 2);
  assert.deepEqual(stands.receiver.events.map((e) => [e.number, focus(e)]), [[1, 'bf2'], [2, 'bf1'], [3, 'bf2']]);
  assert.deepEqual(changes.receiver.events.map((e) => [e.number, focus(e)]), [[1, 'bf1'], [2, 'bf2']]);
  const versions = stands.receiver.got.flatMap((n) => n.entries).map((e) => e.resource.meta.versionId);
  assert.deepEqual(versions, ['2', '2', '3']);
  for (const s of [stands, changes]) {
    for (const note of s.receiver.got.filter((n) => n.events.length)) assert.equal(s.proof.take(note.bundle), 'proved');
    await gone(s);
  }
});

for (const [name, extensions] of [
  ['an unknown word', [{ url: `${ORDER}/subscription-backfill`, valueCode: 'all' }]],
  ['no instant', [{ url: `${ORDER}/subscription-backfill-since`, valueInstant: '2020' }]],
  ['the future', [{ url: `${ORDER}/subscription-backfill-since`, valueInstant: '2999-01-01T00:00:00Z' }]],
  ['both', [{ url: `${ORDER}/subscription-backfill`, valueCode: 'current' },
    { url: `${ORDER}/subscription-backfill-since`, valueInstant: '2020-01-01T00:00:00Z' }]]])
  test(`a backfill with ${name} is 422`, async () => {
    const { status: code, text } = await server.fhir('POST', 'Subscription', subscription({
      topic: 'patient-updated', endpoint: 'http://127.0.0.1:9/', filters: ['_id=p1'], extensions,
    }));
    assert.equal(code, 422, text);
    assert.match(text, /Subscription\.channel\.extension/);
  });
