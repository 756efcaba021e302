// Search over REST, asked by a client that others wrote.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Client from 'fhir-kit-client';
import { Server } from './lib/server.mjs';

const server = new Server();
let client;

async function put(type, id, resource) {
  await client.update({
    resourceType: type, id, body: { resourceType: type, id, ...resource } });
}

async function find(resourceType, searchParams, options) {
  return client.search({ resourceType, searchParams, options });
}

function idsOf(bundle) {
  return (bundle.entry ?? []).map((entry) => entry.resource.id);
}

async function ids(type, params) {
  return idsOf(await find(type, params));
}

async function refused(type, params, status, named) {
  await assert.rejects(find(type, params), (e) => {
    assert.equal(e.response.status, status);
    assert.equal(e.response.data.resourceType, 'OperationOutcome');
    assert.match(e.response.data.issue[0].diagnostics, named);
    return true;
  });
}

before(async () => {
  await server.start();
  client = new Client({ baseUrl: server.base });
  const families = ['Müller', 'Meier', 'Muster', "O'Neil"];
  for (let i = 0; i < 12; i++)
    await put('Patient', `p${10 + i}`, {
      name: [{ family: families[i % 4], given: [`Hans${i}`] }],
      gender: i % 2 ? 'male' : 'female',
      birthDate: `19${50 + i}-01-0${1 + i % 9}`,
      identifier: [{ system: 'urn:mrn', value: `${i}=a:b,c` }],
    });
  for (let i = 0; i < 30; i++)
    await put('Observation', `o${10 + i}`, {
      status: i % 5 ? 'final' : 'amended',
      code: { coding: [{ system: 'http://loinc.org', code: i % 2 ? 'odd' : 'even' }] },
      subject: { reference: `Patient/p${10 + i % 3}` },
      effectiveDateTime: `2024-01-${10 + i % 20}T08:00:00Z`,
      valueQuantity: { value: i / 2, unit: 'mg', system: 'http://unitsofmeasure.org', code: 'mg' },
    });
});

after(() => server.remove());

test('a page is a searchset with links, full URLs and the total', async () => {
  const bundle = await find('Patient', { gender: 'female', _count: 4 });
  assert.equal(bundle.type, 'searchset');
  assert.equal(bundle.total, 6);
  assert.equal(bundle.entry.length, 4);
  for (const entry of bundle.entry) {
    assert.equal(entry.fullUrl, `${server.base}/Patient/${entry.resource.id}`);
    assert.equal(entry.search.mode, 'match');
    assert.equal(entry.resource.gender, 'female');
  }
  const self = bundle.link.find((link) => link.relation === 'self').url;
  assert.equal(self, `${server.base}/Patient?_count=4&gender=female`);
  const second = await client.nextPage({ bundle });
  assert.equal(second.entry.length, 2);
  assert.equal(second.link.find((link) => link.relation === 'next'), undefined);
  assert.equal(new Set([...idsOf(bundle), ...idsOf(second)]).size, 6);
});

test('each type of parameter finds what it should', async () => {
  const cases = [
    ['Patient', { name: 'MULLER' }, ['p10', 'p14', 'p18']],
    ['Patient', { 'family:exact': 'Meier' }, ['p11', 'p15', 'p19']],
    ['Patient', { 'name:contains': 'neil', gender: 'male' }, ['p13', 'p17', 'p21']],
    ['Patient', { identifier: 'urn:mrn|3=a:b\\,c' }, ['p13']],
    ['Patient', { birthdate: ['ge1955', 'lt1958'] }, ['p15', 'p16', 'p17']],
    ['Patient', { birthdate: '1961' }, ['p21']],
    ['Patient', { _id: 'p10,p12,none' }, ['p10', 'p12']],
    ['Patient', { 'organization:missing': 'false' }, []],
    ['Observation', { subject: 'Patient/p10', code: 'http://loinc.org|odd', _count: 2 }, ['o13', 'o19']],
    ['Observation', { 'subject:Patient': 'p10', date: 'gt2024-01-28' }, []],
    ['Observation', { patient: `${server.base}/Patient/p11`, date: '2024-01-11' }, ['o11']],
    ['Observation', { 'value-quantity': 'ge14||mg' }, ['o38', 'o39']],
    ['Observation', { 'value-quantity': '5.5|http://unitsofmeasure.org|mg' }, ['o21']],
    ['Observation', { 'code-value-quantity': 'odd$lt1' }, ['o11']],
    ['Observation', { 'status:not': 'final', patient: 'p10' }, ['o10', 'o25']],
    ['Observation', { status: 'http://hl7.org/fhir/observation-status|amended', patient: 'p11' }, ['o20', 'o35']],
  ];
  for (const [type, params, expected] of cases)
    assert.deepEqual(await ids(type, params), expected, JSON.stringify(params));
});

test('a quantity is found in another unit of UCUM', async () => {
  const ucum = 'http://unitsofmeasure.org';

  assert.deepEqual(await ids('Observation',
    { 'value-quantity': `gt0.0135|${ucum}|g` }), ['o38', 'o39']);
  assert.deepEqual(await ids('Observation',
    { 'value-quantity': `13500|${ucum}|ug` }), ['o37']);
  assert.deepEqual(await ids('Observation',
    { 'value-quantity': `gt0|${ucum}|m` }), []);
});

