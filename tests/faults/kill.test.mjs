// Kills the server at random instants (P1 to P4): under load, while it starts,
// while it drains. After each death the data folder must be sound, what was
// acknowledged must be there, and in the end every change has been told to
// everyone whom it concerns, in order, under one number each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Trial } from './lib/trial.mjs';

const rounds = Number(process.env.KILLS ?? 20);
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

// Each ends with the server dead.
const deaths = {
  underLoad: async ({ server }) => {
    await sleep(20 + Math.random() * 200);
    await server.stop('SIGKILL');
  },
  whileDraining: async ({ server }) => {
    await sleep(20 + Math.random() * 100);
    server.child.kill('SIGTERM');
    await sleep(Math.random() * 30);
    await server.stop('SIGKILL');
  },
  twiceWhileStarting: async ({ server }) => {
    await sleep(20 + Math.random() * 100);
    await server.stop('SIGKILL');
    server.launch();
    await sleep(Math.random() * 120);
    await server.stop('SIGKILL');
  },
  inGoodOrder: async ({ server }) => {
    await sleep(20 + Math.random() * 100);
    const { code, signal } = await server.stop('SIGTERM');
    assert.equal(signal, null, server.log);
    assert.equal(code, 0, server.log);
  },
};
const kinds = ['underLoad', 'underLoad', 'whileDraining', 'underLoad', 'twiceWhileStarting', 'underLoad', 'inGoodOrder'];

test(`${rounds} deaths lose nothing, and keep order and numbers`, { timeout: 60000 + rounds * 6000 }, async (t) => {
  const trial = new Trial();
  try {
    await trial.open();
    for (let round = 0; round < rounds; round++) {
      trial.load.start();
      await deaths[kinds[round % kinds.length]](trial);
      await trial.verify();
      await trial.server.start();
      await trial.load.stop();
      await trial.checkSome();
    }
    await trial.checkAll();
    assert.ok(trial.load.acknowledged > rounds, `${trial.load.acknowledged} acknowledged`);
    assert.equal((await trial.server.stop()).code, 0, trial.server.log);
    await trial.verify();
    t.diagnostic(`${rounds} deaths: ${trial.summary()}`);
  } finally {
    await trial.close();
  }
});
