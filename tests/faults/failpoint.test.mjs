// Lets the server die at chosen places (storage/base/failpoint.h) and judges
// it as kill.test.mjs does. Needs a build with BELFRY_FAILPOINTS; FAILPOINTS=all
// dies at each place later, too.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { binary } from '../e2e/lib/server.mjs';
import { Trial } from './lib/trial.mjs';

const built = spawnSync(binary, ['version'], { env: { ...process.env, FAILPOINT: 'version' } }).signal === 'SIGKILL';

// At the how-manieth time, one of these.
const places = {
  'before-apply': [20, 3],
  'after-append': [5, 60],
  'before-commit': [3, 20],
  'after-commit': [11, 2, 30],
  'before-answers': [3, 20],
  'amid-answers': [40, 5],
  'after-answers': [3, 20],
  'before-merge-commit': [1],
  'after-merge-commit': [1],
  'amid-send': [25, 2],
  'before-report': [2, 15],
  'after-report': [2, 15],
};

test('a death at any chosen place loses nothing', { skip: !built && 'built without failpoints', timeout: 240000 }, async (t) => {
  const trial = new Trial();
  try {
    await trial.open();
    for (const [place, counts] of Object.entries(places))
      for (const count of process.env.FAILPOINTS === 'all' ? counts : counts.slice(0, 1)) {
        assert.equal((await trial.server.stop()).code, 0, trial.server.log);
        trial.server.env = { FAILPOINT: `${place}:${count}` };
        // with few counts it may die before it is ready
        await trial.server.start().catch((e) => { if (!/exit/.test(e.message)) throw e; });
        trial.load.start();
        if (place.includes('merge')) setTimeout(() => { trial.load.stopped = true; }, 100);
        const { signal } = await trial.server.exited;
        assert.equal(signal, 'SIGKILL', `${place}: ${trial.server.log}`);
        await trial.verify();
        trial.server.env = {};
        await trial.server.start();
        await trial.load.stop();
        await trial.checkSome();
      }
    await trial.checkAll();
    t.diagnostic(trial.summary());
  } finally {
    await trial.close();
  }
});

test('a death amid the start is started over', { skip: !built && 'built without failpoints', timeout: 60000 }, async () => {
  const trial = new Trial();
  try {
    await trial.open();
    for (const place of ['amid-replay:1', 'amid-replay:7', 'before-ready', 'amid-drain']) {
      trial.load.start();
      await new Promise((r) => setTimeout(r, 150));
      await trial.server.stop('SIGKILL');
      trial.server.env = { FAILPOINT: place };
      await trial.server.start().catch((e) => { if (!/exit/.test(e.message)) throw e; });
      const { signal } = await trial.server.stop();
      assert.equal(signal, 'SIGKILL', `${place}: ${trial.server.log}`);
      await trial.verify();
      trial.server.env = {};
      await trial.server.start();
      await trial.load.stop();
      await trial.checkSome();
    }
    await trial.checkAll();
  } finally {
    await trial.close();
  }
});
