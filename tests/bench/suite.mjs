// ./dev bench: measures on loopback, prints tables, writes build/bench/NAME.json.
// usage: suite.mjs [--quick] [--rounds N] [--seconds N] [scenario...]
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';

import { hasFloor } from './lib/floor.mjs';
import { show } from './lib/run.mjs';
import { scenarios } from './lib/scenarios.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, rounds: { type: 'string' },
    seconds: { type: 'string' } },
});
const quick = values.quick ?? false;
const plan = {
  rounds: Number(values.rounds ?? (quick ? 1 : 5)),
  seconds: Number(values.seconds ?? (quick ? 2 : 5)),
  rates: [1000, 5000],
  subscribers: quick ? 2000 : 100000,
  counts: quick ? [1000, 20000] : [1000, 100000, 1000000],
  dead: quick ? 100 : 2000,
  stored: quick ? 20000 : 2000000,
  tlsChanges: quick ? 500 : 5000,
};
const names = positionals.length ? positionals : Object.keys(scenarios);
const unknown = names.filter((name) => !scenarios[name]);
if (unknown.length) {
  console.error(`bench: no such scenario: ${unknown.join(', ')}; there are `
    + Object.keys(scenarios).join(', '));
  process.exit(2);
}

function print(name, rows) {
  const width = Math.max(52, ...rows.map(([what]) => what.length + 2));
  console.log(`\n${name}`);
  for (const [what, value, floors, mark] of rows) {
    console.log(`  ${what.padEnd(width)}${show(value).padStart(12)}`
      + (floors === undefined ? ''.padStart(14) : `${show(floors)} floor`.padStart(14))
      + (mark ? `   mark: ${mark}` : ''));
  }
}

mkdirSync('build/bench', { recursive: true });
console.log(`${cpus().length} cores, load ${loadavg()[0].toFixed(1)}`
  + `${hasFloor ? '' : '; the floor program is not here, so there are no ratios'}`);
let failed = false;
for (const name of names) {
  const begun = Date.now();
  try {
    const { rows, figures } = await scenarios[name](plan);
    print(`${name} (${Math.round((Date.now() - begun) / 1000)} s)`, rows);
    writeFileSync(`build/bench/${name}.json`, `${JSON.stringify({
      scenario: name, plan, cores: cpus().length, load: loadavg()[0],
      figures }, null, 2)}\n`);
  } catch (error) {
    failed = true;
    console.error(`\n${name} failed: ${error.message}`);
  }
}
process.exitCode = failed ? 1 : 0;
