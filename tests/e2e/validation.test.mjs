// What R4's definitions say of a resource decides whether it is stored, and
// $validate says the same without storing.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Client from 'fhir-kit-client';
import { Server } from './lib/server.mjs';

const strict = new Server();
const lenient = new Server({ args: ['--validation', 'lenient'] });

before(async () => { await Promise.all([strict.start(), lenient.start()]); });
after(() => Promise.all([strict.remove(), lenient.remove()]));

const order = {
  resourceType: 'MedicationRequest',
  id: 'm1',
  status: 'active',
  intent: 'order',
  subject: { reference: 'Patient/p1' },
  medicationCodeableConcept: { text: 'Atorvastatin 20 mg' },
  dosageInstruction: [{ timing: { repeat: { frequency: 1, period: 1, periodUnit: 'd' } } }],
};

function changed(change) {
  const copy = structuredClone(order);
  change(copy);
  return copy;
}

// What is wrong, the issue's code and expression.
const mistakes = [
  ['an unknown element', (r) => { r.remark = 'x'; },
    'structure', 'MedicationRequest.remark'],
  ['a period that is a text', (r) => { r.dosageInstruction[0].timing.repeat.period = '1'; },
    'structure', 'MedicationRequest.dosageInstruction[0].timing.repeat.period'],
  ['a list that is none', (r) => { r.note = { text: 'x' }; },
    'structure', 'MedicationRequest.note'],
  ['no subject', (r) => { delete r.subject; },
    'required', 'MedicationRequest.subject'],
  ['a code that is none', (r) => { r.status = 'actif'; },
    'code-invalid', 'MedicationRequest.status'],
  ['a date that is none', (r) => { r.authoredOn = '2024-13-01'; },
    'value', 'MedicationRequest.authoredOn'],
  ['two medications', (r) => { r.medicationReference = { reference: 'Medication/1' }; },
    'structure', 'MedicationRequest.medication'],
  ['a subject of another type', (r) => { r.subject.reference = 'Encounter/1'; },
    'value', 'MedicationRequest.subject.reference'],
  ['a reference to nothing contained', (r) => { r.subject.reference = '#p'; },
    'invariant', 'MedicationRequest.subject.reference'],
];

for (const [name, change, code, expression] of mistakes)
  test(`${name} is refused with 422 and its place, and nothing is stored`, async () => {
    const body = changed(change);
    const answer = await strict.fhir('PUT', 'MedicationRequest/m1', body);
    assert.equal(answer.status, 422, answer.text);
    assert.equal(answer.json.issue.length, 1, answer.text);
    const [issue] = answer.json.issue;
    assert.equal(issue.severity, 'error');
    assert.equal(issue.code, code);
    assert.deepEqual(issue.expression, [expression]);
    assert.equal((await strict.fhir('GET', 'MedicationRequest/m1')).status, 404);

    const judged = await strict.fhir('POST', 'MedicationRequest/$validate', body);
    assert.equal(judged.status, 200);
    assert.deepEqual(judged.json, answer.json);

    const taken = await lenient.fhir('POST', 'MedicationRequest', body,
      { prefer: 'return=OperationOutcome' });
    assert.equal(taken.status, 201, taken.text);
    assert.deepEqual(taken.json.issue.map((i) => i.severity), ['information', 'warning']);
    assert.deepEqual(taken.json.issue[1].expression, [expression]);
  });

test('all problems are told in one answer', async () => {
  const answer = await strict.fhir('POST', 'MedicationRequest', changed((r) => {
    delete r.subject;
    r.status = 'x';
    r.intent = 7;
    r.groupIdentifier = {};
  }));
  assert.equal(answer.status, 422);
  assert.deepEqual(answer.json.issue.map((i) => i.expression[0]).sort(), [
    'MedicationRequest.groupIdentifier', 'MedicationRequest.intent',
    'MedicationRequest.status', 'MedicationRequest.subject']);
});

test('what is refused does not reach the log', async () => {
  await strict.fhir('POST', 'Patient', { resourceType: 'Patient', gender: 'secretvalue' });
  assert.ok(!strict.log.includes('secretvalue'));
});

test('a Subscription is told each problem once, those of what it asks for too', async () => {
  const answer = await strict.fhir('POST', 'Subscription', {
    resourceType: 'Subscription',
    status: 'requested',
    criteria: 'http://example.org/no-such-topic',
    nonsense: true,
    channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:1/' },
  });
  assert.equal(answer.status, 422);
  const places = answer.json.issue.map((i) => i.expression[0]);
  assert.equal(new Set(places).size, places.length, answer.text);
  for (const place of ['nonsense', 'reason', 'criteria'])
    assert.ok(places.includes(`Subscription.${place}`), answer.text);
  const judged = await strict.fhir('POST', 'Subscription/$validate', {
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'x',
    criteria: 'http://example.org/no-such-topic',
    channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:1/' },
  });
  assert.equal(judged.status, 200);
  assert.ok(judged.json.issue.some((i) => i.severity === 'error' &&
    i.expression[0] === 'Subscription.criteria'), judged.text);
});

