// _include and _revinclude: what belongs to the matches of a page comes along.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server } from './lib/server.mjs';

const server = new Server();
const encounter = (id, patient) => ({ resourceType: 'Encounter', id, status: 'planned',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' }, subject: { reference: `Patient/${patient}` } });
const observation = (id, of) => ({ resourceType: 'Observation', id, status: 'final', code: { text: 'c' }, encounter: { reference: `Encounter/${of}` } });

before(async () => {
  await server.start();
  const all = [{ resourceType: 'Organization', id: 'org', name: 'o' },
    { resourceType: 'Patient', id: 'a', managingOrganization: { reference: 'Organization/org' } },
    { resourceType: 'Patient', id: 'b', managingOrganization: { reference: 'Organization/gone' } },
    encounter('e1', 'a'), encounter('e2', 'a'), encounter('e3', 'b'), encounter('e4', 'missing'),
    observation('o1', 'e1'), observation('o2', 'e1'), observation('o3', 'e2'), observation('dead', 'e1'),
    { resourceType: 'Provenance', id: 'p1', target: [{ reference: 'Observation/o1' }], recorded: '2026-01-01T00:00:00Z', agent: [{ who: { display: 'x' } }] }];
  for (const resource of all) assert.equal((await server.put(resource)).status, 201, resource.id);
  await server.fhir('DELETE', 'Observation/dead');
});
after(() => server.remove());

async function page(query) {
  const answer = await server.fhir('GET', query);
  assert.equal(answer.status, 200, answer.text);
  const of = (mode) => (answer.json.entry ?? []).filter((e) => e.search.mode === mode)
    .map((e) => { assert.ok(e.fullUrl.endsWith(`${e.resource.resourceType}/${e.resource.id}`)); return `${e.resource.resourceType}/${e.resource.id}`; }).sort();
  return { match: of('match'), include: of('include'), json: answer.json };
}

test('what the matches refer to comes along, once', async () => {
  const all = await page('Encounter?_include=Encounter:patient');
  assert.equal(all.json.total, 4);
  assert.equal(all.match.length, 4);
  assert.deepEqual(all.include, ['Patient/a', 'Patient/b']);
  const first = await page('Encounter?_include=Encounter:subject:Patient&_count=1');
  assert.deepEqual([first.match, first.include], [['Encounter/e1'], ['Patient/a']]);
  assert.ok(first.json.link.some((l) => l.relation === 'next' && l.url.includes('_include')));
  assert.deepEqual((await page('Encounter?_include=Encounter:subject:Group')).include, []);
  assert.deepEqual((await page('Encounter?_id=e1&_include=Encounter:patient&_include=Patient:organization')).include, ['Patient/a']);
  assert.deepEqual((await page('Encounter?_id=e1&_include=Encounter:patient&_include:iterate=Patient:organization')).include, ['Organization/org', 'Patient/a']);
});

test('what refers to the matches comes along, not what was deleted', async () => {
  assert.deepEqual((await page('Encounter?_id=e1,e2&_revinclude=Observation:encounter')).include, ['Observation/o1', 'Observation/o2', 'Observation/o3']);
  assert.deepEqual((await page('Encounter?_id=e1&_revinclude=Observation:encounter&_revinclude:iterate=Provenance:target')).include,
    ['Observation/o1', 'Observation/o2', 'Provenance/p1']);
  assert.deepEqual((await page('Patient?_id=a&_revinclude=Encounter:patient&_sort=_lastUpdated')).include, ['Encounter/e1', 'Encounter/e2']);
  assert.deepEqual((await page('Encounter?_id=e3&_revinclude=Observation:encounter')).include, []);
  assert.deepEqual((await page('Encounter?_summary=count&_revinclude=Observation:encounter')).include, []);
});

test('an included Subscription is masked', async () => {
  const made = await server.fhir('POST', 'Subscription', { resourceType: 'Subscription', status: 'off', reason: 'r', criteria: 'Observation?code=x',
    channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:1/x', header: ['Authorization: hidden-token'] } });
  await server.put({ resourceType: 'Provenance', id: 'of-s', target: [{ reference: `Subscription/${made.json.id}` }], recorded: '2026-01-01T00:00:00Z', agent: [{ who: { display: 'x' } }] });
  const found = await page('Provenance?_id=of-s&_include=Provenance:target');
  assert.deepEqual(found.include, [`Subscription/${made.json.id}`]);
  assert.ok(!JSON.stringify(found.json).includes('hidden-token'));
});

test('what cannot be followed is refused by name', async () => {
  for (const [query, what] of [['_include=*', /_include: '\*'/], ['_include=Encounter:status', /Encounter:status/], ['_include=Nothing:x', /Nothing/], ['_include=Encounter', /Encounter/],
    ['_include:recurse=Encounter:patient', /iterate/], ['_revinclude=Observation:encounter:Nowhere', /Nowhere/], ['_summary=text&_include=Encounter:patient', /_summary/]]) {
    const answer = await server.fhir('GET', `Encounter?${query}`);
    assert.equal(answer.status, 400, query);
    assert.match(answer.json.issue[0].diagnostics, what);
  }
});

test('too much to bring along is refused', async () => {
  const entry = (resource) => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } });
  for (const part of ['x', 'y']) {
    const done = await server.fhir('POST', '', { resourceType: 'Bundle', type: 'batch', entry: Array.from({ length: 600 }, (_, i) => entry(observation(`${part}${i}`, 'e4'))) });
    assert.equal(done.status, 200);
  }
  const answer = await server.fhir('GET', 'Encounter?_id=e4&_revinclude=Observation:encounter');
  assert.equal(answer.status, 422);
  assert.match(answer.json.issue[0].diagnostics, /1000/);
});
