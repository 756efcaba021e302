// A belfry of its own for one measurement: a fresh data folder, a free port.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const BELFRY = 'build/release/belfry';

export async function startServer(...options) {
  const folder = mkdtempSync(join(tmpdir(), 'belfry-bench-'));
  const child = spawn(BELFRY, ['serve', '--dev', '--listen', '127.0.0.1:0',
    '--data', join(folder, 'data'), '--topics', 'profiles/topics',
    '--endpoint-concurrency', '64', '--handshake-delay', '100', ...options],
  { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const line = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (part) => {
      text += part;
      if (text.includes('\n')) resolve(text);
    });
    child.once('exit', (code) => reject(new Error(`belfry ended: ${code}`)));
  });
  const port = Number(/:(\d+)\/fhir/.exec(line)[1]);
  return {
    port,
    pid: child.pid,
    data: join(folder, 'data', 'data.mdb'),
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// User and system time so far, in microseconds.
export function cpuUs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10000;
}

export function rssMb(pid) {
  const status = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/Anonymous:\s+(\d+)/.exec(status)[1]) / 1024;
}