test('$validate says that all is well, and stores nothing', async () => {
  const answer = await strict.fhir('POST', 'MedicationRequest/$validate', order);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json.issue.map((i) => i.severity), ['information']);
  assert.equal((await strict.fhir('GET', 'MedicationRequest/m1')).status, 404);
});

function parameters(...list) {
  return { resourceType: 'Parameters', parameter: list };
}

test('$validate takes Parameters, as fhir-kit-client sends them', async () => {
  const client = new Client({ baseUrl: strict.base });
  const input = parameters({ name: 'mode', valueCode: 'create' },
    { name: 'resource', resource: changed((r) => { r.status = 'x'; }) });
  const outcome = await client.operation({
    name: 'validate', resourceType: 'MedicationRequest', input });
  assert.deepEqual(outcome.issue.map((i) => i.expression), [['MedicationRequest.status']]);
});

test('$validate on an instance looks at the id', async () => {
  const right = await strict.fhir('POST', 'MedicationRequest/m1/$validate', order);
  assert.equal(right.json.issue[0].severity, 'information', right.text);
  const wrong = await strict.fhir('POST', 'MedicationRequest/m2/$validate', order);
  assert.deepEqual(wrong.json.issue.map((i) => i.expression), [['MedicationRequest.id']]);
  const gone = await strict.fhir('POST', 'MedicationRequest/m1/$validate?mode=delete');
  assert.equal(gone.json.issue[0].code, 'not-found', gone.text);
});

test('a Parameters resource is judged itself when it wraps none', async () => {
  const plain = await strict.fhir('POST', 'Parameters/$validate', parameters({ name: 'x' }));
  assert.deepEqual(plain.json.issue.map((i) => i.expression), [['Parameters.parameter[0]']]);
  const wrapped = await strict.fhir('POST', 'Parameters/$validate',
    parameters({ name: 'resource', resource: parameters({ name: 'x', valueString: 'y' }) }));
  assert.equal(wrapped.json.issue[0].severity, 'information', wrapped.text);
});

const refusals = [
  ['an unknown parameter', 'MedicationRequest/$validate?x=1', order],
  ['an unknown parameter in the body', 'MedicationRequest/$validate',
    parameters({ name: 'x', valueString: 'y' })],
  ['an unknown mode', 'MedicationRequest/$validate?mode=maybe', order],
  ['mode delete on a type', 'MedicationRequest/$validate?mode=delete', order],
  ['an unknown profile', 'MedicationRequest/$validate?profile=http://example.org/p', order],
  ["another type's profile",
    'MedicationRequest/$validate?profile=http://hl7.org/fhir/StructureDefinition/Patient', order],
  ['no resource', 'MedicationRequest/$validate', parameters({ name: 'mode', valueCode: 'create' })],
  ['no body', 'MedicationRequest/$validate', undefined],
  ['two resources', 'MedicationRequest/$validate',
    parameters({ name: 'resource', resource: order }, { name: 'resource', resource: order })],
  ['text that is no JSON', 'MedicationRequest/$validate', '{'],
];

for (const [name, url, body] of refusals)
  test(`$validate refuses ${name} with 400`, async () => {
    const answer = await strict.fhir('POST', url, body);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json.resourceType, 'OperationOutcome');
  });

test('$validate takes the profile that it judges by, and is no GET', async () => {
  const url = 'MedicationRequest/$validate?profile=http://hl7.org/fhir/StructureDefinition/MedicationRequest';
  assert.equal((await strict.fhir('POST', url, order)).status, 200);
  assert.equal((await strict.fhir('GET', url)).status, 405);
});

test('$validate where validation is lenient warns', async () => {
  const answer = await lenient.fhir('POST', 'MedicationRequest/$validate',
    changed((r) => { r.status = 'x'; }));
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json.issue.map((i) => i.severity), ['information', 'warning']);
});

test('lenient validation still refuses what has no type, id or meta', async () => {
  for (const body of ['{"id":"a"}', '{"resourceType":"Patient","id":1}',
    '{"resourceType":"Patient","id":"a","meta":1}'])
    assert.equal((await lenient.fhir('PUT', 'Patient/a', body)).status, 400);
});

test("the server's own resources are what R4 says", async () => {
  for (const [type, url] of [['CapabilityStatement', 'metadata'], ['Bundle', 'Patient?_id=x'],
    ['OperationOutcome', 'Patient/nobody']]) {
    const own = await strict.fhir('GET', url);
    const answer = await strict.fhir('POST', `${type}/$validate`, own.text);
    assert.deepEqual(answer.json.issue.map((i) => i.severity), ['information'], answer.text);
  }
  const { json } = await strict.fhir('GET', 'metadata');
  for (const resource of json.rest[0].resource)
    assert.ok(resource.operation.some((o) => o.name === 'validate'));
});
