// Kills the server at random instants under load (P1, P3, P4): every change
// that was acknowledged must be there and delivered, numbers must have no gap,
// and a number must always mean the same change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Receiver } from '../e2e/lib/receiver.mjs';
import { Server } from '../e2e/lib/server.mjs';
import { newSecret, subscription } from '../e2e/lib/subscription.mjs';

const rounds = Number(process.env.KILLS ?? 12);
const clients = 8;

const encounter = (id, n) => ({
  resourceType: 'Encounter', id, status: 'planned',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  identifier: [{ system: 'urn:test:n', value: String(n) }],
  subject: { reference: `Patient/p${n % 3}` },
});

// Writes until told to stop; keeps what was acknowledged.
async function write(server, state, client) {
  while (!state.stop) {
    const n = state.next++;
    const id = `c${client}-${n}`;
    try {
      const { status } = await server.put(encounter(id, n));
      if (status === 201) state.acknowledged.push(id);
      else state.refused.push(status);
    } catch {
      await new Promise((r) => setTimeout(r, 10)); // the server is down
    }
  }
}

function judge(receiver) {
  const meaning = new Map();
  let highest = 0;
  for (const event of receiver.events) {
    assert.ok(event.number <= highest + 1, `gap: ${event.number} after ${highest}`);
    highest = Math.max(highest, event.number);
    const before = meaning.get(event.number);
    assert.ok(!before || before === `${event.focus} ${event.timestamp}`,
      `event ${event.number} was ${before}, is ${event.focus} ${event.timestamp}`);
    meaning.set(event.number, `${event.focus} ${event.timestamp}`);
  }
  return { highest, foci: [...meaning.values()].map((m) => m.split(' ')[0].split('/').at(-1)) };
}

test(`${rounds} kills under load lose nothing, and keep order and numbers`, { timeout: 300000 }, async () => {
  const topic = 'encounter-created';
  const server = new Server({
    topics: new URL('./topics', import.meta.url).pathname,
    args: ['--retry-schedule', '1'],
  });
  await server.start();
  const receiver = await new Receiver({ secret: newSecret() }).start();
  try {
    const made = await server.fhir('POST', 'Subscription', subscription({
      topic, endpoint: receiver.url, secret: receiver.secret,
    }));
    assert.equal(made.status, 201, made.text);
    const state = { next: 0, acknowledged: [], refused: [], stop: false };
    const writers = Array.from({ length: clients }, (_, c) => write(server, state, c));
    for (let round = 0; round < rounds; round++) {
      await new Promise((r) => setTimeout(r, 60 + Math.random() * 400));
      await server.stop('SIGKILL');
      await server.start();
    }
    await new Promise((r) => setTimeout(r, 200));
    state.stop = true;
    await Promise.all(writers);
    assert.ok(state.acknowledged.length > rounds, `${state.acknowledged.length} acknowledged`);
    const wanted = new Set(state.acknowledged);
    const arrived = (r) => {
      const seen = new Set(r.events.map((e) => e.focus.split('/').at(-1)));
      return [...wanted].every((id) => seen.has(id));
    };
    await receiver.until(arrived, 60000);
    const { highest, foci } = judge(receiver);
    assert.equal(foci.length, highest);
    assert.equal(new Set(foci).size, foci.length, 'one change has two numbers');
    assert.deepEqual(receiver.bad, []);
    for (const id of state.acknowledged)
      assert.equal((await server.fhir('GET', `Encounter/${id}`)).status, 200, id);
    const { json } = await server.fhir('GET', `Subscription/${made.json.id}/$status`);
    const since = json.entry[0].resource.parameter.find((p) => p.name === 'events-since-subscription-start');
    assert.equal(Number(since.valueString), highest);
  } finally {
    await receiver.stop();
    await server.remove();
  }
});
