// _summary and _elements: a part of what is found, marked as such.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server } from './lib/server.mjs';

const server = new Server();
const SUBSETTED = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };

const observation = {
  resourceType: 'Observation', id: 'o', meta: { tag: [{ system: 'http://t.example', code: 'x' }] },
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">o</div>' },
  modifierExtension: [{ url: 'http://m.example', valueBoolean: true }],
  identifier: [{ value: '1' }], status: 'final', _status: { id: 's' }, code: { text: 'c' },
  subject: { reference: 'Patient/p' }, effectiveDateTime: '2024-01-01', valueQuantity: { value: 1.10, unit: 'g' },
  note: [{ text: 'n' }], interpretation: [{ text: 'high' }],
  component: [{ code: { text: 'a' }, valueString: 'v', interpretation: [{ text: 'low' }] }],
};

before(async () => {
  await server.start();
  const text = JSON.stringify(observation).replace('"value":1.1', '"value":1.10');
  assert.equal((await server.fhir('PUT', 'Observation/o', text)).status, 201);
  await server.put({ resourceType: 'Patient', id: 'p', active: true, name: [{ family: 'F' }], maritalStatus: { text: 'm' },
    contact: [{ name: { family: 'C' } }], link: [{ other: { reference: 'Patient/q' }, type: 'seealso' }] });
});
after(() => server.remove());

async function one(query) {
  const answer = await server.fhir('GET', query);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.entry.length, 1);
  return { text: answer.text, resource: answer.json.entry[0].resource, total: answer.json.total };
}
const names = (resource) => Object.keys(resource).sort();

test('_summary=true shows what R4 marks, in its parts too', async () => {
  const { text, resource, total } = await one('Observation?_id=o&_summary=true');
  assert.equal(total, 1);
  assert.deepEqual(names(resource), ['_status', 'code', 'component', 'effectiveDateTime', 'id', 'identifier', 'meta', 'modifierExtension', 'resourceType', 'status', 'subject', 'valueQuantity']);
  assert.deepEqual(resource.component, [{ code: { text: 'a' }, valueString: 'v' }]);
  assert.deepEqual(resource.meta.tag, [observation.meta.tag[0], SUBSETTED]);
  assert.equal(resource.meta.versionId, '1');
  assert.ok(text.includes('"value":1.10'), 'numbers stay as they were sent');
  const patient = await one('Patient?_summary=true&_sort=_lastUpdated');
  assert.deepEqual(names(patient.resource), ['active', 'id', 'link', 'meta', 'name', 'resourceType']);
  assert.deepEqual(patient.resource.meta.tag, [SUBSETTED]);
});

test('_summary=text, data, count and false', async () => {
  const text = (await one('Observation?_summary=text')).resource;
  assert.deepEqual(names(text), ['_status', 'code', 'id', 'meta', 'modifierExtension', 'resourceType', 'status', 'text']);
  const data = (await one('Observation?_summary=data')).resource;
  assert.deepEqual(names(data), names(observation).filter((n) => n !== 'text'));
  assert.deepEqual(data.component, observation.component);
  assert.deepEqual(data.meta.tag.at(-1), SUBSETTED);
  const whole = (await one('Observation?_summary=false')).resource;
  assert.deepEqual(names(whole), names(observation));
  assert.deepEqual(whole.meta.tag, observation.meta.tag);
  const count = await server.fhir('GET', 'Observation?_summary=count');
  assert.equal(count.json.total, 1);
  assert.equal(count.json.entry, undefined);
});

test('_elements shows what is asked for and what must be there', async () => {
  const some = (await one('Observation?_elements=subject,value,note')).resource;
  assert.deepEqual(names(some), ['_status', 'code', 'id', 'meta', 'modifierExtension', 'note', 'resourceType', 'status', 'subject', 'valueQuantity']);
  assert.deepEqual(some.meta.tag.at(-1), SUBSETTED);
  const ordered = (await one('Patient?_elements=active&_sort=family&_count=1')).resource;
  assert.deepEqual(names(ordered), ['active', 'id', 'meta', 'resourceType']);
  // what is stored stays whole
  assert.equal((await server.fhir('GET', 'Patient/p')).json.maritalStatus.text, 'm');
});

test('a Subscription is masked in part as in whole', async () => {
  const made = await server.fhir('POST', 'Subscription', { resourceType: 'Subscription', status: 'off', reason: 'r', criteria: 'Observation?code=x',
    channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:1/x', header: ['Authorization: hidden-token'] } });
  assert.equal(made.status, 201, made.text);
  for (const query of ['_summary=true', '_summary=data', '_elements=channel']) {
    const { text, resource } = await one(`Subscription?${query}`);
    assert.ok(!text.includes('hidden-token'), text);
    assert.equal(resource.status, 'off');
    assert.equal(resource.channel.endpoint, 'http://127.0.0.1:1/x');
  }
});

test('what cannot be shown is refused by name', async () => {
  for (const [query, what] of [['_elements=nothing', /nothing/], ['_elements=name.family', /name\.family/], ['_elements=', /_elements/], ['_summary=half', /_summary/],
    ['_summary=true&_elements=active', /together/], ['_elements=active&_elements=name', /once/], ['_summary=true&_summary=data', /once/]]) {
    const answer = await server.fhir('GET', `Patient?${query}`);
    assert.equal(answer.status, 400, query);
    assert.match(answer.json.issue[0].diagnostics, what);
  }
});
