// `belfry fhirpath`: what scripts depend on: one JSON array, the exit status,
// and the place of an error on standard error.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { binary as belfry } from './lib/server.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'belfry-fhirpath-'));
const patient = path.join(folder, 'patient.json');
const before = path.join(folder, 'before.json');

writeFileSync(patient, JSON.stringify({
  resourceType: 'Patient', id: 'p', active: true,
  name: [{ given: ['Ada'] }], birthDate: '1815-12-10',
}));
writeFileSync(before, '{"resourceType": "Patient", "id": "p", "active": false,'
  + ' "extension": [{"url": "u", "valueDecimal": 1.10}]}');
after(() => rmSync(folder, { recursive: true }));

function run(args, input) {
  const done = spawnSync(belfry, ['fhirpath', ...args],
    { input, encoding: 'utf8' });
  return { ...done, items: done.status === 0 ? JSON.parse(done.stdout) : null };
}

test('prints type and value of each item', () => {
  assert.deepEqual(run(['name.given | active | id', patient]).items, [
    { type: 'string', value: 'Ada' },
    { type: 'boolean', value: 'true' },
    { type: 'id', value: 'p' },
  ]);
  assert.deepEqual(run(['name', patient]).items,
    [{ type: 'HumanName', value: '{"given":["Ada"]}' }]);
});

test('reads the resource from standard input, or does without', () => {
  assert.deepEqual(run(['extension.value', '-'],
    '{"resourceType":"Patient","extension":[{"url":"u","valueDecimal":1.10}]}')
    .items, [{ type: 'decimal', value: '1.10' }]);
  assert.deepEqual(run(['-1 + 3']).items, [{ type: 'integer', value: '2' }]);
});

test('knows the resource before the change', () => {
  const criterion = '(%previous.active = false) and (%current.active)';
  assert.deepEqual(run(['--previous', before, criterion, patient]).items,
    [{ type: 'boolean', value: 'true' }]);
  assert.deepEqual(run([criterion, patient]).items, []);
});

test('refuses with 2 and says where', () => {
  for (const [expression, place] of [['1 +', 'line 1, column 4'],
    ['name.\ngiven1', 'line 2, column 1']]) {
    const { status, stdout, stderr } = run([expression, patient]);
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, new RegExp(place));
  }
  assert.equal(run([]).status, 2);
  assert.equal(run(['--nothing', '1']).status, 2);
});

test('fails with 3 and says where', () => {
  const { status, stdout, stderr } = run(['name.given + 1', patient]);
  assert.equal(status, 3);
  assert.equal(stdout, '');
  assert.match(stderr, /line 1, column 12/);
});

test('a file that cannot be read or is no resource is 1', () => {
  assert.equal(run(['1', path.join(folder, 'nothing.json')]).status, 1);
  assert.equal(run(['1', '-'], '{"a":1,"a":2}').status, 1);
});

test('trace() goes to standard error, and --help tells all', () => {
  const traced = run(["name.given.trace('names').count()", patient]);
  assert.match(traced.stderr, /^trace names: \[\{"type": "string"/);
  assert.deepEqual(traced.items, [{ type: 'integer', value: '1' }]);
  const help = spawnSync(belfry, ['fhirpath', '--help'], { encoding: 'utf8' });
  assert.equal(help.status, 0);
  for (const word of ['EXPRESSION', '--previous', 'Exit status'])
    assert.ok(help.stdout.includes(word));
});
