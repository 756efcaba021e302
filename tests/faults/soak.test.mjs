// Mixed load with faults for a while: deaths, a disk that fills up, a receiver
// that refuses; nothing may be lost, and memory and descriptors must not grow.
// SOAK_SECONDS makes it longer; `./dev soak MINUTES` runs it for its figures.
import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { binary } from '../e2e/lib/server.mjs';
import { Trial } from './lib/trial.mjs';

const seconds = Number(process.env.SOAK_SECONDS ?? 15);
const library = path.join(path.dirname(binary), 'tests', 'libbelfry_disk.so');
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

async function use(server) {
  const status = await readFile(`/proc/${server.child.pid}/status`, 'utf8');
  return {
    memory_kb: Number(/^RssAnon:\s+(\d+)/m.exec(status)[1]),
    descriptors: (await readdir(`/proc/${server.child.pid}/fd`)).length,
  };
}

// At rest, what is cached for good is there: after some load.
async function atRest(trial) {
  await trial.load.stop();
  await trial.untilTold();
  await sleep(300);
  return use(trial.server);
}

test(`${seconds} s of mixed load with faults`, { timeout: 120000 + seconds * 3000 }, async (t) => {
  const trial = new Trial({ failing: 0.05 });
  let deaths = 0;
  let full = 0;
  try {
    await trial.open();
    const control = path.join(trial.server.data, 'control');
    await trial.server.stop();
    trial.server.env = { LD_PRELOAD: library, DISK_ERROR: control };
    await trial.server.start();

    // the first half with deaths
    const half = Date.now() + seconds * 500;
    while (Date.now() < half) {
      trial.load.start();
      await sleep(500 + Math.random() * 1000);
      await writeFile(control, 'write ENOSPC');
      await sleep(Math.random() * 100);
      await rm(control);
      full++;
      await sleep(Math.random() * 500);
      await trial.server.stop('SIGKILL');
      deaths++;
      await trial.verify();
      await trial.server.start();
      await trial.load.stop();
      await trial.checkSome();
    }

    // the second half in one life, for what grows
    trial.load.start();
    await sleep(seconds * 150);
    const before = await atRest(trial);
    const writes = trial.load.acknowledged;
    const end = Date.now() + seconds * 350;
    trial.load.start();
    while (Date.now() < end) {
      await sleep(400 + Math.random() * 400);
      await writeFile(control, 'write ENOSPC');
      await sleep(Math.random() * 50);
      await rm(control);
      full++;
    }
    const after = await atRest(trial);
    await trial.checkAll();
    assert.equal((await trial.server.stop()).code, 0, trial.server.log);
    await trial.verify();
    t.diagnostic(`${deaths} deaths, ${full} times a full disk: ${trial.summary()}`);
    t.diagnostic(`at rest, ${trial.load.acknowledged - writes} writes apart: memory ${before.memory_kb} -> ${after.memory_kb} KB, `
      + `descriptors ${before.descriptors} -> ${after.descriptors}`);
    assert.ok(after.descriptors <= before.descriptors + 20, 'descriptors grow');
    // sanitizers keep freed memory aside for a while
    if (!/asan|tsan/.test(binary))
      assert.ok(after.memory_kb < before.memory_kb * 1.5 + 16384, 'memory grows');
  } finally {
    await trial.close();
  }
});
