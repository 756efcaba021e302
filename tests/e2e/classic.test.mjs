// Classic R4 Subscriptions: criteria is a query, no handshake, one request for
// each change.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { Server } from './lib/server.mjs';
import { SECRET_URL } from './lib/subscription.mjs';
import { Wire } from './lib/wire.mjs';

const server = new Server({ args: ['--retry-schedule', '1'] });

before(() => server.start());
after(() => server.remove());

const classic = (criteria, endpoint, channel = {}) => ({
  resourceType: 'Subscription', status: 'requested', reason: 'to know', criteria,
  channel: { type: 'rest-hook', endpoint, ...channel },
});

const observation = (id, code, status = 'final') => ({
  resourceType: 'Observation', id, status,
  code: { coding: [{ system: 'http://loinc.org', code }] },
});

async function until(what, ms = 15000) {
  const deadline = Date.now() + ms;
  while (!(await what())) {
    assert.ok(Date.now() < deadline, 'not in time');
    await new Promise((r) => setTimeout(r, 30));
  }
}

async function make(resource) {
  const made = await server.fhir('POST', 'Subscription', resource);
  assert.equal(made.status, 201, made.text);
  assert.equal(made.json.status, 'requested');
  return made.json;
}

const statusOf = async (id) => (await server.fhir('GET', `Subscription/${id}`)).json.status;

test('without a payload each matching change is an empty POST', async () => {
  const wire = await new Wire().start();
  const made = await make(classic('Observation?code=http://loinc.org|1975-2&_format=json', wire.url,
    { header: ['X-Ward: 7'] }));
  assert.equal(await statusOf(made.id), 'active');
  await server.put(observation('o1', '1975-2'));
  await server.put(observation('o2', '9999-9'));
  await server.put(observation('o1', '1975-2', 'amended'));
  await server.put(observation('o2', '1975-2'));
  await server.put(observation('o1', '9999-9'));
  await server.fhir('DELETE', 'Observation/o2');
  await wire.until(3);
  await server.put(observation('o3', '1975-2'));
  await wire.until(4);
  const secret = made.channel.extension.find((e) => e.url === SECRET_URL).valueString;
  for (const request of wire.got) {
    assert.equal(request.method, 'POST');
    assert.equal(request.path, '/in');
    assert.equal(request.body, '');
    assert.equal(request.headers['content-length'], '0');
    assert.equal(request.headers['content-type'], undefined);
    assert.equal(request.headers['x-ward'], '7');
    // the library parses what it verified; an empty body is no JSON
    assert.equal(new Webhook(secret).sign(request.headers['webhook-id'],
      new Date(Number(request.headers['webhook-timestamp']) * 1000), request.body),
    request.headers['webhook-signature']);
  }
  assert.equal(new Set(wire.got.map((r) => r.headers['webhook-id'])).size, 4);
  await server.fhir('DELETE', `Subscription/${made.id}`);
  await wire.stop();
});

test('with a payload the resource is PUT below the endpoint, each version its own', async () => {
  const wire = await new Wire().start();
  const made = await make(classic('/Observation?status=final,amended', `${wire.url}/`, { payload: 'application/fhir+json' }));
  await server.put(observation('p1', '1', 'final'));
  await server.put(observation('p1', '2', 'amended'));
  await wire.until(2);
  assert.deepEqual(wire.got.map((r) => [r.method, r.path]), [['PUT', '/in/Observation/p1'], ['PUT', '/in/Observation/p1']]);
  assert.deepEqual(wire.got.map((r) => JSON.parse(r.body).meta.versionId), ['1', '2']);
  assert.equal(wire.got[0].headers['content-type'], 'application/fhir+json');
  assert.deepEqual(JSON.parse(wire.got[1].body).code, observation('', '2').code);
  await server.fhir('DELETE', `Subscription/${made.id}`);
  await wire.stop();
});

test('it is in error while attempts fail, and active again when one succeeds', async () => {
  const wire = await new Wire().start();
  wire.answer = 500;
  const made = await make(classic('Observation', wire.url));
  await server.put(observation('r1', '1'));
  await wire.until(1);
  await until(async () => await statusOf(made.id) === 'error');
  assert.match((await server.fhir('GET', `Subscription/${made.id}`)).json.error, /500/);
  assert.equal((await server.fhir('GET', `Subscription?status=error&_id=${made.id}`)).json.total, 1);
  wire.answer = 204;
  await until(async () => await statusOf(made.id) === 'active');
  assert.equal(wire.got.at(-1).headers['webhook-id'], wire.got[0].headers['webhook-id']);
  await server.fhir('DELETE', `Subscription/${made.id}`);
  await wire.stop();
});

test('a query that cannot be evaluated is 422 and named', async () => {
  for (const [criteria, part] of [['Observation?nonsense=1', 'nonsense'], ['Observation?patient.name=x', 'patient.name'],
    ['Observation?_has:Provenance:target:agent=x', '_has'], ['Subscription?status=active', 'Subscription']]) {
    const { status, json, text } = await server.fhir('POST', 'Subscription', classic(criteria, 'http://127.0.0.1:9/'));
    assert.equal(status, 422, text);
    assert.deepEqual(json.issue[0].expression, ['Subscription.criteria']);
    assert.ok(text.includes(part), text);
  }
});

test('it outlives a restart', async () => {
  const wire = await new Wire().start();
  const made = await make(classic('Patient?active=true', wire.url));
  await server.stop();
  await server.start();
  assert.equal(await statusOf(made.id), 'active');
  await server.put({ resourceType: 'Patient', id: 'z1', active: true });
  await wire.until(1);
  assert.equal(wire.got[0].method, 'POST');
  await server.fhir('DELETE', `Subscription/${made.id}`);
  await wire.stop();
});
