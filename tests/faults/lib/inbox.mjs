// A receiver that judges what it gets: per subscription, numbers go up without
// a gap, and a number always tells the same change.
import { Receiver } from '../../e2e/lib/receiver.mjs';

export class Inbox extends Receiver {
  constructor(options) {
    super(options);
    this.streams = new Map(); // subscription -> { next, told: Map, arrived: Set }
    this.wrong = [];
    this.repeated = 0;
    // now and then an attempt fails
    this.failing = 0;
    this.answer = (note) => this.#take(note);
  }

  stream(name) {
    if (!this.streams.has(name)) this.streams.set(name, { highest: 0, told: new Map(), arrived: new Set() });
    return this.streams.get(name);
  }

  #take(note) {
    const status = Math.random() < this.failing ? 503 : 200;
    const parameters = note.bundle.entry[0].resource.parameter;
    const name = parameters.find((p) => p.name === 'subscription').valueReference.reference.split('/').at(-1);
    const stream = this.stream(name);
    const events = parameters.filter((p) => p.name === 'notification-event').map((e) => {
      const part = (wanted) => e.part.find((p) => p.name === wanted);
      return {
        number: Number(part('event-number').valueString),
        focus: part('focus').valueReference.reference.split('/').slice(-2).join('/'),
        version: part('focus-version').valueId,
        timestamp: part('timestamp').valueInstant,
      };
    });
    if (events.length && events[0].number > stream.highest + 1)
      this.wrong.push(`${name}: event ${events[0].number} came after ${stream.highest}`);
    events.forEach((event, i) => {
      if (event.number !== events[0].number + i) this.wrong.push(`${name}: a batch of ${events.map((e) => e.number)}`);
      this.#judge(name, stream, event, status === 200);
    });
    return status;
  }

  #judge(name, stream, { number, focus, version, timestamp }, accepted) {
    const told = `${focus} ${version}`;
    const before = stream.told.get(number);
    if (before !== undefined && before !== `${told} ${timestamp}`)
      this.wrong.push(`${name}: event ${number} was ${before}, is ${told} ${timestamp}`);
    stream.told.set(number, `${told} ${timestamp}`);
    if (!accepted) return;
    if (stream.arrived.has(told)) this.repeated++;
    stream.highest = Math.max(stream.highest, number);
    stream.arrived.add(told);
  }

  // The stream tells each of the changes, once, and nothing else.
  judgeComplete(name, changes) {
    const stream = this.stream(name);
    const lost = [...changes].filter((c) => !stream.arrived.has(c));
    const strange = [...stream.arrived].filter((c) => !changes.has(c));
    return { lost, strange, numbers: stream.highest, extra: stream.highest - changes.size };
  }

  async untilAll(name, changes, ms) {
    await this.until(() => [...changes].every((c) => this.stream(name).arrived.has(c)), ms)
      .catch(() => { throw new Error(`${name} lacks ${this.judgeComplete(name, changes).lost.slice(0, 5).join(', ')}`); });
  }
}
