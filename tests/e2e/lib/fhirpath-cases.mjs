// FHIRPath expressions and resources made from a seed. What is made is typed,
// so that most expressions mean something; some ask for what cannot be.

// mulberry32
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6D2B79F5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const WORDS = ['Ada', 'ada', 'Byron', 'Ångström', '', 'a b', '-', 'x1', '12',
  '1.50', 'true', 'Lovelace'];
const DATES = ['1974', '1974-12', '1974-12-25', '1980-02-29', '2024-01-01'];
const INSTANTS = ['2024-01-01T10:00:00Z', '2024-01-01T12:00:00+02:00',
  '2023-06-30T23:59:59.999Z', '1974-12-25T14:35:45-05:00'];
const UNITS = ['mg', 'g', 'kg', 'cm', 'm', '[lb_av]', '[in_i]'];

class Maker {
  constructor(seed) {
    this.next = random(seed);
  }

  below(n) { return Math.floor(this.next() * n); }

  pick(list) { return list[this.below(list.length)]; }

  maybe(share = 0.5) { return this.next() < share; }

  some(most, make) {
    return Array.from({ length: this.below(most + 1) }, () => make());
  }

  // --- resources ---

  put(object, name, make, share = 0.9) {
    if (!this.maybe(share)) return;
    const value = make();
    if (!Array.isArray(value) || value.length > 0) object[name] = value;
  }

  word() { return this.pick(WORDS.filter((w) => w !== '')); }

  humanName() {
    const name = { use: this.pick(['official', 'usual', 'maiden']) };
    this.put(name, 'family', () => this.word());
    this.put(name, 'given', () => this.some(3, () => this.word()));
    this.put(name, 'period', () => ({ start: this.pick(DATES) }), 0.4);
    return name;
  }

  patient() {
    const p = { resourceType: 'Patient', id: `p${this.below(9)}` };
    this.put(p, 'active', () => this.maybe());
    this.put(p, 'name', () => this.some(3, () => this.humanName()));
    this.put(p, 'telecom', () => this.some(3, () => ({
      system: this.pick(['phone', 'email']), value: this.word(),
      rank: 1 + this.below(3) })));
    this.put(p, 'gender', () => this.pick(['male', 'female', 'other']));
    this.put(p, 'birthDate', () => this.pick(DATES));
    this.put(p, 'multipleBirthInteger', () => this.below(4), 0.4);
    this.put(p, 'extension', () => [{ url: 'http://example.com/e',
      valueDecimal: this.pick([0.5, 1.25, 3]) }], 0.4);
    return p;
  }

  quantity() {
    const code = this.pick(UNITS);
    return { value: this.pick([0, 1, 2.5, 70, 185, 1000]), unit: code,
      system: 'http://unitsofmeasure.org', code };
  }

  observation() {
    const o = { resourceType: 'Observation', id: `o${this.below(9)}`,
      status: this.pick(['final', 'amended']),
      code: { coding: [{ system: 'http://loinc.org', code: this.word() }] } };
    this.put(o, 'effectiveDateTime', () => this.pick([...DATES, ...INSTANTS]));
    this.put(o, 'issued', () => this.pick(INSTANTS));
    const value = this.pick([['valueQuantity', () => this.quantity()],
      ['valueString', () => this.word()], ['valueInteger', () => this.below(9)],
      ['valueBoolean', () => this.maybe()]]);
    this.put(o, value[0], value[1], 0.9);
    this.put(o, 'component', () => this.some(3, () => ({
      code: { text: this.word() }, valueQuantity: this.quantity() })));
    return o;
  }

  resource() {
    return this.maybe(0.6) ? this.patient() : this.observation();
  }

  // --- expressions; d is how deep they may still go ---

  literalText(text) {
    return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  }

  strings(type) {
    return this.pick(type === 'Patient'
      ? ['name.given', 'name.family', 'telecom.value', 'gender', 'name.use', 'id']
      : ['status', 'code.coding.code', 'component.code.text', 'id',
        'value.ofType(string)']);
  }

