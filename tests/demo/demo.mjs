// Plays the story of a prescription in one terminal: a server, four receiving
// systems, five changes, and what each system is told. Stops by itself.
import { Server } from '../e2e/lib/server.mjs';
import { prepare, steps, subscribeAll, systems, untilActive } from '../e2e/lib/story.mjs';

const say = (text = '') => process.stdout.write(`${text}\n`);
const short = (reference) => reference?.replace(/^https?:\/\/[^/]+\/fhir\//, '');

function describe(name, note) {
  const topic = note.topic ? note.topic.split('/').at(-1) : 'topic not told';
  for (const event of note.events) {
    const entry = note.entries.find((e) => e.fullUrl === event.focus);
    const resource = entry?.resource;
    const content = resource ? `${resource.resourceType}, ${resource.status ?? 'no status'}`
      : event.focus ? 'id only' : 'no content';
    say(`      ${name.padEnd(9)} event ${event.number}  ${topic.padEnd(23)} ${(short(event.focus) ?? '-').padEnd(21)} ${content}`);
  }
}

async function play(server) {
  say(`belfry serves ${server.base}`);
  const receivers = await subscribeAll(server);
  await untilActive(server);
  for (const [name, wishes] of Object.entries(systems))
    say(`   ${name.padEnd(9)} subscribed: ${wishes.map((w) => `${w.topic} (${w.content}${w.filters ? `, ${w.filters}` : ''})`).join('; ')}`);
  await prepare(server);
  say('   a patient is registered and a prescription drafted: nobody is told');
  let ok = true;
  for (const step of steps) {
    say(`\n   ${step.what}`);
    const before = Object.fromEntries(Object.entries(receivers).map(([n, r]) => [n, r.got.length]));
    for (const resource of step.send) await server.put(resource);
    for (const name of step.hear)
      await receivers[name].until((r) => r.got.length > before[name]);
    await new Promise((r) => setTimeout(r, 150));
    for (const [name, receiver] of Object.entries(receivers)) {
      const fresh = receiver.got.slice(before[name]);
      fresh.forEach((note) => describe(name, note));
      ok &&= (fresh.length > 0) === step.hear.includes(name);
    }
  }
  const all = Object.values(receivers);
  const bad = all.flatMap((r) => r.bad);
  say(`\n${all.reduce((n, r) => n + r.events.length, 0)} events delivered, ${bad.length} bad signatures`);
  for (const receiver of all) await receiver.stop();
  return ok && bad.length === 0;
}

const server = new Server();
try {
  await server.start();
  const ok = await play(server);
  await server.stop();
  say(ok ? 'The story went as told.' : 'Somebody was told what was not for them, or not told.');
  process.exitCode = ok ? 0 : 1;
} finally {
  if (server.data) await server.remove();
}
