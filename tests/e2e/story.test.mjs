// The main job from end to end: subscribe, submit, be notified.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server } from './lib/server.mjs';
import { prepare, steps, subscribeAll, systems, untilActive } from './lib/story.mjs';

const server = new Server();
let receivers;
const told = (name) => receivers[name].got.filter((n) => n.type === 'event-notification');

before(async () => {
  await server.start();
  receivers = await subscribeAll(server);
  await untilActive(server);
  await prepare(server);
});

after(async () => {
  for (const receiver of Object.values(receivers ?? {})) await receiver.stop();
  await server.remove();
});

for (const step of steps) {
  test(`${step.what}: ${step.hear.join(', ')} and nobody else`, async () => {
    const counts = Object.fromEntries(Object.keys(systems).map((n) => [n, told(n).length]));
    for (const resource of step.send) {
      const { status, text } = await server.put(resource);
      assert.ok(status === 200 || status === 201, `${status} ${text}`);
    }
    for (const name of step.hear)
      await receivers[name].until(() => told(name).length === counts[name] + 1);
    // who hears nothing is judged once everything sent so far has arrived
    await new Promise((r) => setTimeout(r, 150));
    for (const name of Object.keys(systems))
      assert.equal(told(name).length, counts[name] + (step.hear.includes(name) ? 1 : 0), name);
    const focus = `${step.send[0].resourceType}/${step.send[0].id}`;
    for (const name of step.hear) {
      const note = told(name).at(-1);
      assert.equal(note.status, 'active');
      assert.equal(note.bundle.type, 'history');
      assert.equal(String(note.events.at(-1).number), note.since);
      if (name !== 'audit') assert.ok(note.events[0].focus.endsWith(focus), note.body);
    }
  });
}

test('each content level carries what it may and no more', () => {
  const full = told('pharmacy')[0];
  assert.equal(full.entries[0].resource.resourceType, 'MedicationRequest');
  assert.equal(full.entries[0].resource.meta.versionId, '2');
  const ids = told('portal')[0];
  assert.ok(ids.entries.every((e) => e.resource === undefined));
  const empty = told('audit')[0];
  assert.equal(empty.entries.length, 0);
  assert.equal(empty.topic, undefined);
  assert.ok(!empty.body.includes('MedicationRequest') && !empty.body.includes('Patient'));
});

test('every entry of a history bundle has a request and a response', () => {
  for (const receiver of Object.values(receivers))
    for (const note of receiver.got)
      for (const entry of note.bundle.entry) {
        assert.ok(entry.request.method && entry.request.url && entry.fullUrl);
        assert.match(entry.response.status, /^\d{3}/);
      }
});

test('every notification carried a valid signature', () => {
  for (const [name, receiver] of Object.entries(receivers)) {
    assert.deepEqual(receiver.bad, [], name);
    assert.ok(receiver.got.every((n) => n.headers['webhook-id'].startsWith('msg_')));
  }
});
