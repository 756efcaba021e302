// What is measured. Each scenario returns rows for the table, [what, figure,
// the floor's, mark], and its figures for the JSON.
import { statSync } from 'node:fs';
import http from 'node:http';

import { floor, hasFloor } from './floor.mjs';
import { figures, median, medians, ratio, run, show } from './run.mjs';
import { cpuUs, rssMb, startServer } from './server.mjs';
import { tls as measureTls } from './tls.mjs';

const TOOLS = 'build/release/tests';
const RESOURCE = 'tests/bench/prescription.json';
const CONNECTIONS = 64;

async function load(server, seconds, rate, ...options) {
  return figures(await run(`${TOOLS}/bench_load`, [server.port, server.pid,
    CONNECTIONS, seconds, rate, RESOURCE, ...options]));
}

async function freshLoad(seconds, rate, ...options) {
  const server = await startServer();
  try {
    const result = await load(server, seconds, rate, ...options);
    result.data_bytes = statSync(server.data).blocks * 512;
    return result;
  } finally {
    await server.stop();
  }
}

// belfry and the floor in turn, so that the machine's moods meet both.
async function interleaved(rounds, seconds, rate) {
  const mine = [];
  const theirs = [];
  for (let i = 0; i < rounds; i++) {
    mine.push(await freshLoad(seconds, rate));
    if (hasFloor) theirs.push(await floor(CONNECTIONS, seconds, rate));
  }
  return [medians(mine), medians(theirs)];
}

async function ingest({ rounds, seconds }) {
  const [mine, theirs] = await interleaved(rounds, seconds, 0);
  const share = ratio(mine.delivered_per_s, theirs.delivered_per_s);
  const perChange = mine.data_bytes / mine.accepted;
  return {
    rows: [
      ['changes accepted a second', mine.accepted_per_s],
      ['accepted and notified once each, a second', mine.delivered_per_s,
        theirs.delivered_per_s],
      ['  ratio to the floor', share, undefined, 'at least 0.5'],
      ['server CPU a change, us', mine.cpu_us_per_change,
        theirs.cpu_us_per_change, 'at most 100'],
      ['request to answer p50, us', mine.in_p50_us],
      ['request to answer p99, us', mine.in_p99_us],
      ['data file a change, bytes (with pages to reuse)', perChange],
    ],
    figures: { belfry: mine, floor: theirs, ratio: share },
  };
}

async function latency({ rounds, seconds, rates }) {
  const rows = [];
  const all = {};
  for (const rate of rates) {
    const [mine, theirs] = await interleaved(rounds, seconds, rate);
    rows.push(
      [`at ${rate}/s: due to notified p50, us`, mine.e2e_p50_us,
        theirs.e2e_p50_us],
      ['  ratio', ratio(mine.e2e_p50_us, theirs.e2e_p50_us), undefined,
        'at most 1.5'],
      [`at ${rate}/s: due to notified p99, us`, mine.e2e_p99_us,
        theirs.e2e_p99_us],
      ['  ratio', ratio(mine.e2e_p99_us, theirs.e2e_p99_us), undefined,
        'at most 2'],
    );
    all[rate] = { belfry: mine, floor: theirs };
  }
  return { rows, figures: all };
}

async function fanout({ subscribers }) {
  const server = await startServer();
  try {
    const result = await load(server, 1, 1, `fanout=${subscribers}`);
    return {
      rows: [
        [`one change to ${show(subscribers)}: numbered and committed, s`,
          result.committed_s, undefined, 'under 1 (of 100,000)'],
        ['  delivered, s', result.delivered_s],
        ['  delivered a second', result.delivered_per_s],
      ],
      figures: result,
    };
  } finally {
    await server.stop();
  }
}

