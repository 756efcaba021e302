// Writes elements.inc, members.inc, summary.inc and value-sets.inc beside this
// file.
//
//   node generate-model.mjs DEFINITIONS
//
// DEFINITIONS is the folder with HL7's R4 definitions as XML; README.md says
// where it comes from.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { readBundle } from './definitions.mjs';
import { ValueSets, canonicalUrl } from './value-sets.mjs';

const FHIR_VERSION = '4.0.1';
const STRUCTURES = 'http://hl7.org/fhir/StructureDefinition/';
const FHIR_TYPE = `${STRUCTURES}structuredefinition-fhir-type`;
const LINE_BYTES = 78;

const here = path.dirname(fileURLToPath(import.meta.url));

function byteOrder(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

function identifier(name) {
  return name.replace(/\W/g, '_');
}

function capitalised(text) {
  return text[0].toUpperCase() + text.slice(1);
}

function tail(url) {
  return url.slice(url.lastIndexOf('/') + 1);
}

// --- reading ---

const KINDS = {
  'complex-type': 'COMPLEX',
  'primitive-type': 'PRIMITIVE',
  resource: 'RESOURCE',
};

function isType(definition) {
  return definition.name === 'StructureDefinition' &&
    definition.value('fhirVersion') === FHIR_VERSION &&
    definition.value('derivation') !== 'constraint' &&
    KINDS[definition.value('kind')];
}

function typeCode(type, element) {
  const code = type.value('code');
  if (!code.startsWith('http://hl7.org/fhirpath/'))
    return code;
  // R4's definitions call it a string, R4's text an id (resource.html#id)
  if (element === 'Resource.id')
    return 'id';
  return type.extension(FHIR_TYPE) ?? type.one('code').extension(FHIR_TYPE);
}

function targetsOf(type) {
  const names = type.values('targetProfile')
    .map((url) => url.slice(STRUCTURES.length));
  const any = names.length === 0 || names.includes('Resource');
  return any ? '*' : names.sort(byteOrder).join(' ');
}

function typesOf(element, elementPath) {
  const reference = element.value('contentReference');
  if (reference)
    return [{ name: reference.replace(/^.*#/, '') }];
  return element.all('type').map((type) => {
    const name = typeCode(type, elementPath);
    if (name === 'BackboneElement' || name === 'Element')
      return { name: elementPath };
    const refers = name === 'Reference' || name === 'canonical';
    return { name, targets: refers ? targetsOf(type) : undefined,
      simple: type.value('profile') === `${STRUCTURES}SimpleQuantity` };
  });
}

function bindingOf(element) {
  const binding = element.one('binding');
  return binding?.value('strength') === 'required'
    ? canonicalUrl(binding.value('valueSet')) : undefined;
}

function readElement(element) {
  const elementPath = element.value('path');
  const name = elementPath.slice(elementPath.lastIndexOf('.') + 1);
  return {
    name: name.replace('[x]', ''),
    choice: name.endsWith('[x]'),
    min: element.value('min'),
    max: element.value('max'),
    types: typesOf(element, elementPath),
    valueSet: bindingOf(element),
    summary: element.value('isSummary') === 'true',
  };
}

// The type itself and its backbone elements, each with the elements that its
// base does not have.
function readTypes(definition) {
  const types = new Map();
  const elements = definition.one('snapshot').all('element');
  const root = definition.value('type');
  const base = definition.value('baseDefinition');
  types.set(root, { name: root, kind: KINDS[definition.value('kind')],
    base: base && tail(base), elements: [] });
  for (const element of elements.slice(1)) {
    const elementPath = element.value('path');
    const parent = elementPath.slice(0, elementPath.lastIndexOf('.'));
    const [type] = element.all('type');
    if (['BackboneElement', 'Element'].includes(type?.value('code')))
      types.set(elementPath, { name: elementPath, kind: 'BACKBONE',
        base: type.value('code'), elements: [] });
    types.get(parent).elements.push(readElement(element));
  }
  return [...types.values()];
}

function removeInherited(types) {
  const inherited = (type) => {
    const base = types.get(type.base);
    return base ? [...base.names, ...inherited(base)] : [];
  };
  for (const type of types.values())
    type.names = type.elements.map((element) => element.name);
  for (const type of types.values()) {
    const names = new Set(inherited(type));
    const primitive = type.kind === 'PRIMITIVE';
    type.elements = type.elements.filter((element) => !names.has(element.name) &&
      // the value of a primitive is the JSON value itself
      !(primitive && element.name === 'value'));
  }
}

function loadTypes(folder) {
  const types = ['profiles-types.xml', 'profiles-resources.xml']
    .flatMap((file) => readBundle(path.join(folder, 'profile', file)))
    .filter(isType)
    .flatMap(readTypes);
  const byName = new Map(types.map((type) => [type.name, type]));
  removeInherited(byName);
  return [...byName.values()].sort((a, b) => byteOrder(a.name, b.name));
}

// --- members: the names of JSON objects ---

function membersOf(type) {
  const members = [];
  type.elements.forEach((element, index) => {
    members.push({ name: element.name, index,
      type: element.choice ? 'NONE' : element.types[0].name });
    if (element.choice)
      for (const { name } of element.types)
        members.push({ name: element.name + capitalised(name), index,
          type: name });
  });
  return members.sort((a, b) => byteOrder(a.name, b.name));
}

// --- writing ---

function wrapped(row) {
  const lines = [];
  let line = '';
  for (const word of row.split(/(?<=,) /)) {
    if (line && line.length + 1 + word.length > LINE_BYTES) {
      lines.push(line);
      line = `    ${word}`;
    } else
      line = line ? `${line} ${word}` : word;
  }
  return lines.concat(line).join('\n');
}

function quoted(text) {
  return JSON.stringify(text);
}

function elementRow(element) {
  const types = element.types.map(({ name, targets, simple }) => {
    if (simple)
      return 'TYPE_SIMPLE(Quantity)';
    return targets === undefined ? `TYPE(${identifier(name)})`
      : `TYPE_TO(${identifier(name)}, ${quoted(targets)})`;
  });
  return wrapped(`MODEL_${element.choice ? 'CHOICE' : 'ELEMENT'}(` + [
    quoted(element.name),
    element.min,
    element.max === '1' ? 'ONE' : 'MANY',
    element.valueSet ? identifier(tail(element.valueSet)) : 'NONE',
    ...types,
  ].join(', ') + ')');
}

function write(name, head, lines) {
  writeFileSync(path.join(here, name), [
    `/* Generated by generate-model.mjs from HL7's FHIR R4 ${FHIR_VERSION}.`,
    ...head.map((line) => line ? ` * ${line}` : ' *'),
    ' */',
    ...lines,
    '',
  ].join('\n'));
}

function writeElements(types) {
  const lines = [];
  let element = 0, member = 0;
  for (const type of types) {
    const members = membersOf(type).length;
    lines.push(wrapped(`MODEL_TYPE(${[identifier(type.name), quoted(type.name),
      type.kind, type.base ?? 'NONE', element, type.elements.length,
      type.elements.filter(({ min }) => min !== '0').length, member,
      members].join(', ')})`));
    lines.push(...type.elements.map(elementRow));
    element += type.elements.length;
    member += members;
  }
  write('elements.inc', [
    `${types.length} types with ${element} elements of their own.`,
    '',
    'MODEL_TYPE(id, name, kind, base, first element, elements, elements with',
    '           min 1, first member, members)',
    'MODEL_ELEMENT(name, min, max, required value set, types...)',
    'MODEL_CHOICE(the same): the JSON name has a type behind it.',
    '',
    'TYPE_SIMPLE(Quantity) is the profile SimpleQuantity.',
    '',
    'Types are in byte order, elements in the order of the definition. The',
    'targets of a reference are separated by spaces, "*" is any. Members are',
    'the rows of members.inc.',
  ], lines);
}

function writeMembers(types) {
  const lines = types.flatMap((type) => {
    const members = membersOf(type);
    const head = members.length > 0 ? [`/* ${type.name} */`] : [];
    return head.concat(members.map((m) =>
      `MODEL_MEMBER(${quoted(m.name)}, ${m.index}, ${identifier(m.type)})`));
  });
  write('members.inc', [
    'The names that the JSON objects of a type have, in byte order.',
    '',
    'MODEL_MEMBER(name, index of the element in its type, type)',
    'The type NONE marks the FHIR name of a choice, which JSON does not have.',
  ], lines);
}

// Data types are shown whole or not at all.
function writeSummary(types) {
  const rows = types.filter(({ kind }) => kind === 'RESOURCE' || kind === 'BACKBONE')
    .map(({ name, elements }) => ({ name,
      names: elements.filter((e) => e.summary).map((e) => e.name) }))
    .filter(({ names }) => names.length > 0)
    .map(({ name, names }) =>
      `MODEL_SUMMARY(${identifier(name)}, ${quoted(names.join(' '))})`);
  write('summary.inc', [
    'What a summary shows (R4 search.html#summary): the elements of resources',
    'and of their parts that are marked isSummary, inherited ones not included.',
    '',
    'MODEL_SUMMARY(type, names with spaces between)',
  ], rows);
}

function valueSetRows(types, valueSets) {
  const urls = new Set(types.flatMap((type) => type.elements)
    .map((element) => element.valueSet).filter(Boolean));
  return [...urls].sort(byteOrder).map((url) => {
    const codes = valueSets.expand(url);
    const head = `${identifier(tail(url))}, ${quoted(url)}`;
    if (!codes)
      return wrapped(`MODEL_VALUE_SET_OPEN(${head})`);
    const systems = [...codes].filter(([, set]) => set.size > 0)
      .map(([system, set]) => `CODES(${[system, ...[...set].sort(byteOrder)]
        .map(quoted).join(', ')})`);
    return wrapped(`MODEL_VALUE_SET(${head}, ${systems.join(', ')})`);
  });
}

function writeValueSets(types, valueSets) {
  const rows = valueSetRows(types, valueSets);
  write('value-sets.inc', [
    `The ${rows.length} value sets of required bindings.`,
    '',
    'MODEL_VALUE_SET(id, canonical, codes of each system)',
    "MODEL_VALUE_SET_OPEN(id, canonical): R4's definitions do not list the",
    'codes.',
  ], rows);
}

const folder = process.argv[2];
if (!folder) {
  console.error('usage: node generate-model.mjs DEFINITIONS');
  process.exit(2);
}
const types = loadTypes(folder);
const valueSets = new ValueSets(['valuesets', 'v2-tables', 'v3-codesystems']
  .flatMap((name) => readBundle(path.join(folder, 'valueset', `${name}.xml`))));
writeElements(types);
writeMembers(types);
writeSummary(types);
writeValueSets(types, valueSets);
