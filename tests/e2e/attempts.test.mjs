// Recent delivery attempts, where one looks when nothing arrives: $status and
// $explain.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Receiver } from './lib/receiver.mjs';
import { Server } from './lib/server.mjs';
import { newSecret, subscription } from './lib/subscription.mjs';

const server = new Server({ args: ['--retry-schedule', '1'] });
let receiver;
let id;

before(async () => {
  await server.start();
  receiver = await new Receiver({ secret: newSecret() }).start();
  receiver.url = receiver.url.replace('/hook', '/secret-path');
  const made = await server.fhir('POST', 'Subscription', subscription({
    topic: 'patient-updated', endpoint: receiver.url, secret: receiver.secret, headers: ['Authorization: Bearer hidden'] }));
  assert.equal(made.status, 201, made.text);
  id = made.json.id;
  await receiver.until((r) => r.got.length >= 1);
});
after(async () => {
  await receiver.stop();
  await server.remove();
});

const attemptsIn = (parameters) => parameters.filter((p) => p.name === 'delivery-attempt').map((p) => Object.fromEntries(
  p.part.map((q) => [q.name, q.valueString ?? q.valueInstant])));

async function status(query = `${id}/$status`) {
  const answer = await server.fhir('GET', `Subscription/${query}`);
  assert.equal(answer.status, 200, answer.text);
  assert.ok(!/secret-path|hidden/.test(answer.text), answer.text);
  return attemptsIn(answer.json.entry[0].resource.parameter);
}

async function until(what) {
  for (let i = 0; i < 300; i++) {
    const found = await what();
    if (found) return found;
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  throw new Error('not in time');
}

test('$status shows the attempts, newest first', async () => {
  const [handshake] = await until(async () => { const all = await status(); return all.length > 0 && all; });
  assert.equal(handshake.type, 'handshake');
  assert.equal(handshake.outcome, 'success');
  assert.equal(handshake['http-status'], '200');
  assert.equal(handshake.endpoint, new URL(receiver.url).host);
  assert.match(handshake['duration-ms'], /^\d+$/);
  assert.equal(handshake['first-event'], undefined);
  receiver.answer = 503;
  for (const active of [true, false]) await server.put({ resourceType: 'Patient', id: 'p', active });
  const [failed] = await until(async () => { const all = await status(); return all.length > 2 && all; });
  assert.equal(failed.type, 'event-notification');
  assert.equal(failed.outcome, 'busy');
  assert.equal(failed['http-status'], '503');
  assert.deepEqual([failed['first-event'], failed['last-event'], failed.events], ['1', '1', '1']);
  assert.ok(Date.parse(failed['next-attempt']) >= Date.parse(failed.time));
  assert.deepEqual(await status(`$status?id=${id}`), await status());
});

test('failed ones outlive a kill, and no more than ten are shown', async () => {
  const before = (await status()).filter((a) => a.outcome === 'busy');
  await server.stop('SIGKILL');
  await server.start();
  const times = (await status()).map((a) => a.time);
  const known = new Set(times);
  assert.ok(before.slice(1).every((a) => known.has(a.time)) || times.length === 10, JSON.stringify([before, times]));
  receiver.answer = 200;
  await receiver.until((r) => r.events.length >= 1);
  for (let i = 0; i < 12; i++) {
    await server.put({ resourceType: 'Patient', id: 'p', active: i % 2 === 0 });
    await receiver.until((r) => r.events.some((e) => e.number === i + 2));
  }
  const all = await until(async () => { const now = await status(); return now[0]['last-event'] === '13' && now; });
  assert.equal(all.length, 10);
  assert.ok(all.every((a, i) => i === 0 || Date.parse(a.time) <= Date.parse(all[i - 1].time)));
});

test('$explain shows those of the event of a stored change', async () => {
  const explained = await server.fhir('GET', `Subscription/${id}/$explain?reference=Patient/p/_history/2`);
  assert.equal(explained.status, 200, explained.text);
  const one = explained.json.parameter.find((p) => p.name === 'event-number');
  assert.equal(one.valueString, '1');
  const attempts = attemptsIn(explained.json.parameter);
  assert.ok(attempts.length >= 2, explained.text);
  assert.equal(attempts[0].outcome, 'success');
  assert.ok(attempts.slice(1).every((a) => a.outcome === 'busy' && a['first-event'] === '1'), explained.text);
  const other = await server.fhir('GET', `Subscription/${id}/$explain?reference=Patient/p/_history/3`);
  assert.deepEqual(attemptsIn(other.json.parameter).map((a) => a.outcome), ['success']);
});
