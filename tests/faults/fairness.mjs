// Prints how the healthy half of the endpoints fares; `./dev fairness`.
import { fairness } from './lib/fairness.mjs';

const changes = Number(process.argv[2] ?? 1000);
const topics = new URL('./topics', import.meta.url).pathname;

console.log('healthy half of 16 endpoints, without faults and with the other half dead or slow');
for (let round = 0; round < 3; round++) {
  const { without, during } = await fairness({ changes, topics });
  for (const [name, r] of [['without', without], ['during', during]])
    console.log(`${name.padEnd(8)} p50 ${r.p50.toFixed(1)} ms  p99 ${r.p99.toFixed(1)} ms  ${r.perSecond.toFixed(0)} notifications/s`);
  console.log(`ratio    p99 ${(during.p99 / without.p99).toFixed(2)}  throughput ${(during.perSecond / without.perSecond).toFixed(2)}`);
}
