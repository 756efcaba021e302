// Cuts the power (disk.c): what was written and not synced reaches the disk in
// part, in no order and torn at sectors. What was acknowledged must be there
// when the server starts on what the disk then holds (P1).
import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { binary } from '../e2e/lib/server.mjs';
import { Trial } from './lib/trial.mjs';

const losses = Number(process.env.LOSSES ?? 8);
const library = path.join(path.dirname(binary), 'tests', 'libbelfry_disk.so');

test(`${losses} power losses lose nothing that was acknowledged`, { timeout: 60000 + losses * 10000 }, async (t) => {
  const trial = new Trial({ clients: 6 });
  try {
    await trial.open();
    const file = path.join(trial.server.data, 'data.mdb');
    const shadow = path.join(trial.server.data, 'shadow');
    for (let round = 0; round < losses; round++) {
      assert.equal((await trial.server.stop()).code, 0, trial.server.log);
      // some early, so that the first commits after a start are cut, too
      const at = round % 4 === 0 ? 1 + round : 5 + Math.floor(Math.random() * 120);
      trial.server.env = { LD_PRELOAD: library, DISK_SHADOW: shadow, DISK_LOSS: `${at}`, DISK_SEED: `${round + 1}` };
      await trial.server.start().catch((e) => { if (!/exit/.test(e.message)) throw e; });
      trial.load.start();
      const { signal } = await trial.server.exited;
      assert.equal(signal, 'SIGKILL', `loss at call ${at}: ${trial.server.log}`);
      await rename(shadow, file);
      await trial.verify();
      trial.server.env = {};
      await trial.server.start();
      await trial.load.stop();
      await trial.checkSome();
    }
    await trial.checkAll();
    t.diagnostic(`${losses} power losses: ${trial.summary()}`);
  } finally {
    await trial.close();
  }
});
