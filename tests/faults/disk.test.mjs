// A full disk, a full map, a disk that fails: the client is told, nothing is
// half-written, reads go on, and where there is room again so do writes.
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { belfry } from '../e2e/lib/command.mjs';
import { binary, Server } from '../e2e/lib/server.mjs';
import { Trial } from './lib/trial.mjs';

const library = path.join(path.dirname(binary), 'tests', 'libbelfry_disk.so');

const basic = (id, fill = '') => ({ resourceType: 'Basic', id, code: { text: `x${fill}` } });

async function health(server) {
  const answer = await fetch(server.base.replace('/fhir', '/health'));
  return { status: answer.status, text: await answer.text() };
}

function refused(answer, status, pattern) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json?.resourceType, 'OperationOutcome', answer.text);
  assert.match(answer.text, pattern);
}

async function verify(data) {
  const { code, err } = await belfry('verify', '--data', data);
  assert.equal(code, 0, err);
}

test('a full disk is 507 while it lasts, under load', { timeout: 60000 }, async (t) => {
  const trial = new Trial({ clients: 4, failing: 0 });
  try {
    await trial.open();
    const control = path.join(trial.server.data, 'control');
    await trial.server.stop();
    trial.server.env = { LD_PRELOAD: library, DISK_ERROR: control };
    await trial.server.start();
    assert.equal((await trial.server.put(basic('before'))).status, 201);
    for (let round = 0; round < 3; round++) {
      trial.load.start();
      await new Promise((r) => setTimeout(r, 60));
      await writeFile(control, round === 1 ? 'sync ENOSPC' : 'write ENOSPC');
      refused(await trial.server.put(basic('during')), 507, /full/);
      assert.equal((await trial.server.fhir('GET', 'Basic/during')).status, 404);
      assert.equal((await trial.server.fhir('GET', 'Basic/before')).status, 200);
      const { status, text } = await health(trial.server);
      assert.equal(status, 503);
      assert.match(text, /full/);
      await trial.load.stop();
      await rm(control);
      // by itself: no client needs to try
      while ((await health(trial.server)).status !== 200) await new Promise((r) => setTimeout(r, 50));
      assert.equal((await trial.server.put(basic(`after-${round}`))).status, 201);
    }
    assert.ok((trial.load.refused.get(507) ?? 0) > 0, 'the load met the full disk');
    await trial.checkAll();
    assert.equal((await trial.server.stop()).code, 0, trial.server.log);
    await trial.verify();
    t.diagnostic(trial.summary());
  } finally {
    await trial.close();
  }
});

test('a full map is 507, reads go on, and a larger map helps', { timeout: 60000 }, async () => {
  const server = await new Server({ args: ['--map-size', '16M'] }).start();
  try {
    const fill = 'f'.repeat(500000);
    let last = -1;
    let answer;
    for (let i = 0; i < 100; i++) {
      answer = await server.put(basic(`b${i}`, fill));
      if (answer.status !== 201) break;
      last = i;
    }
    refused(answer, 507, /full/);
    assert.ok(last > 3);
    assert.equal((await server.fhir('GET', `Basic/b${last + 1}`)).status, 404);
    assert.equal((await server.fhir('GET', `Basic/b${last}`)).status, 200);
    // a small one may still fit: what counts is that each answer is true
    const small = await server.put(basic('small'));
    assert.equal((await server.fhir('GET', 'Basic/small')).status, small.status === 201 ? 200 : 404);
    assert.equal((await server.stop()).code, 0, server.log);
    await verify(server.data);
    server.args = ['--map-size', '64M'];
    await server.start();
    assert.equal((await server.put(basic('later', fill))).status, 201);
    for (let i = 0; i <= last; i++)
      assert.equal((await server.fhir('GET', `Basic/b${i}`)).status, 200);
    assert.equal((await server.stop()).code, 0, server.log);
    await verify(server.data);
  } finally {
    await server.remove();
  }
});

for (const error of ['write EIO', 'sync EIO'])
  test(`a disk that fails (${error}) is told, and nothing is spoiled`, { timeout: 60000 }, async () => {
    const trial = new Trial({ clients: 4, failing: 0 });
    try {
      await trial.open();
      const control = path.join(trial.server.data, 'control');
      await trial.server.stop();
      trial.server.env = { LD_PRELOAD: library, DISK_ERROR: control };
      await trial.server.start();
      assert.equal((await trial.server.put(basic('before'))).status, 201);
      trial.load.start();
      await new Promise((r) => setTimeout(r, 60));
      await writeFile(control, error);
      const answer = await trial.server.put(basic('during'));
      assert.ok([500, 503].includes(answer.status), answer.text);
      assert.equal(answer.json?.resourceType, 'OperationOutcome');
      assert.equal((await trial.server.fhir('GET', 'Basic/before')).status, 200);
      assert.equal((await health(trial.server)).status, 503);
      trial.load.stopped = true;
      await trial.server.stop('SIGKILL');
      await rm(control);
      await trial.verify();
      await trial.server.start();
      await trial.load.stop();
      await trial.checkAll();
      assert.equal((await trial.server.fhir('GET', 'Basic/before')).status, 200);
    } finally {
      await trial.close();
    }
  });

test('a disk that fails in the midst of a commit ends the server, and a start goes on', { timeout: 60000 }, async () => {
  const trial = new Trial({ clients: 4, failing: 0 });
  try {
    await trial.open();
    const control = path.join(trial.server.data, 'control');
    await trial.server.stop();
    trial.server.env = { LD_PRELOAD: library, DISK_ERROR: control };
    await trial.server.start();
    trial.load.start();
    await new Promise((r) => setTimeout(r, 60));
    await writeFile(control, 'meta EIO');
    const { code, signal } = await trial.server.exited;
    assert.deepEqual({ code, signal }, { code: 1, signal: null }, trial.server.log);
    assert.match(trial.server.log, /serve\.lost/);
    await rm(control);
    await trial.verify();
    await trial.server.start();
    await trial.load.stop();
    await trial.checkAll();
  } finally {
    await trial.close();
  }
});

test('a disk that takes no writes stops the start with its reason', async () => {
  const server = await new Server().start();
  try {
    await server.stop();
    const control = path.join(server.data, 'control');
    await writeFile(control, 'open EROFS');
    server.env = { LD_PRELOAD: library, DISK_ERROR: control };
    await assert.rejects(server.start(), /exit 1: .*belfry serve: .*Read-only file system/s);
    await rm(control);
    await server.start();
  } finally {
    await server.remove();
  }
});
