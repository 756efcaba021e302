// SIGTERM drains: what is in flight ends well, nothing is sent twice after the
// next start; a second SIGTERM ends at once, and loses nothing.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { belfry } from './lib/command.mjs';
import { Server } from './lib/server.mjs';
import { subscription } from './lib/subscription.mjs';

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

// Answers handshakes at once and events when it is told to.
class Slow {
  async start() {
    this.events = [];
    this.http = http.createServer((request, response) => {
      let body = '';
      request.on('data', (d) => { body += d; });
      request.on('end', () => {
        const parameters = JSON.parse(body).entry[0].resource.parameter;
        if (parameters.find((p) => p.name === 'type').valueCode === 'handshake') {
          response.end();
          return;
        }
        const event = parameters.find((p) => p.name === 'notification-event');
        this.events.push(event.part.find((p) => p.name === 'event-number').valueString);
        this.held = response;
        this.onEvent?.();
      });
    });
    await new Promise((r) => this.http.listen(0, '127.0.0.1', r));
    this.url = `http://127.0.0.1:${this.http.address().port}/`;
    return this;
  }

  untilEvent(n) {
    return new Promise((resolve) => {
      this.onEvent = () => { if (this.events.length >= n) resolve(); };
      this.onEvent();
    });
  }

  stop() {
    this.http.closeAllConnections();
    this.http.close();
  }
}

// A server with one event on its way to an endpoint that has not answered yet.
async function inFlight(t, args = []) {
  const slow = await new Slow().start();
  t.after(() => slow.stop());
  const server = await new Server({ args }).start();
  t.after(() => server.remove());
  const made = await server.fhir('POST', 'Subscription', subscription({ topic: 'patient-updated', endpoint: slow.url }));
  assert.equal(made.status, 201, made.text);
  const status = async () => (await server.fhir('GET', `Subscription/${made.json.id}`)).json.status;
  while (await status() !== 'active') await sleep(20);
  await server.put({ resourceType: 'Patient', id: 'a', active: true });
  await server.put({ resourceType: 'Patient', id: 'a', active: false });
  await slow.untilEvent(1);
  return { slow, server };
}

async function sound(server) {
  const { code, err } = await belfry('verify', '--data', server.data);
  assert.equal(code, 0, err);
}

test('SIGTERM waits for what is in flight and takes nothing new', { timeout: 30000 }, async (t) => {
  const { slow, server } = await inFlight(t);
  server.child.kill('SIGTERM');
  await sleep(200);
  assert.equal(server.child.exitCode, null);
  const late = await server.put({ resourceType: 'Patient', id: 'late' }).catch(() => ({ status: 0 }));
  assert.ok([0, 503].includes(late.status), `${late.status}`);
  slow.held.end();
  assert.deepEqual(await server.exited, { code: 0, signal: null }, server.log);
  await sound(server);
  await server.start();
  await sleep(300);
  assert.deepEqual(slow.events, ['1'], 'it was acknowledged before the end');
  assert.equal((await server.fhir('GET', 'Patient/late')).status, 404);
});

test('a second SIGTERM ends at once, and the event is sent again', { timeout: 30000 }, async (t) => {
  const { slow, server } = await inFlight(t);
  server.child.kill('SIGTERM');
  await sleep(200);
  const begin = Date.now();
  server.child.kill('SIGTERM');
  assert.deepEqual(await server.exited, { code: 1, signal: null }, server.log);
  assert.ok(Date.now() - begin < 2000);
  await sound(server);
  await server.start();
  await slow.untilEvent(2);
  slow.held.end();
  assert.deepEqual(slow.events, ['1', '1']);
});

test('the drain ends after its time', { timeout: 30000 }, async (t) => {
  const { slow, server } = await inFlight(t, ['--drain', '1']);
  const begin = Date.now();
  server.child.kill('SIGTERM');
  assert.deepEqual(await server.exited, { code: 0, signal: null }, server.log);
  assert.ok(Date.now() - begin >= 900);
  assert.match(server.log, /serve\.drain_cut/);
  await sound(server);
  await server.start();
  await slow.untilEvent(2);
  slow.held.end();
});
