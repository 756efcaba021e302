// Backup of a running server and of a stopped one, restoring, and what
// verify, backup and the start say of folders that are not sound.
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { belfry, serveUntilReady } from './lib/command.mjs';
import { Receiver } from './lib/receiver.mjs';
import { Server } from './lib/server.mjs';
import { newSecret, subscription } from './lib/subscription.mjs';

let folder;
const at = (name) => path.join(folder, name);

before(async () => { folder = await mkdtemp(path.join(tmpdir(), 'belfry-backup-')); });
after(() => rm(folder, { recursive: true, force: true }));

async function sound(data) {
  const { code, out, err } = await belfry('verify', '--data', data);
  assert.equal(code, 0, err);
  assert.match(out, /is sound: \d+ changes?,/);
  // one is one, none and several are several
  for (const [, n, s] of out.matchAll(/(\d+) (?:change|record|resource|subscription|event)(s?)/g))
    assert.equal(s, n === '1' ? '' : 's', out);
  return out;
}

async function untilDelivered(server, number) {
  for (;;) {
    const { json } = await server.fhir('GET', 'Subscription/$status');
    const one = (name) => json.entry[0].resource.parameter.find((p) => p.name === name);
    if (one('status').valueCode === 'active' && Number(one('events-since-subscription-start').valueString) >= number) return;
    await new Promise((r) => setTimeout(r, 20));
  }
}

test('a running server is copied at one moment, and the copy goes on from there', { timeout: 60000 }, async (t) => {
  const receiver = await new Receiver({ secret: newSecret() }).start();
  t.after(() => receiver.stop());
  const server = await new Server({ data: at('live') }).start();
  t.after(() => server.stop('SIGKILL'));
  const made = await server.fhir('POST', 'Subscription', subscription({
    topic: 'patient-updated', endpoint: receiver.url, secret: receiver.secret }));
  assert.equal(made.status, 201, made.text);
  await server.put({ resourceType: 'Patient', id: 'a', active: true });
  await server.put({ resourceType: 'Patient', id: 'a', active: false });
  await receiver.until((r) => r.events.length === 1);
  await untilDelivered(server, 1);

  // the load goes on while the copy is made
  let stop = false;
  let acknowledged = 0;
  const load = (async () => {
    for (let i = 0; !stop; i++) {
      const { status } = await server.put({ resourceType: 'Basic', id: `b${i}`, code: { text: 'x' } });
      if (status === 201) acknowledged = i + 1;
    }
  })();
  while (acknowledged < 20) await new Promise((r) => setTimeout(r, 5));
  const atLeast = acknowledged;
  const backup = await belfry('backup', at('copy'), '--data', at('live'));
  stop = true;
  await load;
  assert.equal(backup.code, 0, backup.err);
  assert.match(backup.out, /holds everything up to change \d+/);
  await sound(at('live'));
  await server.put({ resourceType: 'Patient', id: 'a', active: true });
  await receiver.until((r) => r.events.length === 2);
  assert.equal((await server.stop()).code, 0);
  assert.match(await sound(at('live')), /, 1 subscription, /);
  await sound(at('copy'));
  assert.equal(((await stat(at('copy/data.mdb'))).mode & 0o777), 0o600);

  // what was numbered after the copy never happened there
  const restored = await new Server({ data: at('copy') }).start();
  t.after(() => restored.stop('SIGKILL'));
  assert.equal((await restored.fhir('GET', 'Patient/a')).json.active, false);
  for (let i = 0; i < atLeast; i++)
    assert.equal((await restored.fhir('GET', `Basic/b${i}`)).status, 200);
  await restored.put({ resourceType: 'Patient', id: 'a', active: true });
  await receiver.until((r) => r.events.filter((e) => e.number === 2).length === 2);
  assert.deepEqual(receiver.bad, []);
  assert.equal((await restored.stop()).code, 0);
  await sound(at('copy'));

  // a stopped one, and one whose views are made anew
  assert.equal((await belfry('backup', '--data', at('copy'), at('again'))).code, 0);
  await sound(at('again'));
  const rebuilt = await belfry('verify', '--data', at('again'), '--rebuild');
  assert.equal(rebuilt.code, 0, rebuilt.err);
  const anew = await new Server({ data: at('again') }).start();
  t.after(() => anew.stop('SIGKILL'));
  assert.equal((await anew.fhir('GET', 'Patient/a')).json.meta.versionId, '3');
  await untilDelivered(anew, 2);
  assert.equal((await anew.stop()).code, 0);
});

