// Runs a sub-command to its end: { code, signal, out, err }. It starts in the
// repository, where it finds the topics by itself.
import { spawn } from 'node:child_process';
import { binary, root, topics } from './server.mjs';

function run(args, ready) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const result = { out: '', err: '' };
    child.stdout.on('data', (d) => {
      result.out += d;
      if (ready?.test(result.out)) {
        result.ready = true;
        child.kill('SIGKILL');
      }
    });
    child.stderr.on('data', (d) => { result.err += d; });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ ...result, code, signal }));
  });
}

export const belfry = (...args) => run(args);

// A server that is killed once it is ready; `ready` says whether it came so far.
export const serveUntilReady = (...args) => run(['serve', '--dev', '--listen', '127.0.0.1:0',
  '--topics', topics, ...args], /listening on/);
