// Changes over TLS, notified over TLS: what the server's CPU costs then. Node
// is both ends, so the rate is Node's; the server's CPU a change is not.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { cpuUs, startServer } from './server.mjs';

const GUIDE = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/';

function makeCertificate(folder) {
  const key = join(folder, 'key.pem');
  const cert = join(folder, 'cert.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
    '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key,
    '-out', cert], { stdio: 'ignore' });
  return { key, cert };
}

function send(client, agent, server, method, path, body) {
  return new Promise((resolve, reject) => {
    const request = client.request({
      host: '127.0.0.1', port: server.port, method, path, agent,
      rejectUnauthorized: false,
      headers: { 'Content-Type': 'application/fhir+json',
        Prefer: 'return=minimal', 'Content-Length': Buffer.byteLength(body) },
    }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode));
    });
    request.once('error', reject);
    request.end(body);
  });
}

function subscription(scheme, port) {
  return JSON.stringify({
    resourceType: 'Subscription', status: 'requested', reason: 'measuring',
    criteria: 'https://belfry.example/fhir/SubscriptionTopic/prescription-created',
    channel: {
      extension: [{ url: `${GUIDE}backport-max-count`, valuePositiveInt: 1 }],
      type: 'rest-hook', endpoint: `${scheme}://127.0.0.1:${port}/hook`,
      payload: 'application/fhir+json',
      _payload: { extension: [{ url: `${GUIDE}backport-payload-content`,
        valueCode: 'id-only' }] },
    },
  });
}

async function measure(encrypted, changes) {
  const folder = mkdtempSync(join(tmpdir(), 'belfry-tls-'));
  const { key, cert } = makeCertificate(folder);
  const client = encrypted ? https : http;
  const agent = new client.Agent({ keepAlive: true, maxSockets: 16 });
  let received = 0;
  const sink = client.createServer(encrypted
    ? { key: readFileSync(key), cert: readFileSync(cert) } : {},
  (request, response) => {
    request.resume();
    request.once('end', () => { received++; response.end(); });
  });
  await new Promise((resolve) => sink.listen(0, '127.0.0.1', resolve));
  const server = await startServer(...(encrypted
    ? ['--tls-cert', cert, '--tls-key', key, '--ca-file', cert] : []));
  const until = async (count) => {
    const deadline = Date.now() + 60000;
    while (received < count) {
      if (Date.now() > deadline) throw new Error(`${received} of ${count}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const text = readFileSync('tests/bench/prescription.json', 'utf8');
  const scheme = encrypted ? 'https' : 'http';
  await send(client, agent, server, 'POST', '/fhir/Subscription',
    subscription(scheme, sink.address().port));
  await until(1);
  const before = cpuUs(server.pid);
  let next = 0;
  await Promise.all(Array.from({ length: 16 }, async () => {
    while (next < changes) {
      const id = `t${next++}`;
      const status = await send(client, agent, server, 'PUT',
        `/fhir/MedicationRequest/${id}`,
        text.replace('"id":"x"', `"id":"${id}"`));
      if (status !== 201) throw new Error(`answered ${status}`);
    }
  }));
  await until(1 + changes);
  const cpu = (cpuUs(server.pid) - before) / changes;
  agent.destroy();
  await server.stop();
  sink.closeAllConnections();
  sink.close();
  rmSync(folder, { recursive: true, force: true });
  return cpu;
}

export async function tls(changes) {
  return {
    plain_cpu_us_per_change: await measure(false, changes),
    tls_cpu_us_per_change: await measure(true, changes),
  };
}