test('POST _search answers as GET does', async () => {
  const byPost = await find('Observation', { patient: 'p10', code: 'odd' }, { method: 'POST' });
  const posted = await client.search({
    resourceType: 'Observation', searchParams: { patient: 'p10', code: 'odd' },
  });
  assert.deepEqual(idsOf(byPost), idsOf(posted));
  const answer = await fetch(`${server.base}/Observation/_search?code=odd`, {
    method: 'POST', body: new URLSearchParams({ patient: 'p10' }) });
  assert.deepEqual(idsOf(await answer.json()), idsOf(posted));
});

test('pages in another order go through all of it', async () => {
  let bundle = await find('Observation', { _sort: '-date,_id', patient: 'p10', _count: 3 });
  const all = [];
  for (; bundle; bundle = bundle.link.some((l) => l.relation === 'next')
    ? await client.nextPage({ bundle }) : null)
    all.push(...bundle.entry.map((entry) => entry.resource));
  assert.equal(all.length, 10);
  const keys = all.map((r) => r.effectiveDateTime);
  assert.deepEqual(keys, [...keys].sort().reverse());
  assert.deepEqual(await ids('Patient', { _sort: '-birthdate', _count: 2 }), ['p21', 'p20']);
  const changed = await ids('Patient', { _sort: '-_lastUpdated', _count: 1 });
  assert.deepEqual(changed, ['p21']);
});

test('the latest come first, page by page, none twice', async () => {
  const seen = [];
  let bundle = await find('Observation', { _sort: '-_lastUpdated', _count: 4 });
  for (; bundle; bundle = bundle.link.some((l) => l.relation === 'next')
    ? await client.nextPage({ bundle }) : null)
    seen.push(...(bundle.entry ?? []).map((entry) => entry.resource));
  assert.equal(seen.length, 30);
  assert.equal(new Set(seen.map((r) => r.id)).size, 30);
  const times = seen.map((r) => r.meta.lastUpdated);
  assert.deepEqual(times, [...times].sort().reverse());
  const few = await find('Observation', { _sort: '-_lastUpdated', 'status:not': 'final', _count: 10 });
  assert.equal(few.entry.length, 6);
  assert.equal(few.total, 6);
});

test('only the number, when that is asked for', async () => {
  for (const params of [{ _summary: 'count' }, { _count: 0 }]) {
    const bundle = await find('Observation', { code: 'even', ...params });
    assert.equal(bundle.total, 15);
    assert.equal(bundle.entry, undefined);
  }
  const without = await find('Observation', { _total: 'none', _count: 1 });
  assert.equal(without.total, undefined);
});

test('what changed or went is found as it is now', async () => {
  await put('Patient', 'x1', { name: [{ family: 'Before' }] });
  assert.deepEqual(await ids('Patient', { family: 'before' }), ['x1']);
  await put('Patient', 'x1', { name: [{ family: 'After' }] });
  assert.deepEqual(await ids('Patient', { family: 'before' }), []);
  assert.deepEqual(await ids('Patient', { family: 'after' }), ['x1']);
  await client.delete({ resourceType: 'Patient', id: 'x1' });
  assert.deepEqual(await ids('Patient', { family: 'after' }), []);
  assert.deepEqual(await ids('Patient', { _id: 'x1' }), []);
});

test('what cannot be evaluated is refused by name', async () => {
  await refused('Patient', { nonsense: '1' }, 400, /'nonsense'/);
  await refused('Patient', { _include: 'Patient:name' }, 400, /_include: 'Patient:name'/);
  await refused('Patient', { _elements: 'nonsense' }, 400, /'nonsense'/);
  await refused('Patient', { 'organization.name': 'x' }, 400, /'organization.name'/);
  await refused('Patient', { '_has:Observation:patient:code': 'x' }, 400, /_has/);
  await refused('Patient', { 'name:foo': 'x' }, 400, /'name:foo'/);
  await refused('Patient', { birthdate: 'zz1980' }, 400, /'zz'/);
  await refused('Patient', { birthdate: 'yesterday' }, 400, /'birthdate'/);
  await refused('Patient', { _sort: 'nonsense' }, 400, /'nonsense'/);
  await refused('Patient', { _summary: 'half' }, 400, /_summary/);
  await refused('Patient', { _page: 'forged' }, 400, /_page/);
  for (const repeated of ['_count=1&_count=2', '_sort=name&_sort=birthdate', '_total=none&_total=accurate']) {
    const answer = await server.fhir('GET', `Patient?${repeated}`);
    assert.equal(answer.status, 400, repeated);
    assert.match(answer.text, /may be given once/);
  }
});

test('the CapabilityStatement lists the parameters of each type', async () => {
  const statement = await client.capabilityStatement();
  const of = (type) => Object.fromEntries(statement.rest[0].resource
    .find((r) => r.type === type).searchParam.map((p) => [p.name, p.type]));
  assert.equal(of('Patient').name, 'string');
  assert.equal(of('Patient')._lastUpdated, 'date');
  assert.equal(of('Observation')['code-value-quantity'], 'composite');
  for (const [name, kind] of Object.entries({ _id: 'token', _lastUpdated: 'date', _tag: 'token', _profile: 'uri', url: 'uri', status: 'token', type: 'token', criteria: 'string', payload: 'token', contact: 'token' }))
    assert.equal(of('Subscription')[name], kind, name);
});
