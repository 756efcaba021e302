// The gap proof as a receiver checks it, written after server/gap-proof.md.
import { createHash, createHmac } from 'node:crypto';

const part = (p, name) => p?.part.find((x) => x.name === name);

export class Proof {
  constructor(secret, id) {
    this.key = Buffer.from(secret.replace('whsec_', ''), 'base64');
    this.id = id;
    this.begin(0);
  }

  #mac(text) {
    return createHmac('sha256', this.key).update(text).digest().subarray(0, 16);
  }

  begin(since) {
    this.since = since;
    this.number = since;
    this.value = this.#mac(`belfry-chain-start\n${this.id}\n${since}`);
  }

  digest(number, focus, version) {
    return this.#mac(`belfry-chain-event\n${this.id}\n${number}\n${focus}\n${version}`);
  }

  // Takes a bundle's events; returns what the told chain says of them.
  take(bundle) {
    const list = bundle.entry[0].resource.parameter;
    for (const event of list.filter((p) => p.name === 'notification-event')) {
      const number = Number(part(event, 'event-number').valueString);
      if (number <= this.number) continue;
      if (number > this.number + 1) return `missing ${this.number + 1}`;
      const focus = part(event, 'focus')?.valueReference.reference.split('/').slice(-2).join('/');
      const digest = focus
        ? this.digest(number, focus, part(event, 'focus-version').valueId)
        : Buffer.from(part(event, 'event-digest').valueString, 'hex');
      this.value = createHash('sha256').update(this.value).update(digest).digest().subarray(0, 16);
      this.number = number;
    }
    return this.judge(list.find((p) => p.name === 'event-chain'));
  }

  judge(chain) {
    if (!chain) return 'not told';
    if (Number(part(chain, 'since').valueString) !== this.since) return 'another since';
    const number = Number(part(chain, 'event-number').valueString);
    if (number > this.number) return 'more to come';
    if (number < this.number) return 'older';
    return part(chain, 'value').valueString === this.value.toString('hex') ? 'proved' : 'differs';
  }
}
