// How the healthy half of all endpoints fares, without faults and while the
// other half is dead or slow.
import { Server } from '../../e2e/lib/server.mjs';
import { subscription } from '../../e2e/lib/subscription.mjs';
import { statusOf, until, well, Wild } from './wild.mjs';

const PER_HALF = 8;
const WRITERS = 4;

// The faults, one after the other: no answer, no connection kept, slow, 500.
const faults = [
  (socket) => { socket.wild = true; },
  (socket) => socket.destroy(),
  (socket) => setTimeout(() => well(socket), 1500),
  (socket) => socket.write('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n'),
];

class Half {
  constructor(faulty) {
    this.on = false; // the faults
    this.arrived = null; // of a change, at each endpoint
    this.endpoints = Array.from({ length: PER_HALF }, (_, i) => new Wild((socket, request) => {
      if (faulty && this.on) faults[i % faults.length](socket);
      else well(socket);
      this.arrived?.(i, request.body);
    }));
  }
}

async function change(server, id) {
  const { status, text } = await server.put({
    resourceType: 'Encounter', id, status: 'planned',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  });
  if (status !== 201) throw new Error(`${status} ${text}`);
}

// Writes as fast as it is answered; times until each healthy endpoint has it.
async function measure(server, good, name, changes) {
  const sent = new Map();
  const times = [];
  const seen = new Set();
  let next = 0;
  good.arrived = (endpoint, body) => {
    const now = performance.now();
    for (const [, id] of body.matchAll(/Encounter\/([\w-]+)/g)) {
      if (!sent.has(id) || seen.has(`${endpoint} ${id}`)) continue;
      seen.add(`${endpoint} ${id}`);
      times.push(now - sent.get(id));
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: WRITERS }, async () => {
    while (next < changes) {
      const id = `${name}-${next++}`;
      sent.set(id, performance.now());
      await change(server, id);
    }
  }));
  await until(async () => times.length >= changes * PER_HALF, 60000);
  const seconds = (performance.now() - start) / 1000;
  good.arrived = null;
  times.sort((a, b) => a - b);
  return { p50: times[Math.floor(times.length / 2)], p99: times[Math.floor(times.length * 0.99)],
    perSecond: (changes * PER_HALF) / seconds };
}

export async function fairness({ changes, topics }) {
  const server = await new Server({ topics, args: ['--timeout', '2', '--handshake-attempts', '1'] }).start();
  const good = new Half(false);
  const bad = new Half(true);
  try {
    for (const half of [good, bad]) {
      half.ids = [];
      for (const endpoint of half.endpoints) {
        await endpoint.start();
        const made = await server.fhir('POST', 'Subscription', subscription({ topic: 'encounter-created', endpoint: endpoint.url }));
        half.ids.push(made.json.id);
      }
    }
    await until(async () => (await Promise.all([...good.ids, ...bad.ids].map((id) => statusOf(server, id)))).every((s) => s.status === 'active'));
    await measure(server, good, 'warm', changes);
    const without = await measure(server, good, 'without', changes);
    bad.on = true;
    return { without, during: await measure(server, good, 'during', changes) };
  } finally {
    await Promise.all([...good.endpoints, ...bad.endpoints].map((e) => e.stop()));
    await server.remove();
  }
}
