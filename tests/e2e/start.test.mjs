// What serve refuses before it listens, rather than fail at it later.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { serveUntilReady } from './lib/command.mjs';
import { root } from './lib/server.mjs';

async function folder(t) {
  const made = await mkdtemp(path.join(tmpdir(), 'belfry-start-'));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

test('a file of authorities that holds none is refused by name', async (t) => {
  const made = await folder(t);
  const bad = path.join(made, 'authorities.pem');
  await writeFile(bad, 'no certificate');
  for (const file of [bad, path.join(made, 'none.pem'), root]) {
    const tried = await serveUntilReady('--data', path.join(made, 'data'), '--ca-file', file);
    assert.equal(tried.ready, undefined, file);
    assert.equal(tried.code, 2, tried.err);
    assert.ok(tried.err.includes(file), tried.err);
  }
});
