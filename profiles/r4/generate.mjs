// Writes resource-types.inc and search-parameters.inc beside this file.
//
//   node generate.mjs DEFINITIONS
//
// DEFINITIONS is the folder with HL7's R4 definitions as JSON; README.md says
// where it comes from.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const FHIR_VERSION = '4.0.1';
const STRUCTURES = 'http://hl7.org/fhir/StructureDefinition/';
const PATH_DEPTH_MAX = 6; // SEARCH_PATH_DEPTH_MAX in fhir/search/table.h
const LINE_BYTES = 78;

// FHIR type of a leaf -> the table's name for it, by type of parameter.
const LEAVES = {
  token: {
    boolean: 'BOOLEAN',
    code: 'CODE',
    CodeableConcept: 'CODEABLE_CONCEPT',
    Coding: 'CODING',
    ContactPoint: 'CONTACT_POINT',
    id: 'ID',
    Identifier: 'IDENTIFIER',
    string: 'STRING',
    uri: 'URI',
  },
  reference: { canonical: 'CANONICAL', Reference: 'REFERENCE', uri: 'URI' },
  date: {
    date: 'DATE',
    dateTime: 'DATETIME',
    instant: 'INSTANT',
    Period: 'PERIOD',
    Timing: 'TIMING',
  },
};

const here = path.dirname(fileURLToPath(import.meta.url));

function readJson(...parts) {
  return JSON.parse(readFileSync(path.join(...parts), 'utf8'));
}

function entriesOf(file) {
  return readJson(definitions, file).entry.map((entry) => entry.resource);
}

function loadResourceTypes() {
  const system = entriesOf('valuesets.json').find(
    (r) => r.resourceType === 'CodeSystem' && r.id === 'resource-types');
  return system.concept
    .map((concept) => concept.code)
    .filter((code) => code !== 'Resource' && code !== 'DomainResource')
    .sort();
}

function loadElements() {
  const elements = new Map();
  for (const file of ['profiles-types.json', 'profiles-resources.json'])
    for (const definition of entriesOf(file)) {
      if (definition.resourceType !== 'StructureDefinition' ||
          definition.fhirVersion !== FHIR_VERSION ||
          definition.derivation === 'constraint')
        continue;
      for (const element of definition.snapshot.element)
        elements.set(element.path, element);
    }
  return elements;
}

function loadParameters() {
  const own = path.join(here, '..', 'search-parameters');
  return entriesOf('search-parameters.json')
    .filter((p) => p.version === FHIR_VERSION)
    .concat(readdirSync(own)
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => readJson(own, name)));
}

// --- elements ---

function typeCode(type) {
  // Resource.id and Element.id carry FHIRPath's own String
  return type.code.startsWith('http://hl7.org/fhirpath/') ? 'id' : type.code;
}