async function subscriptions({ counts }) {
  const rows = [];
  const all = {};
  for (const count of counts) {
    const result = figures(await run(`${TOOLS}/bench_subscriptions`, [count]));
    all[count] = result;
    rows.push(
      [`${show(count)} by patient: matching a change, us`, result.match_us],
      ['  memory each, bytes', result.bytes_per_subscription, undefined,
        count >= 1000000 ? 'at most 300' : ''],
      ['  start, s', result.start_s, undefined,
        count >= 1000000 ? 'under 10' : ''],
    );
  }
  /* each threshold is a compiled filter of its own: a million take 1.3 GB */
  for (const count of counts.filter((n) => n <= 100000)) {
    const result = figures(
      await run(`${TOOLS}/bench_subscriptions`, [count, 'range']));
    all[`${count} ranges`] = result;
    rows.push(
      [`${show(count)} by a threshold: matching a change, us`, result.match_us],
      ['  subscriptions looked at, of which 3 match', result.looked_at],
      ['  memory each, bytes', result.bytes_per_subscription],
    );
  }
  return { rows, figures: all };
}

async function dead({ rounds, seconds, dead: count }) {
  const healthy = [];
  const mixed = [];
  for (let i = 0; i < rounds; i++) {
    healthy.push(await freshLoad(seconds, 1000));
    mixed.push(await freshLoad(seconds, 1000, `dead=${count}`));
  }
  const [alone, among] = [medians(healthy), medians(mixed)];
  return {
    rows: [
      ['at 1000/s: due to notified p99, all healthy, us', alone.e2e_p99_us],
      [`  with ${count} dead endpoints besides`, among.e2e_p99_us],
      ['  ratio', ratio(among.e2e_p99_us, alone.e2e_p99_us), undefined,
        'at most 2'],
    ],
    figures: { alone, among },
  };
}

async function memory({ seconds }) {
  const server = await startServer();
  try {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const idle = rssMb(server.pid);
    await load(server, seconds, 2000);
    const first = rssMb(server.pid);
    await load(server, seconds, 2000);
    const second = rssMb(server.pid);
    return {
      rows: [
        ['own memory when idle, MB', idle, undefined, 'at most 20'],
        [`  after ${seconds} s of 2000/s, MB`, first],
        [`  after ${seconds} s more, MB`, second, undefined, 'no growth'],
      ],
      figures: { idle, first, second },
    };
  } finally {
    await server.stop();
  }
}

async function growth({ stored }) {
  const result = figures(await run(`${TOOLS}/bench_growth`,
    [RESOURCE, stored]));
  const times = ratio(result.last_us, result.first_us);
  return {
    rows: [
      ['writer CPU a change onto the first 10 %, us', result.first_us],
      [`  onto the last 10 % of ${show(stored)} stored, us`, result.last_us],
      ['  ratio', times, undefined, 'at most 1.5'],
      ['data file a stored resource, bytes', result.file_bytes / stored],
    ],
    figures: result,
  };
}

function get(agent, port, path) {
  return new Promise((resolve, reject) => {
    http.get({ host: '127.0.0.1', port, path, agent }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode));
    }).once('error', reject);
  });
}

async function timeSearch(server, query) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const times = [];
  let status;
  const before = cpuUs(server.pid);
  for (let i = 0; i < 500; i++) {
    const begin = process.hrtime.bigint();
    status = await get(agent, server.port, `/fhir/MedicationRequest?${query}`);
    times.push(Number(process.hrtime.bigint() - begin) / 1000);
  }
  agent.destroy();
  return { status, p50_us: median(times),
    cpu_us: (cpuUs(server.pid) - before) / times.length };
}

async function search({ seconds }) {
  const server = await startServer();
  const rows = [];
  const all = {};
  try {
    const stored = (await load(server, seconds, 0)).accepted;
    for (const query of ['_id=none', 'patient=Patient/p1&_count=20',
      'status=active&_count=20']) {
      const result = await timeSearch(server, query);
      all[query] = result;
      rows.push([`${query} of ${show(stored)}: p50, us`,
        result.status === 200 ? result.p50_us : `answered ${result.status}`]);
      rows.push(['  server CPU a search, us', result.cpu_us]);
    }
  } finally {
    await server.stop();
  }
  return { rows, figures: all };
}

async function tls({ tlsChanges }) {
  const result = await measureTls(tlsChanges);
  return {
    rows: [
      ['server CPU a change, plain in and out, us',
        result.plain_cpu_us_per_change],
      ['  TLS in and out', result.tls_cpu_us_per_change],
    ],
    figures: result,
  };
}

export const scenarios = { ingest, latency, fanout, subscriptions, dead,
  memory, growth, search, tls };
