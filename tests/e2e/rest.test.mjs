// FHIR REST as a client that others wrote sees it, and what bad input gets.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import Client from 'fhir-kit-client';
import { Server } from './lib/server.mjs';

const server = new Server({ args: ['--max-body', '65536', '--request-timeout', '2'] });
let client;

before(async () => {
  await server.start();
  client = new Client({ baseUrl: server.base });
});
after(() => server.remove());

// Every refusal is an OperationOutcome.
function refused(answer, status, pattern) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json?.resourceType, 'OperationOutcome', answer.text);
  assert.match(answer.headers.get('content-type'), /^application\/fhir\+json/);
  const issue = answer.json.issue[0];
  assert.equal(issue.severity, 'error');
  assert.ok(issue.code && issue.diagnostics, answer.text);
  if (pattern) assert.match(answer.text, pattern);
}

test('fhir-kit-client creates, reads, updates, searches and deletes', async () => {
  const made = await client.create({ resourceType: 'Patient', body: { resourceType: 'Patient', active: true } });
  assert.equal(made.meta.versionId, '1');
  const read = await client.read({ resourceType: 'Patient', id: made.id });
  assert.deepEqual(read, made);
  const changed = await client.update({ resourceType: 'Patient', id: made.id, body: { ...made, active: false } });
  assert.equal(changed.meta.versionId, '2');
  const old = await client.vread({ resourceType: 'Patient', id: made.id, version: '1' });
  assert.equal(old.active, true);
  const found = await client.search({ resourceType: 'Patient', searchParams: { _id: made.id } });
  assert.equal(found.entry[0].resource.id, made.id);
  await client.delete({ resourceType: 'Patient', id: made.id });
  await assert.rejects(client.read({ resourceType: 'Patient', id: made.id }), (e) => e.response.status === 410);
});

test('the capability statement is read by the client and tells the topics', async () => {
  const statement = await client.capabilityStatement();
  assert.equal(statement.fhirVersion, '4.0.1');
  const entry = statement.rest[0].resource.find((r) => r.type === 'Subscription');
  const topics = entry.extension.map((e) => e.valueCanonical);
  assert.ok(topics.some((t) => t.startsWith('https://belfry.example/fhir/SubscriptionTopic/prescription-signed')));
  assert.ok(statement.rest[0].resource.length > 140);
});