test('folders in use, missing, foreign, damaged and targets that are not empty are told apart', async (t) => {
  const server = await new Server({ data: at('used') }).start();
  t.after(() => server.stop('SIGKILL'));
  await mkdir(at('full'));
  await writeFile(at('full/file'), 'x');
  await mkdir(at('garbage'));
  await writeFile(at('garbage/data.mdb'), Buffer.alloc(16384, 'garbage'));
  await mkdir(at('short'));
  await writeFile(at('short/data.mdb'), 'short');
  await mkdir(at('nothing'));
  const serve = (data) => belfry('serve', '--dev', '--listen', '127.0.0.1:0', '--data', data);
  const cases = [
    [belfry('backup'), 2, /which folder/],
    [belfry('backup', at('x'), at('y')), 2, /unexpected argument/],
    [belfry('backup', at('x'), '--dat', at('used')), 2, /--dat/],
    [belfry('backup', at('full'), '--data', at('used')), 1, /empty folder/],
    [belfry('backup', at('no/such/parent'), '--data', at('used')), 1, /cannot be made/],
    [belfry('backup', at('x'), '--data', at('missing')), 1, /No such file/],
    [belfry('backup', at('x'), '--data', at('garbage')), 1, /not an LMDB file/],
    [belfry('verify', '--data', at('missing')), 1, /No such file/],
    [belfry('verify', '--data', at('nothing')), 1, /No such file/],
    [belfry('verify', '--data', at('garbage')), 1, /not an LMDB file/],
    [belfry('verify', '--data', at('short')), 1, /belfry verify: .*short/],
    [belfry('verify', '--data', at('missing'), '--rebuild'), 1, /No such file/],
    [belfry('verify', '--data', at('used'), '--rebuild'), 1, /in use by another process/],
    [belfry('verify', 'x'), 2, /unexpected argument/],
    [serve(at('used')), 1, /in use by another process/],
    [serve(at('garbage')), 1, /not an LMDB file/],
    [serve(at('short')), 1, /belfry serve: .*short/],
  ];
  for (const [promise, code, pattern] of cases) {
    const result = await promise;
    assert.equal(result.signal, null, result.err);
    assert.equal(result.code, code, result.err + result.out);
    assert.match(result.err, pattern);
  }
  await assert.rejects(stat(at('missing')));
});

// A small generator of its own: the places are the same in every run.
function* numbers(seed) {
  for (let x = seed; ;) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    yield x / 2 ** 32;
  }
}

test('a data file that is cut or spoiled anywhere is an error, never a crash', { timeout: 60000 }, async () => {
  const server = await new Server({ data: at('whole') }).start();
  for (let i = 0; i < 60; i++)
    await server.put({ resourceType: 'Patient', id: `p${i % 20}`, active: i % 2 === 0, name: [{ family: 'x'.repeat(i * 40) }] });
  assert.equal((await server.stop()).code, 0);
  await sound(at('whole'));
  const size = (await stat(at('whole/data.mdb'))).size;
  const random = numbers(7);
  let found = 0;
  for (let round = 0; round < 24; round++) {
    await rm(at('hurt'), { recursive: true, force: true });
    await cp(at('whole'), at('hurt'), { recursive: true });
    const place = Math.floor(random.next().value * size);
    if (round % 4 === 0) {
      await truncate(at('hurt/data.mdb'), place);
    } else {
      const file = await open(at('hurt/data.mdb'), 'r+');
      const n = round % 4 === 1 ? 1 : 512;
      await file.write(Buffer.alloc(n, Math.floor(random.next().value * 256)), 0, n, place);
      await file.close();
    }
    for (const args of [['verify'], ['backup', at(`hurt-copy-${round}`)]]) {
      const result = await belfry(...args, '--data', at('hurt'));
      assert.equal(result.signal, null, `${args[0]} at ${place}: ${result.err}`);
      assert.ok(result.code === 0 || (result.code === 1 && result.err.length > 0), result.err);
      if (args[0] === 'verify') found += result.code;
    }
    const served = await serveUntilReady('--data', at('hurt'));
    assert.ok(served.ready || (served.code === 1 && served.err.length > 0),
      `serve at ${place}: ${served.signal} ${served.err}`);
  }
  assert.ok(found >= 8, `damage was found ${found} times`);
  assert.ok((await readFile(at('whole/data.mdb'))).length === size);
});