// The element definition of a member of an element, or null.
function childOf(parent, name) {
  const owners = [parent.path];
  if (parent.contentReference)
    owners.push(parent.contentReference.replace(/^.*#/, ''));
  for (const type of parent.type ?? [])
    owners.push(typeCode(type));
  for (const owner of owners)
    for (const suffix of ['', '[x]']) {
      const found = elements.get(`${owner}.${name}${suffix}`);
      if (found)
        return found;
    }
  return null;
}

function capitalised(text) {
  return text[0].toUpperCase() + text.slice(1);
}

// --- expressions ---

// One member of a union as {names, cast, resolves}, or null.
function parseMember(text) {
  const names = String.raw`[A-Z]\w*(?:\.[a-z]\w*)+`;
  const forms = [
    String.raw`(?<names>${names})`,
    String.raw`\((?<names>${names})\s+as\s+(?<cast>\w+)\)`,
    String.raw`(?<names>${names})\.(?:as|ofType)\((?<cast>\w+)\)`,
    String.raw`(?<names>${names})\.where\(resolve\(\) is (?<resolves>\w+)\)`,
  ];
  for (const form of forms) {
    const match = new RegExp(`^${form}$`).exec(text);
    if (!match)
      continue;
    let { names: found, cast, resolves } = match.groups;
    found = found.split('.');
    if (!cast && ['as', 'ofType', 'where'].includes(found.at(-1)))
      return null;
    return { names: found, cast, resolves };
  }
  return null;
}

// The JSON paths of one member: [{leaf, path, type}], or null.
function resolveMember(member, searchType) {
  let element = elements.get(member.names[0]);
  for (const name of member.names.slice(1)) {
    element = element && childOf(element, name);
    if (element?.path.endsWith('[x]') && name !== member.names.at(-1))
      return null;
  }
  if (!element)
    return null;
  const steps = member.names.slice(1).join('.');
  const choice = element.path.endsWith('[x]');
  const types = (element.type ?? []).filter(
    (type) => !member.cast || typeCode(type) === member.cast);
  const paths = [];
  for (const type of types) {
    const leaf = LEAVES[searchType][typeCode(type)];
    if (leaf)
      paths.push({
        leaf,
        path: choice ? steps + capitalised(typeCode(type)) : steps,
        type,
      });
  }
  return paths;
}

// --- references ---

function elementTargets(type) {
  const names = (type.targetProfile ?? [])
    .filter((url) => url.startsWith(STRUCTURES))
    .map((url) => url.slice(STRUCTURES.length));
  if (names.length === 0 || names.includes('Resource'))
    return resourceTypes;
  return names.filter((name) => resourceTypes.includes(name));
}

// What a reference parameter may point at, and marks the paths whose elements
// allow more than that.
function targetsOf(parameter, members) {
  const targets = new Set();
  const declared = (parameter.target ?? []).includes('Resource')
    ? [] : parameter.target ?? [];
  for (const { resolves, paths } of members)
    for (const p of paths.filter((each) => each.leaf === 'REFERENCE')) {
      const allowed = elementTargets(p.type);
      const wanted = allowed.filter((name) => resolves
        ? name === resolves
        : declared.length === 0 || declared.includes(name));
      wanted.forEach((name) => targets.add(name));
      if (wanted.length < allowed.length && allowed !== resourceTypes)
        p.leaf = 'REFERENCE_TO_TARGET';
      if (resolves)
        p.leaf = 'REFERENCE_TO_TARGET';
    }
  // R4 lists all types but a few that nothing would point at
  if (targets.size > 0.95 * resourceTypes.length)
    return '*';
  return [...targets].sort().join(' ');
}

// --- rows ---

function compileRow(parameter, base) {
  const texts = (parameter.expression ?? '')
    .split('|')
    .map((text) => text.trim())
    .filter((text) => text.replace(/^\(/, '').startsWith(`${base}.`));
  const members = [];
  for (const text of texts) {
    const member = parseMember(text);
    const paths = member && resolveMember(member, parameter.type);
    if (!paths)
      return null;
    members.push({ ...member, paths });
  }
  const targets =
    parameter.type === 'reference' ? targetsOf(parameter, members) : '';
  const paths = [...new Map(members
    .flatMap((member) => member.paths)
    .map((p) => [`PATH(${p.leaf}, "${p.path}")`, p])).entries()];
  if (paths.length === 0 ||
      paths.some(([, p]) => p.path.split('.').length > PATH_DEPTH_MAX))
    return null;
  return [
    base,
    `"${parameter.code}"`,
    parameter.type.toUpperCase(),
    `"${targets}"`,
    ...paths.map(([text]) => text),
  ].join(', ');
}

function compileRows(parameters) {
  const rows = new Map();
  const refused = new Set();
  const later = {};
  for (const parameter of parameters)
    for (const base of parameter.base) {
      if (base !== 'Resource' && !resourceTypes.includes(base))
        continue;
      if (!LEAVES[parameter.type]) {
        later[parameter.type] = (later[parameter.type] ?? 0) + 1;
        continue;
      }
      const key = `${base} ${parameter.code}`;
      // the server's time is not in the resource when values are extracted
      const row = parameter.code === '_lastUpdated'
        ? null : compileRow(parameter, base);
      if (rows.has(key))
        throw new Error(`two parameters ${key}`);
      if (row)
        rows.set(key, { base, code: parameter.code, row });
      else
        refused.add(`${base}.${parameter.code}`);
    }
  return { rows: [...rows.values()], refused: [...refused].sort(), later };
}

// --- output ---

function wrapped(words) {
  const lines = [];
  let line = ' *';
  for (const word of words) {
    if (line.length + 1 + word.length > LINE_BYTES) {
      lines.push(line);
      line = ' *';
    }
    line += ` ${word}`;
  }
  return lines.concat(line).join('\n');
}

function byteOrder(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

function writeTypes() {
  const lines = resourceTypes.map((name) => `RESOURCE_TYPE(${name})`);
  writeFileSync(path.join(here, 'resource-types.inc'),
    `/* Generated by generate.mjs: the ${lines.length} concrete resource types\n` +
    ` * of FHIR R4 ${FHIR_VERSION}, in byte order. */\n${lines.join('\n')}\n`);
}

function writeParameters({ rows, refused, later }) {
  const types = Object.keys(later).sort(byteOrder)
    .map((type) => `${type} ${later[type]},`);
  const head = [
    '/* Generated by generate.mjs from the search parameters of FHIR R4',
    ` * ${FHIR_VERSION} and of ../search-parameters: ${rows.length} rows.`,
    ' *',
    ' * SEARCH_BASE(type, first row, rows)',
    ' * SEARCH_PARAMETER(type, code, kind, targets, paths...)',
    ' * Bases and the codes of a base are in byte order. Targets are separated',
    ' * by spaces, "*" is any. Base "Resource" stands for every type.',
    ' *',
    ' * Kinds left out, with how many:',
    wrapped(types),
    ' *',
    ` * Left out, ${refused.length}, because their expression is more than paths:`,
    wrapped(refused),
    ' */',
  ];
  const lines = [];
  let first = 0;
  for (const base of [...resourceTypes, 'Resource'].sort(byteOrder)) {
    const own = rows.filter((row) => row.base === base)
      .sort((a, b) => byteOrder(a.code, b.code));
    lines.push(`SEARCH_BASE(${base}, ${first}, ${own.length})`);
    own.forEach((row) => lines.push(`SEARCH_PARAMETER(${row.row})`));
    first += own.length;
  }
  writeFileSync(path.join(here, 'search-parameters.inc'),
    `${head.join('\n')}\n${lines.join('\n')}\n`);
}

const definitions = process.argv[2];
if (!definitions) {
  console.error('usage: node generate.mjs DEFINITIONS');
  process.exit(2);
}
const resourceTypes = loadResourceTypes();
const elements = loadElements();
const compiled = compileRows(loadParameters());
writeTypes();
writeParameters(compiled);
console.log(`${resourceTypes.length} types, ${compiled.rows.length} rows, ` +
  `${compiled.refused.length} left out`);