test('a resource comes back as it was sent, byte for byte', async () => {
  const body = '{ "resourceType" : "Observation",\n\t"id":"odd", "status":"final", "code":{"text":"caf\\u00e9 \u{1F48A} /"},'
    + '"valueQuantity":{"value":1.10,"unit":"mg"}, "component":[{"code":{"text":"x"},"valueQuantity":{"value":1E+2}}] }';
  const put = await server.fhir('PUT', 'Observation/odd', body);
  assert.equal(put.status, 201, put.text);
  const { text } = await server.fhir('GET', 'Observation/odd');
  assert.equal(text, put.text);
  const without = text.replace(/"meta":\{"versionId":"1","lastUpdated":"[^"]*"\},?\s*/, '');
  assert.equal(without.replace(/\s/g, ''), body.replace(/\s/g, ''));
  for (const part of ['1.10', '1E+2', 'caf\\u00e9 \u{1F48A} /', '{ "resourceType" : "Observation",\n\t"id":"odd"'])
    assert.ok(text.includes(part), part);
});

test('preconditions: If-Match, If-None-Match and what they answer', async () => {
  const body = { resourceType: 'Basic', id: 'pre', code: { text: 'x' } };
  const first = await server.put(body);
  assert.equal(first.status, 201);
  assert.equal(first.headers.get('etag'), 'W/"1"');
  assert.match(first.headers.get('location'), /\/Basic\/pre\/_history\/1$/);
  assert.ok(first.headers.get('last-modified'));
  refused(await server.fhir('PUT', 'Basic/pre', body, { 'if-match': 'W/"7"' }), 412);
  assert.equal((await server.fhir('PUT', 'Basic/pre', body, { 'if-match': 'W/"1"' })).status, 200);
  assert.equal((await server.fhir('GET', 'Basic/pre', undefined, { 'if-none-match': 'W/"2"' })).status, 304);
  refused(await server.fhir('PUT', 'Basic/pre', body, { 'if-match': 'seven' }), 400);
});

test('a deleted resource can be put again, whatever is said of its version', async () => {
  const body = { resourceType: 'Basic', id: 'again', code: { text: 'x' } };
  assert.equal((await server.put(body)).status, 201);
  for (const [headers, version] of [[{}, 3], [{ 'if-none-match': '*' }, 5], [{ 'if-none-match': 'W/"1"' }, 7]]) {
    assert.equal((await server.fhir('DELETE', 'Basic/again')).status, 204);
    const gone = await server.fhir('GET', 'Basic/again');
    assert.equal(gone.status, 410);
    assert.match(gone.headers.get('etag'), /^W\/"\d+"$/);
    const put = await server.fhir('PUT', 'Basic/again', body, headers);
    assert.equal(put.status, 201, put.text);
    assert.equal(put.headers.get('etag'), `W/"${version}"`);
    assert.equal((await server.fhir('GET', 'Basic/again')).json.meta.versionId, `${version}`);
  }
  refused(await server.fhir('PUT', 'Basic/again', body, { 'if-none-match': '*' }), 412);
  assert.equal((await server.fhir('DELETE', 'Basic/again')).status, 204);
  refused(await server.fhir('PUT', 'Basic/again', body, { 'if-match': 'W/"7"' }), 412);
});

test('Prefer decides what a write returns', async () => {
  const body = { resourceType: 'Basic', id: 'prefer', code: { text: 'x' } };
  const minimal = await server.fhir('PUT', 'Basic/prefer', body, { prefer: 'return=minimal' });
  assert.equal(minimal.text, '');
  const outcome = await server.fhir('PUT', 'Basic/prefer', body, { prefer: 'return=OperationOutcome' });
  assert.equal(outcome.json.resourceType, 'OperationOutcome');
  const whole = await server.fhir('PUT', 'Basic/prefer', body, { prefer: 'return=representation' });
  assert.equal(whole.json.resourceType, 'Basic');
});

const bad = [
  ['malformed JSON', 'PUT', 'Patient/a', '{"resourceType":"Patient","id":"a",}', 400, /line 1/],
  ['a duplicate key', 'PUT', 'Patient/a', '{"resourceType":"Patient","id":"a","active":true,"active":false}', 400, /active/],
  ['a duplicate key in disguise', 'PUT', 'Patient/a', '{"resourceType":"Patient","id":"a","a":1,"\\u0061":2}', 400],
  ['text behind the resource', 'PUT', 'Patient/a', '{"resourceType":"Patient","id":"a"} x', 400],
  ['a NUL', 'PUT', 'Patient/a', '{"resourceType":"Patient","id":"a","x":"\\u0000"}', 400],
  ['an array', 'PUT', 'Patient/a', '[]', 400],
  ['an empty body', 'PUT', 'Patient/a', '', 400],
  ['no resourceType', 'PUT', 'Patient/a', '{"id":"a"}', 400],
  ['another resourceType', 'PUT', 'Patient/a', '{"resourceType":"Basic","id":"a"}', 400],
  ['another id', 'PUT', 'Patient/a', '{"resourceType":"Patient","id":"b"}', 400, /Patient\.id/],
  ['no id', 'PUT', 'Patient/a', '{"resourceType":"Patient"}', 400],
  ['an id with a bad character', 'PUT', 'Patient/a_b', '{"resourceType":"Patient","id":"a_b"}', 400],
  ['a number for meta', 'PUT', 'Patient/a', '{"resourceType":"Patient","id":"a","meta":7}', 422, /meta/],
  ['an unknown type', 'GET', 'Patiant/a', undefined, 404, /Patiant/],
  ['an unknown id', 'GET', 'Patient/nobody', undefined, 404],
  ['an unknown version', 'GET', 'Patient/nobody/_history/3', undefined, 404],
  ['a method that is not there', 'PATCH', 'Patient/a', '{}', 405],
  ['an unsupported search', 'GET', 'Patient?phonetic=x', undefined, 400, /phonetic/],
];
for (const [name, method, url, body, status, pattern] of bad)
  test(`${name} is refused with ${status}`, async () => {
    refused(await server.fhir(method, url, body), status, pattern);
  });

test('invalid UTF-8 is refused', async () => {
  const answer = await fetch(`${server.base}/Patient/a`, {
    method: 'PUT', headers: { 'content-type': 'application/fhir+json' },
    body: Buffer.from([...Buffer.from('{"resourceType":"Patient","id":"a","x":"'), 0xff, 0x22, 0x7d]),
  });
  assert.equal(answer.status, 400);
});

test('a body of another type is 415, an answer of another type 406', async () => {
  refused(await server.fhir('PUT', 'Patient/a', '<Patient/>', { 'content-type': 'application/fhir+xml' }), 415);
  refused(await server.fhir('GET', 'Patient/a', undefined, { accept: 'application/fhir+xml' }), 406);
});

test('a compressed body is 415, whatever it holds', async () => {
  const body = { resourceType: 'Patient', id: 'packed' };
  refused(await server.fhir('PUT', 'Patient/packed', body, { 'content-encoding': 'gzip' }), 415, /Content-Encoding/);
  refused(await server.fhir('GET', 'Patient/packed'), 404);
  const identity = await server.fhir('PUT', 'Patient/packed', body, { 'content-encoding': 'identity' });
  assert.equal(identity.status, 201, identity.text);
});

test('what is only asked for by other methods or not at all says so', async () => {
  const base = await server.fhir('GET', '');
  refused(base, 405, /base of a FHIR server/);
  assert.equal(base.headers.get('allow'), 'POST');
  refused(await server.fhir('GET', 'Subscription/$get-ws-binding-token'), 400, /websocket/);
  refused(await server.fhir('POST', 'Patient/$everything', {}), 400, /the operation \$everything/);
});

test('an oversized body is 413, announced or chunked', async () => {
  const body = JSON.stringify({ resourceType: 'Patient', id: 'a', name: [{ family: 'x'.repeat(70000) }] });
  refused(await server.fhir('PUT', 'Patient/a', body), 413);
  assert.equal((await server.fhir('GET', 'Patient/a')).status, 404);
});

test('a slow client gets 408', { timeout: 20000 }, async () => {
  const text = await new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1', () => {
      socket.write('PUT /fhir/Patient/slow HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\nContent-Length: 100\r\n\r\n{');
    });
    let got = '';
    socket.on('data', (d) => { got += d; });
    socket.on('close', () => resolve(got));
    socket.on('error', reject);
  });
  assert.match(text, /^HTTP\/1\.1 408/);
  assert.match(text, /OperationOutcome/);
});

test('health says that the server is ready', async () => {
  const answer = await fetch(server.base.replace('/fhir', '/health'));
  assert.equal(answer.status, 200);
});
