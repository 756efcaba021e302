// $explain: why a change concerns a Subscription, or why not.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Receiver } from './lib/receiver.mjs';
import { Server } from './lib/server.mjs';
import { newSecret, subscription } from './lib/subscription.mjs';

const server = new Server({ args: ['--retry-schedule', '1'] });
const url = 'http://t.example/over';
let receiver;
let id;

const topic = {
  resourceType: 'SubscriptionTopic', id: 'over', url, status: 'active',
  resourceTrigger: [{
    resource: 'Encounter', supportedInteraction: ['create', 'update'],
    queryCriteria: { previous: 'status:not=finished', current: 'status=finished', requireBoth: true, resultForCreate: 'test-passes' },
  }, { resource: 'Patient', supportedInteraction: ['delete'] }],
  canFilterBy: [{ resource: 'Encounter', filterParameter: 'patient' }, { resource: 'Encounter', filterParameter: 'date', comparator: ['ge'] }],
};

const encounter = (status, more = {}) => ({
  resourceType: 'Encounter', id: 'e1', status,
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  subject: { reference: 'Patient/p1' }, period: { start: '2024-02-01' }, ...more,
});

before(async () => {
  await server.start();
  receiver = await new Receiver({ secret: newSecret() }).start();
  assert.equal((await server.put(topic)).status, 201);
  const made = await server.fhir('POST', 'Subscription', subscription({
    topic: url, endpoint: receiver.url, secret: receiver.secret, filters: ['Encounter?patient=Patient/p1&date=ge2024'] }));
  assert.equal(made.status, 201, made.text);
  id = made.json.id;
  await receiver.until((r) => r.got.length >= 1);
});
after(async () => {
  await receiver.stop();
  await server.remove();
});

// Parameters as plain objects; repeated names become lists.
const plain = (parameters) => parameters.reduce((out, p) => {
  const [, value] = Object.entries(p).find(([k]) => k !== 'name');
  const one = p.part ? plain(p.part) : value;
  const many = ['trigger', 'filter', 'test'].includes(p.name);
  return { ...out, [p.name]: many ? [...(out[p.name] ?? []), one] : one };
}, {});

async function explain(body, query = '') {
  const answer = await server.fhir(body ? 'POST' : 'GET', `Subscription/${id}/$explain${query}`, body);
  assert.equal(answer.status, 200, answer.text);
  return plain(answer.json.parameter);
}

const parameters = (given) => ({
  resourceType: 'Parameters',
  parameter: Object.entries(given).map(([name, value]) => ({ name, ...(typeof value === 'object' ? { resource: value } : { valueString: value }) })),
});

test('a resource alone is a create, and every test is told', async () => {
  const told = await explain(encounter('finished'));
  assert.equal(told.verdict, true);
  assert.equal(told.reason, undefined);
  assert.equal(told.interaction, 'create');
  assert.equal(told.topic, url);
  assert.deepEqual(told.trigger, [{
    name: 'resourceTrigger[0]', resource: 'Encounter', passed: true,
    test: [
      { name: 'interaction', 'looked-for': 'create, update', found: 'create', passed: true },
      { name: 'resultForCreate', 'looked-for': 'test-passes', found: 'test-passes', passed: true },
      { name: 'current', 'looked-for': 'status=finished', found: 'http://hl7.org/fhir/encounter-status|finished', passed: true },
      { name: 'requireBoth', 'looked-for': 'both sides', found: 'both sides', passed: true },
    ],
  }]);
  assert.deepEqual(told.filter.map((f) => [f.resource, f.passed, f.test.map((t) => [t['looked-for'].split('=')[0], t.found, t.passed])]),
    [['Encounter', true, [['patient', 'Patient/p1', true], ['date', told.filter[0].test[1].found, true]]]]);
});

test('what does not hold is named, side by side and filter by filter', async () => {
  let told = await explain(parameters({ resource: encounter('finished'), previous: encounter('finished') }));
  assert.equal(told.verdict, false);
  assert.equal(told.reason, 'no trigger fired');
  assert.deepEqual(told.trigger[0].test.map((t) => [t.name, t.passed]),
    [['interaction', true], ['previous', false], ['current', true], ['requireBoth', false]]);
  assert.equal(told.trigger[0].test[1]['looked-for'], 'status:not=finished');
  told = await explain(parameters({ resource: encounter('finished', { subject: { reference: 'Patient/p2' } }), previous: encounter('planned') }));
  assert.equal(told.reason, 'a filter did not hold');
  assert.deepEqual(told.filter[0].test.map((t) => [t.found.startsWith('Patient/p2'), t.passed]), [[true, false], [false, true]]);
  told = await explain(parameters({ resource: encounter('finished'), interaction: 'delete' }));
  assert.deepEqual(told.trigger[0].test, [{ name: 'interaction', 'looked-for': 'create, update', found: 'delete', passed: false }]);
  told = await explain({ resourceType: 'Observation', status: 'final', code: { text: 'x' } });
  assert.equal(told.reason, 'no trigger is for this resource type');
  told = await explain(parameters({ previous: { resourceType: 'Patient', id: 'x' }, interaction: 'delete' }));
  assert.equal(told.verdict, true);
});

