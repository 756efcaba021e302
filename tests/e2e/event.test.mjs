// eventTrigger: a business event that no change of data shows is reported on
// its topic, and told as any other.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Receiver } from './lib/receiver.mjs';
import { root, Server } from './lib/server.mjs';
import { newSecret, subscription } from './lib/subscription.mjs';

const server = new Server();
const binary = process.env.BELFRY ?? path.join(root, 'build/release/belfry');
const url = 'http://t.example/called';
const system = 'http://codes.example';

const topic = {
  resourceType: 'SubscriptionTopic', id: 'called', url, status: 'active',
  resourceTrigger: [{ resource: 'Patient', supportedInteraction: ['delete'] }],
  eventTrigger: [{ event: { coding: [{ system, code: 'called' }, { system, code: 'recalled' }] }, resource: 'Patient' }],
  canFilterBy: [{ resource: 'Patient', filterParameter: '_id' }],
};

before(async () => {
  await server.start();
  const made = await server.put(topic);
  assert.equal(made.status, 201, made.text);
  await server.put({ resourceType: 'Patient', id: 'p1', active: true });
  await server.put({ resourceType: 'Location', id: 'l1', name: 'Room 1' });
});
after(() => server.remove());

const report = (code, focus, contexts = [], form = 'SubscriptionTopic/called') => server.fhir('POST', `${form}/$event`, {
  resourceType: 'Parameters',
  parameter: [{ name: 'event', valueCoding: { system, code } }, { name: 'focus', valueReference: { reference: focus } },
    ...contexts.map((reference) => ({ name: 'context', valueReference: { reference } }))],
});

test('a reported event is numbered and told, with its focus and context as of then', async () => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  const made = await server.fhir('POST', 'Subscription', subscription({
    topic: url, endpoint: receiver.url, secret: receiver.secret, content: 'full-resource', filters: ['Patient?_id=p1'] }));
  assert.equal(made.status, 201, made.text);
  await receiver.until((r) => r.got.length >= 1);
  const answer = await report('called', 'Patient/p1', ['Location/l1', 'Location/none']);
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.text, /reported to 1 subscription/);
  await server.put({ resourceType: 'Patient', id: 'p1', active: false });
  await server.put({ resourceType: 'Patient', id: 'p2' });
  assert.match((await report('recalled', 'Patient/p2')).text, /reported to 0 subscriptions/);
  assert.equal((await report('recalled', 'Patient/p1', [], 'Basic/called')).status, 200);
  await receiver.until((r) => r.events.length >= 2);
  assert.deepEqual(receiver.events.map((e) => [e.number, e.focus]), [[1, `${server.base}/Patient/p1`], [2, `${server.base}/Patient/p1`]]);
  const entries = receiver.got.filter((n) => n.type === 'event-notification').flatMap((n) => n.entries);
  assert.deepEqual(entries.map((e) => [e.request.method, e.request.url, e.response.status, e.resource.meta.versionId]),
    [['GET', 'Patient/p1', '200', '1'], ['GET', 'Location/l1', '200', '1'], ['GET', 'Patient/p1', '200', '2']]);
  assert.deepEqual(receiver.bad, []);
  assert.equal((await server.fhir('GET', 'Patient/p1')).json.meta.versionId, '2', 'a report changes nothing');
  await server.stop('SIGKILL');
  await server.start();
  assert.equal((await server.fhir('GET', 'Patient/p1')).json.meta.versionId, '2');
  await server.fhir('DELETE', 'Patient/p1');
  // what was acknowledged just before the kill may be told again
  await receiver.until((r) => r.events.some((e) => e.number === 3));
  assert.deepEqual([...new Set(receiver.events.map((e) => e.number))], [1, 2, 3]);
  const again = await server.fhir('GET', `Subscription/${made.json.id}/$events`);
  assert.deepEqual(again.json.entry.slice(1).map((e) => e.request.method), ['GET', 'GET', 'GET', 'DELETE']);
  await server.stop();
  const { stdout } = await promisify(execFile)(binary, ['verify', '--data', server.data]);
  assert.ok(stdout.length > 0);
  await server.start();
  await server.fhir('DELETE', `Subscription/${made.json.id}`);
  await receiver.stop();
});

test('what the topic does not know is refused', async () => {
  await server.put({ resourceType: 'Patient', id: 'p3' });
  for (const [answer, status] of [
    [await report('other', 'Patient/p3'), 422], [await report('called', 'Location/l1'), 422],
    [await report('called', 'Patient/none'), 422], [await report('called', 'http://elsewhere.example/x'), 400],
    [await report('called', 'Patient/p3', [], 'SubscriptionTopic/patient-updated'), 422],
    [await report('called', 'Patient/p3', [], 'SubscriptionTopic/none'), 404],
    [await report('called', 'Patient/p3', [], 'Patient/p3'), 404],
    [await server.fhir('POST', 'SubscriptionTopic/called/$event', { resourceType: 'Patient' }), 400]]) {
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.json.resourceType, 'OperationOutcome');
  }
});
