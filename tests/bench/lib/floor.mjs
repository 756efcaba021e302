// The floor program, where it lies beside the project.
import { existsSync } from 'node:fs';

import { figures, run } from './run.mjs';

const FLOOR = '../shared/bench/run';

export const hasFloor = existsSync(FLOOR);

// Its figures under the names that bench_load uses. Its latency starts when it
// has accepted, belfry's when the request was due: belfry's is the longer way.
async function measure(connections, seconds, rate) {
  const part = { load: {}, floor: {}, sink: {} };
  for (const line of (await run(FLOOR, [connections, seconds, rate]))
    .split('\n')) {
    const [, name, rest] = /^(load|floor|sink): (.*)$/.exec(line) ?? [];
    if (name) part[name] = figures(rest);
  }
  return {
    delivered_per_s: part.floor.del / seconds,
    e2e_p50_us: part.sink.p50_us,
    e2e_p99_us: part.sink.p99_us,
    cpu_us_per_change: part.floor.cpu_us / part.floor.del,
  };
}

// On a busy machine its programs are asked before they have written.
export async function floor(connections, seconds, rate) {
  for (let tries = 0; tries < 3; tries++) {
    const result = await measure(connections, seconds, rate);
    if (Object.values(result).every(Number.isFinite)) return result;
  }
  throw new Error('the floor program told no figures');
}
