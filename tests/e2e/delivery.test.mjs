// What a subscriber may choose of delivery, and what refusals bring about.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Receiver } from './lib/receiver.mjs';
import { Server } from './lib/server.mjs';
import { BX, newSecret, subscription } from './lib/subscription.mjs';

const OWN = 'https://belfry.example/fhir/StructureDefinition';
const server = new Server({ args: ['--retry-schedule', '1', '--park-after', '2'] });
let n = 0;

before(() => server.start());
after(() => server.remove());

async function subscribe(t, { extensions, answer }) {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  receiver.answer = answer;
  t.after(() => receiver.stop());
  const made = await server.fhir('POST', 'Subscription', subscription({
    topic: 'patient-updated', endpoint: receiver.url, secret: receiver.secret, extensions,
  }));
  assert.equal(made.status, 201, made.text);
  await receiver.until((r) => r.got.length > 0);
  receiver.id = made.json.id;
  t.after(() => server.fhir('DELETE', `Subscription/${receiver.id}`));
  await until(async () => (await status(receiver.id)).status === 'active');
  return receiver;
}

async function until(what, ms = 15000) {
  const deadline = Date.now() + ms;
  while (!(await what())) {
    assert.ok(Date.now() < deadline, `in time: ${what}`);
    await new Promise((r) => { setTimeout(r, 20); });
  }
}

async function status(id) {
  const { json } = await server.fhir('GET', `Subscription/${id}/$status`);
  const parameters = json.entry[0].resource.parameter;
  const one = (name) => parameters.find((p) => p.name === name);
  return { status: one('status').valueCode, error: one('error')?.valueCodeableConcept };
}

async function update(id) {
  const { status: code, text } = await server.put({ resourceType: 'Patient', id, active: n++ % 2 === 0 });
  assert.ok(code === 200 || code === 201, text);
}

const focus = (note) => note.events[0]?.focus.split('/').at(-1);
const ext = (name, value) => ({ url: `${OWN}/subscription-${name}`, ...value });
const maxCount = (value) => ({ url: `${BX}/backport-max-count`, valuePositiveInt: value });

test('order per focus: a resource that is refused holds up itself alone', async (t) => {
  for (const id of ['of-bad', 'of-good']) await update(id);
  let refuse = true;
  const r = await subscribe(t, {
    extensions: [ext('order', { valueCode: 'per-focus' })],
    answer: (note) => (refuse && focus(note) === 'of-bad' ? 500 : 200),
  });
  await update('of-bad');
  for (let i = 0; i < 5; i++) await update('of-good');
  await r.until(() => r.events.length === 5);
  assert.deepEqual(r.events.map((e) => e.number), [2, 3, 4, 5, 6]);
  refuse = false;
  await r.until(() => r.events.length === 6);
  assert.equal(r.events.at(-1).number, 1);
  assert.ok(r.got.every((note) => new Set(note.events.map((e) => e.focus)).size <= 1));
  const attempts = r.got.filter((note) => focus(note) === 'of-bad');
  assert.ok(attempts.every((note) => note.body === attempts[0].body), 'a retry is the same bytes');
  assert.equal(new Set(attempts.map((note) => note.headers['webhook-id'])).size, 1);
  assert.deepEqual(r.bad, []);
});

test('refused again and again, a batch is parked where that is asked for', async (t) => {
  await update('parked');
  const r = await subscribe(t, {
    extensions: [ext('refusal', { valueCode: 'park' }), maxCount(1)],
    answer: (note) => (note.events[0]?.number === 2 ? 422 : 200),
  });
  for (let i = 0; i < 4; i++) await update('parked');
  await r.until(() => r.events.length === 3);
  assert.deepEqual(r.events.map((e) => e.number), [1, 3, 4]);
  assert.equal(r.got.filter((note) => note.events[0]?.number === 2).length, 2);
  assert.equal((await status(r.id)).status, 'active');
});

test('refused again and again, it is kept and flagged where it is not', async (t) => {
  await update('kept');
  const r = await subscribe(t, { answer: (note) => (note.type === 'handshake' ? 200 : 403) });
  await update('kept');
  await r.until(() => r.got.length >= 4);
  const { status: code, error } = await status(r.id);
  assert.equal(code, 'active');
  assert.match(error.text, /HTTP status 403: it refuses the credentials/);
  assert.equal(error.coding[0].code, 'error-response');
  const { json } = await server.fhir('GET', `Subscription/${r.id}`);
  assert.match(json.error, /HTTP status 403/);
});

test('a batch that is too large is halved, each half a message of its own', async (t) => {
  await update('large');
  let open = false;
  const r = await subscribe(t, {
    answer: (note) => {
      if (note.type === 'handshake') return 200;
      if (!open) return 500;
      return note.events.length > 2 ? 413 : 200;
    },
  });
  for (let i = 0; i < 7; i++) await update('large');
  await r.until(() => r.got.length >= 2);
  open = true;
  await r.until(() => r.events.length === 7);
  assert.deepEqual(r.events.map((e) => e.number), [1, 2, 3, 4, 5, 6, 7]);
  const taken = r.got.filter((note) => note.answered < 300 && note.events.length);
  assert.equal(new Set(taken.map((note) => note.headers['webhook-id'])).size, taken.length);
});

test('a batch lingers to be filled', async (t) => {
  await update('lingers');
  const r = await subscribe(t, { extensions: [ext('linger', { valueUnsignedInt: 1500 })], answer: 200 });
  for (let i = 0; i < 5; i++) await update('lingers');
  await r.until(() => r.events.length === 5);
  assert.equal(r.got.filter((note) => note.events.length).length, 1);
});

test('what cannot be chosen is refused by name', async () => {
  for (const [extension, element] of [
    [ext('order', { valueCode: 'any' }), 'extension[0]'],
    [ext('refusal', { valueCode: 'drop' }), 'extension[0]'],
    [ext('linger', { valueUnsignedInt: 3600000 }), 'extension[0]'],
    [ext('speed', { valueCode: 'fast' }), 'extension[0]'],
  ]) {
    const made = await server.fhir('POST', 'Subscription', subscription({
      topic: 'patient-updated', endpoint: 'http://127.0.0.1:1/', extensions: [extension],
    }));
    assert.equal(made.status, 422, made.text);
    assert.ok(made.text.includes(`Subscription.channel.${element}`), made.text);
  }
});

test('/metrics counts without naming anybody', async () => {
  const answer = await fetch(new URL('/metrics', server.base));
  const text = await answer.text();
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type'), /^text\/plain/);
  assert.match(text, /^belfry_delivery_attempts_ended_total\{class="auth"\} [1-9]/m);
  assert.match(text, /^belfry_delivery_attempts_ended_total\{class="success"\} [1-9]/m);
  assert.match(text, /^belfry_delivery_dead_letters_total 1$/m);
  assert.match(text, /^belfry_delivery_batches_split_total [1-9]/m);
  assert.ok(!/127\.0\.0\.1|Patient|whsec|hook/.test(text), text);
  for (const line of text.trim().split('\n'))
    assert.match(line, /^(# TYPE belfry_\w+ (counter|gauge)|belfry_\w+(\{\w+="[^"]+"\})? \d+)$/);
});
