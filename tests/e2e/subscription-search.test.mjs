// Subscriptions are searched as any other type, by what a read shows of them:
// with their live status, and nothing that is masked.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Receiver } from './lib/receiver.mjs';
import { Server } from './lib/server.mjs';
import { BX, TOPICS, newSecret, subscription } from './lib/subscription.mjs';

const server = new Server({ args: ['--retry-schedule', '1', '--handshake-attempts', '1'] });
let receiver;
const made = {};

before(async () => {
  await server.start();
  receiver = await new Receiver().start();
  const of = (name, more, given = {}) => ({ name, body: { ...subscription({ topic: 'patient-updated', endpoint: `${receiver.url}/${name}`, ...given }), ...more } });
  const all = [
    of('plain', { contact: [{ system: 'email', value: 'ops@a.example' }], meta: { tag: [{ system: 'http://t.example', code: 'ward' }], profile: [`${BX}/backport-subscription`] } }),
    of('secret', {}, { headers: ['Authorization: Bearer hidden-token'], secret: newSecret() }),
    of('refused', {}, { endpoint: 'http://127.0.0.1:1/refused' }),
    of('classic', { criteria: 'Observation?code=http://loinc.org|1975-2', channel: { type: 'rest-hook', endpoint: `${receiver.url}/classic` } }),
    of('off', { status: 'off' }),
  ];
  for (const { name, body } of all) {
    const answer = await server.fhir('POST', 'Subscription', body);
    assert.equal(answer.status, 201, answer.text);
    made[name] = answer.json.id;
  }
  for (let i = 0; i < 300; i++) {
    const counts = await Promise.all(['active', 'error'].map(async (s) => (await server.fhir('GET', `Subscription?status=${s}&_summary=count`)).json.total));
    if (counts[0] === 3 && counts[1] === 1) return;
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  throw new Error('not all settled');
});
after(async () => {
  await receiver.stop();
  await server.remove();
});

async function found(query) {
  const answer = await server.fhir('GET', `Subscription?${query}`);
  assert.equal(answer.status, 200, answer.text);
  const names = Object.fromEntries(Object.entries(made).map(([name, id]) => [id, name]));
  return (answer.json.entry ?? []).map((e) => names[e.resource.id]);
}
const sorted = async (query) => (await found(query)).sort();

test('each parameter of R4 finds what it should', async () => {
  const all = ['classic', 'off', 'plain', 'refused', 'secret'];
  assert.deepEqual(await sorted(''), all);
  assert.deepEqual(await sorted('status=active'), ['classic', 'plain', 'secret']);
  assert.deepEqual(await sorted('status=active,off'), ['classic', 'off', 'plain', 'secret']);
  assert.deepEqual(await sorted('status=http://hl7.org/fhir/subscription-status|error'), ['refused']);
  assert.deepEqual(await sorted('status:not=active'), ['off', 'refused']);
  assert.deepEqual(await sorted('status=requested'), []);
  assert.deepEqual(await sorted(`url=${receiver.url}/plain`), ['plain']);
  assert.deepEqual(await sorted(`url=${receiver.url}/plain&status=error`), []);
  assert.deepEqual(await sorted(`url:below=${receiver.url}`), ['classic', 'off', 'plain', 'secret']);
  assert.deepEqual(await sorted('type=rest-hook'), all);
  assert.deepEqual(await sorted('type=websocket'), []);
  assert.deepEqual(await sorted('criteria=Observation'), ['classic']);
  assert.deepEqual(await sorted(`criteria:exact=${TOPICS}/patient-updated`), ['off', 'plain', 'refused', 'secret']);
  assert.deepEqual(await sorted('payload=application/fhir%2Bjson'), ['off', 'plain', 'refused', 'secret']);
  assert.deepEqual(await sorted('payload:missing=true'), ['classic']);
  assert.deepEqual(await sorted('contact=ops@a.example'), ['plain']);
  assert.deepEqual(await sorted('_tag=http://t.example|ward'), ['plain']);
  assert.deepEqual(await sorted(`_profile=${BX}/backport-subscription`), ['plain']);
  assert.deepEqual(await sorted('_lastUpdated=ge2020'), all);
  assert.deepEqual(await sorted(`_id=${made.off},${made.plain}&status=off`), ['off']);
});

test('pages, orders and totals are as everywhere', async () => {
  const page = await server.fhir('GET', 'Subscription?_count=2&_total=accurate');
  assert.equal(page.json.total, 5);
  assert.equal(page.json.entry.length, 2);
  const seen = page.json.entry.map((e) => e.resource.id);
  let next = page.json;
  for (;;) {
    const link = next.link.find((l) => l.relation === 'next');
    if (!link) break;
    next = (await server.fhir('GET', link.url)).json;
    seen.push(...next.entry.map((e) => e.resource.id));
  }
  assert.deepEqual([...seen].sort(), Object.values(made).sort());
  assert.equal((await found('_sort=status')).at(-1), 'off');
  assert.equal((await found('_sort=-status')).at(0), 'off');
  assert.deepEqual((await found('_sort=_lastUpdated')), ['plain', 'secret', 'refused', 'classic', 'off']);
  assert.deepEqual((await found('_sort=-_lastUpdated&_count=2')), ['off', 'classic']);
  const counted = await server.fhir('GET', 'Subscription?_summary=count&status=off');
  assert.equal(counted.json.total, 1);
  assert.equal(counted.json.entry, undefined);
  const posted = await server.fhir('POST', 'Subscription/_search', 'status=off', { 'content-type': 'application/x-www-form-urlencoded' });
  assert.equal(posted.json.entry[0].resource.id, made.off);
});

test('a search shows what a read shows, and what is masked finds nothing', async () => {
  for (const [, id] of Object.entries(made)) {
    const read = await server.fhir('GET', `Subscription/${id}`);
    for (const query of [`_id=${id}`, `_id=${id}&_sort=status`]) {
      const searched = await server.fhir('GET', `Subscription?${query}`);
      assert.deepEqual(searched.json.entry[0].resource, read.json);
      assert.ok(!/hidden-token|whsec_[A-Za-z0-9+/]/.test(searched.text), searched.text);
    }
  }
  assert.match((await server.fhir('GET', `Subscription/${made.refused}`)).json.error, /./);
  await server.fhir('DELETE', `Subscription/${made.off}`);
  assert.deepEqual(await sorted('status=off'), []);
  delete made.off;
});

test('what is no parameter is refused by name', async () => {
  for (const [query, status, name] of [['topic=x', 400, /topic/], ['criteria:above=x', 400, /above/], ['_sort=nothing', 400, /nothing/], ['status', 400, /status/]]) {
    const answer = await server.fhir('GET', `Subscription?${query}`);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.json.issue[0].diagnostics, name);
  }
});
