// Programs that print key=value, and what is done with their figures.
import { spawn } from 'node:child_process';

// Everything it printed. An exit status other than 0 is an error.
export function run(program, args, environment = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args.map(String), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (part) => { out += part; });
    child.stderr.on('data', (part) => { err += part; });
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve(out)
      : reject(new Error(`${program}: exit ${code}\n${out}${err}`))));
  });
}

export function figures(text) {
  const found = {};
  for (const [, key, value] of text.matchAll(/(\w+)=([0-9.]+)/g)) {
    found[key] = Number(value);
  }
  return found;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[(sorted.length - 1) >> 1] : undefined;
}

// The median of each figure over the rounds.
export function medians(rounds) {
  const result = {};
  for (const key of Object.keys(rounds[0] ?? {})) {
    result[key] = median(rounds.map((round) => round[key]));
  }
  return result;
}

export const ratio = (a, b) => (b > 0 ? a / b : undefined);

export function show(value) {
  if (value === undefined || Number.isNaN(value)) return '-';
  if (typeof value !== 'number') return String(value);
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0)
    : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