test('it says what the engine does', async () => {
  const changes = [['planned', 'p1'], ['finished', 'p1'], ['finished', 'p1'], ['planned', 'p2'], ['finished', 'p2'], ['planned', 'p1']];
  for (const [status, patient] of changes)
    await server.put(encounter(status, { id: 'same', subject: { reference: `Patient/${patient}` } }));
  await server.fhir('DELETE', 'Encounter/same');
  const verdicts = [];
  for (let n = 1; n <= changes.length + 1; n++) {
    const told = await explain(undefined, `?reference=Encounter/same/_history/${n}`);
    assert.equal(told.verdict, told['event-number'] !== undefined, `version ${n}`);
    verdicts.push(told.verdict);
  }
  assert.deepEqual(verdicts, [false, true, false, false, false, false, false]);
});

test('of a stored change the event and its delivery are told', async () => {
  await server.put(encounter('planned', { id: 'd1' }));
  await server.put(encounter('finished', { id: 'd1' }));
  await receiver.until((r) => r.got.some((n) => n.events.some((e) => e.focus.endsWith('Encounter/d1'))));
  let told;
  for (let i = 0; i < 50; i++) {
    told = await explain(parameters({ reference: `${server.base}/Encounter/d1/_history/2` }));
    if (told.delivery.state === 'acknowledged') break;
    await new Promise((r) => setTimeout(r, 50));
  }
  assert.equal(told.interaction, 'update');
  assert.equal(told.focus.reference, `${server.base}/Encounter/d1/_history/2`);
  assert.equal(told.delivery.state, 'acknowledged');
  receiver.answer = 500;
  await server.put(encounter('finished', { id: 'd2' }));
  const before = receiver.got.length;
  await receiver.until((r) => r.got.length > before);
  for (let i = 0; i < 50; i++) {
    told = await explain(undefined, '?reference=Encounter/d2/_history/1');
    if (told.delivery.attempts !== '0') break;
    await new Promise((r) => setTimeout(r, 50));
  }
  assert.equal(told.delivery.state, 'retrying');
  assert.match(told.delivery.error, /500/);
  receiver.answer = 200;
  assert.equal(Number(told['event-number']) > 0, true);
});

test('what cannot be explained is refused', async () => {
  for (const [body, query, status] of [
    [undefined, '', 400], [undefined, '?reference=Encounter/none/_history/1', 404], [undefined, '?reference=Encounter/e1', 400],
    [{ resourceType: 'Nonsense' }, '', 400], [parameters({ nonsense: 'x' }), '', 400],
    [parameters({ resource: encounter('finished'), interaction: 'patch' }), '', 400],
    [parameters({ resource: encounter('finished'), previous: { resourceType: 'Patient' } }), '', 400]]) {
    const answer = await server.fhir(body ? 'POST' : 'GET', `Subscription/${id}/$explain${query}`, body);
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.json.resourceType, 'OperationOutcome');
  }
  assert.equal((await server.fhir('POST', 'Subscription/none/$explain', encounter('finished'))).status, 404);
});

test('the verdict of a stored change is what became of it, whatever holds today', async () => {
  await server.put(encounter('finished', { id: 'past' }));
  const made = await server.fhir('POST', 'Subscription', subscription({ topic: url, endpoint: receiver.url }));
  const of = async (version) => plain((await server.fhir('GET',
    `Subscription/${made.json.id}/$explain?reference=Encounter/past/_history/${version}`)).json.parameter);
  let told = await of(1);
  assert.equal(told.verdict, false);
  assert.equal(told.reason, 'the change was made before the Subscription');
  await server.put(encounter('planned', { id: 'past' }));
  await server.put(encounter('finished', { id: 'past' }));
  assert.equal((await server.put({ ...made.json, status: 'off' })).status, 200);
  await server.put(encounter('planned', { id: 'past' }));
  await server.put(encounter('finished', { id: 'past' }));
  told = await of(3);
  assert.equal(told.verdict, true);
  assert.equal(told['event-number'], '1');
  assert.equal(told.today, 'the Subscription is off');
  told = await of(5);
  assert.equal(told.verdict, false);
  assert.equal(told.reason, 'the Subscription is off');
  assert.equal((await server.put({ ...made.json, status: 'requested' })).status, 200);
  told = await of(5);
  assert.equal(told.verdict, false);
  assert.match(told.reason, /made no event when it was made/);
  await server.fhir('DELETE', `Subscription/${made.json.id}`);
});

test('a classic Subscription is explained as well', async () => {
  const made = await server.fhir('POST', 'Subscription', {
    resourceType: 'Subscription', status: 'requested', reason: 'x', criteria: 'Encounter?status=finished',
    channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/' } });
  const told = plain((await server.fhir('POST', `Subscription/${made.json.id}/$explain`, encounter('planned'))).json.parameter);
  assert.equal(told.reason, 'the query does not find the resource');
  assert.equal(told.filter[0].test[0]['looked-for'], 'status=finished');
  await server.fhir('DELETE', `Subscription/${made.json.id}`);
});