  string(type, d) {
    if (d <= 0)
      return this.maybe() ? this.literalText(this.pick(WORDS))
        : `${this.strings(type)}${this.maybe(0.9) ? '.first()' : ''}`;
    const s = () => this.string(type, d - 1);
    return this.pick([
      () => `(${s()} & ${s()})`, () => `(${s()} + ${s()})`,
      () => `${s()}.upper()`, () => `${s()}.lower()`,
      () => `${s()}.substring(${this.below(4)})`,
      () => `${s()}.substring(${this.below(4)}, ${this.below(4)})`,
      () => `${s()}.replace(${this.literalText(this.word())}, 'z')`,
      () => `${s()}.replaceMatches('[a-c]+', 'z')`,
      () => `${s()}.trim()`, () => `${this.integer(type, d - 1)}.toString()`,
      () => `${this.collection(type, d - 1)}.first().toString()`,
      () => `${this.strings(type)}.join(',')`,
      () => `${s()}.toChars().last()`, () => `${s()}.split('a').first()`,
      () => `${s()}.encode('base64')`, () => `${s()}.escape('html')`,
      () => `iif(${this.boolean(type, d - 1)}, ${s()}, ${s()})`,
    ])();
  }

  integer(type, d) {
    if (d <= 0)
      return this.pick([`${this.below(12)}`, `(-${this.below(12)})`,
        `${this.strings(type)}.count()`,
        type === 'Patient' ? 'multipleBirth.ofType(integer)' : 'value.ofType(integer)']);
    const i = () => this.integer(type, d - 1);
    return this.pick([
      () => `(${i()} + ${i()})`, () => `(${i()} - ${i()})`,
      () => `(${i()} * ${i()})`, () => `(${i()} div ${i()})`,
      () => `(${i()} mod ${i()})`, () => `${i()}.abs()`,
      () => `${this.string(type, d - 1)}.length()`,
      () => `${this.string(type, d - 1)}.indexOf('a')`,
      () => `${this.collection(type, d - 1)}.count()`,
      () => `${this.string(type, d - 1)}.toInteger()`,
      () => `${this.decimal(type, d - 1)}.floor()`,
      () => `${this.decimal(type, d - 1)}.ceiling()`,
      () => `${this.decimal(type, d - 1)}.truncate()`,
      () => `(${i()} | ${i()} | 3).aggregate($this + $total, 0)`,
    ])();
  }

  decimal(type, d) {
    if (d <= 0)
      return this.pick(['0.5', '1.25', '(-2.75)', '3.0', '100.0',
        type === 'Patient' ? 'extension.value.ofType(decimal).first()'
          : 'component.value.ofType(Quantity).value.first()']);
    const n = () => this.decimal(type, d - 1);
    return this.pick([
      () => `(${n()} + ${n()})`, () => `(${n()} - ${n()})`,
      () => `(${n()} * ${n()})`, () => `(${this.integer(type, d - 1)} / 4)`,
      () => `${n()}.abs()`, () => `${n()}.round(${this.below(3)})`,
      () => `${this.integer(type, d - 1)}.toDecimal()`,
      () => `${n()}.power(2)`, () => `${n()}.sqrt().round(4)`,
      () => `${this.string(type, d - 1)}.toDecimal()`,
    ])();
  }

  date(type) {
    return this.pick([
      () => `@${this.pick(DATES)}`, () => `@${this.pick(INSTANTS)}`,
      () => (type === 'Patient' ? 'birthDate' : 'issued'),
      () => (type === 'Patient' ? 'name.period.start.first()'
        : 'effective.ofType(dateTime)'),
      () => `(@${this.pick(DATES)} + ${1 + this.below(40)} ${this.pick(
        ['days', 'months', 'years', 'weeks'])})`,
      () => `(@${this.pick(INSTANTS)} - ${1 + this.below(40)} ${this.pick(
        ['hours', 'minutes', 'days', 'seconds'])})`,
    ])();
  }

  measure(type) {
    return this.pick([
      () => `${this.below(9)} '${this.pick(UNITS)}'`,
      () => `${this.below(9)} ${this.pick(['days', 'weeks', 'hours'])}`,
      () => (type === 'Patient' ? "1.5 'g'" : 'value.ofType(Quantity)'),
      () => (type === 'Patient' ? "(2 'cm' + 1 'm')"
        : 'component.value.ofType(Quantity).first()'),
    ])();
  }

  boolean(type, d) {
    if (d <= 0)
      return this.pick(['true', 'false', `${this.strings(type)}.exists()`,
        type === 'Patient' ? 'active' : 'value.ofType(boolean)', '{}']);
    const b = () => this.boolean(type, d - 1);
    const s = () => this.string(type, d - 1);
    const i = () => this.integer(type, d - 1);
    const c = () => this.collection(type, d - 1);
    const order = this.pick(['<', '<=', '>', '>=', '=', '!=']);
    const equal = this.pick(['=', '!=', '~', '!~']);
    return this.pick([
      () => `(${b()} ${this.pick(['and', 'or', 'xor', 'implies'])} ${b()})`,
      () => `${b()}.not()`, () => `(${i()} ${order} ${i()})`,
      () => `(${s()} ${order} ${s()})`, () => `(${s()} ${equal} ${s()})`,
      () => `(${this.decimal(type, d - 1)} ${order} ${i()})`,
      () => `(${this.date(type)} ${order} ${this.date(type)})`,
      () => `(${this.measure(type)} ${order} ${this.measure(type)})`,
      () => `(${c()} ${equal} ${c()})`, () => `(${s()} in ${c()})`,
      () => `(${c()} contains ${s()})`, () => `${c()}.empty()`,
      () => `${c()}.isDistinct()`, () => `${c()}.subsetOf(${c()})`,
      () => `${c()}.all($this.toString().length() > ${this.below(4)})`,
      () => `${s()}.startsWith(${s()})`, () => `${s()}.contains(${s()})`,
      () => `${s()}.matches('^[A-Z]')`, () => `${s()}.convertsToInteger()`,
      () => `${s()}.convertsToDecimal()`, () => `${s()}.convertsToBoolean()`,
      () => `(${c()}.first() is ${this.pick(['string', 'code', 'HumanName'])})`,
    ])();
  }

  collection(type, d) {
    if (d <= 0)
      return this.maybe(0.7) ? this.strings(type)
        : this.pick(['{}', '(1 | 2 | 3)', "('Ada' | 'x1')"]);
    const c = () => this.collection(type, d - 1);
    return this.pick([
      () => `(${c()} | ${c()})`, () => `${c()}.union(${c()})`,
      () => `${c()}.combine(${c()})`, () => `${c()}.intersect(${c()})`,
      () => `${c()}.exclude(${c()})`, () => `${c()}.distinct()`,
      () => `${c()}.skip(${this.below(3)})`, () => `${c()}.tail()`,
      () => `${c()}.take(${this.below(3)})`, () => `${c()}[${this.below(3)}]`,
      () => `${c()}.where($this.toString().length() > ${this.below(5)})`,
      () => `${c()}.select($this.toString() & '!')`,
      () => `${c()}.where($index > 0)`,
      () => `${c()}.ofType(${this.pick(['string', 'code', 'integer'])})`,
      () => (type === 'Patient' ? `name.where(use = 'official').given`
        : 'component.value.ofType(Quantity).unit'),
      () => (type === 'Patient' ? 'name.select(given | family)'
        : 'component.select(code.text)'),
    ])();
  }

  expression(type) {
    const d = 1 + this.below(3);
    return this.pick([() => this.boolean(type, d), () => this.string(type, d),
      () => this.integer(type, d), () => this.decimal(type, d),
      () => this.collection(type, d), () => this.boolean(type, d)])();
  }
}

// count cases: { resource, expression }
export function makeCases(seed, count) {
  const maker = new Maker(seed);
  return Array.from({ length: count }, () => {
    const resource = maker.resource();
    return { resource, expression: maker.expression(resource.resourceType) };
  });
}
