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
  string: {
    Address: 'ADDRESS',
    HumanName: 'HUMAN_NAME',
    markdown: 'STRING',
    string: 'STRING',
  },
  number: {
    decimal: 'NUMBER',
    integer: 'NUMBER',
    positiveInt: 'NUMBER',
    Range: 'RANGE',
    unsignedInt: 'NUMBER',
  },
  quantity: {
    Age: 'QUANTITY',
    Count: 'QUANTITY',
    Distance: 'QUANTITY',
    Duration: 'QUANTITY',
    Money: 'MONEY',
    Quantity: 'QUANTITY',
    Range: 'RANGE',
    SampledData: 'SAMPLED_DATA',
  },
  uri: {
    canonical: 'URI',
    oid: 'URI',
    uri: 'URI',
    url: 'URI',
    uuid: 'URI',
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

// One member of a union as {names, cast, rest, filter, resolves}, or null.
function parseMember(text) {
  const names = String.raw`[A-Z]\w*(?:\.[a-z]\w*)+`;
  const rest = String.raw`(?:\.(?<rest>[a-z]\w*))?`;
  const forms = [
    String.raw`(?<names>${names})`,
    String.raw`\((?<names>${names})\s+as\s+(?<cast>\w+)\)${rest}`,
    String.raw`(?<names>${names})\.(?:as|ofType)\((?<cast>\w+)\)${rest}`,
    String.raw`(?<names>${names})\.where\(resolve\(\) is (?<resolves>\w+)\)`,
    String.raw`(?<names>${names})\.where\((?<key>\w+)='(?<value>[\w-]+)'\)${rest}`,
    String.raw`(?<names>${names})\[(?<index>0)\]${rest}`,
  ];
  for (const form of forms) {
    const match = new RegExp(`^${form}$`).exec(text);
    if (!match)
      continue;
    const { names: found, cast, resolves, key, value, index, rest: behind } =
      match.groups;
    const list = found.split('.');
    if (!cast && ['as', 'ofType', 'where', 'exists'].includes(list.at(-1)))
      return null;
    return {
      names: list,
      cast,
      resolves,
      filter: key ? `[${key}=${value}]` : index ? `[${index}]` : '',
      rest: behind,
    };
  }
  return null;
}

// The system that the code of a required binding implies, or null.
function impliedSystem(element) {
  const binding = element.binding;
  if (binding?.strength !== 'required' || !binding.valueSet)
    return null;
  const set = valueSets.get(binding.valueSet.replace(/\|.*$/, ''));
  const systems = new Set((set?.compose?.include ?? [])
    .map((include) => include.system));
  return systems.size === 1 ? [...systems][0] ?? null : null;
}

function systemOf(leaf, element) {
  if (leaf === 'BOOLEAN')
    return 'http://terminology.hl7.org/CodeSystem/special-values';
  return leaf === 'CODE' ? impliedSystem(element) : null;
}

// What the last name of a member is called in JSON, and its type.
function jsonNames(element, name, cast) {
  const choice = element.path.endsWith('[x]');
  return (element.type ?? [])
    .filter((type) => !cast || typeCode(type) === cast ||
      typeCode(type).toLowerCase() === cast.toLowerCase())
    .map((type) => ({
      name: choice ? name + capitalised(typeCode(type)) : name,
      type,
    }));
}

// The JSON paths of one member below an element: [{leaf, path, type}], or
// null.
function resolvePaths(start, names, member, searchType) {
  let element = start;
  for (const name of names) {
    element = element && childOf(element, name);
    if (element?.path.endsWith('[x]') && name !== names.at(-1))
      return null;
  }
  if (!element)
    return null;
  const before = names.slice(0, -1);
  let ends = jsonNames(element, names.at(-1), member.cast)
    .map((end) => ({ ...end, element, steps: [...before, end.name + member.filter] }));
  if (member.rest)
    ends = ends.flatMap((end) => {
      const owner = end.type.code === 'BackboneElement' ||
        end.type.code === 'Element' ? element : elements.get(end.type.code);
      const child = childOf(owner, member.rest);
      return child
        ? jsonNames(child, member.rest).map((last) =>
          ({ ...last, element: child, steps: [...end.steps, last.name] }))
        : [];
    });
  return ends.flatMap(({ type, element: at, steps }) => {
    const leaf = typeCode(type) === 'Resource' && searchType === 'reference'
      ? 'RESOURCE' : LEAVES[searchType][typeCode(type)];
    return leaf
      ? [{ leaf, path: steps.join('.'), type, system: systemOf(leaf, at) }]
      : [];
  });
}

function resolveMember(member, searchType) {
  return resolvePaths(elements.get(member.names[0]), member.names.slice(1),
    member, searchType);
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
  if (members.some(({ paths }) => paths.some((p) => p.leaf === 'RESOURCE')))
    declared.forEach((name) => targets.add(name));
  // R4 lists all types but a few that nothing would point at
  if (targets.size > 0.95 * resourceTypes.length)
    return '*';
  return [...targets].sort().join(' ');
}

// --- rows ---

function membersOf(parameter, base) {
  return (parameter.expression ?? '')
    .split('|')
    .map((text) => text.trim())
    .map((text) => /^[a-z]\w*$/.test(text) ? `${base}.${text}` : text)
    .filter((text) => text.replace(/^\(/, '').startsWith(`${base}.`));
}

function pathText(p) {
  return p.system ? `CODED(${p.leaf}, "${p.path}", "${p.system}")`
    : `PATH(${p.leaf}, "${p.path}")`;
}

function depthOf(p) {
  return p.path.split('.').length;
}

// Each path once, as texts; null without one or with one that is too deep.
function pathTexts(paths) {
  const texts = [...new Set(paths.map(pathText))];
  return texts.length === 0 || paths.some((p) => depthOf(p) > PATH_DEPTH_MAX)
    ? null : texts;
}

// R4's one expression that is no path: whether there is anything but false.
function isDeceased(parameter) {
  return parameter.expression ===
    'Patient.deceased.exists() and Patient.deceased != false';
}

function compileRow(parameter, base) {
  if (isDeceased(parameter))
    return `SEARCH_PARAMETER(${base}, "${parameter.code}", TOKEN, "", ` +
      'CODED(DECEASED, "", ' +
      '"http://terminology.hl7.org/CodeSystem/special-values"))';
  const members = [];
  for (const text of membersOf(parameter, base)) {
    const member = parseMember(text);
    const paths = member && resolveMember(member, parameter.type);
    if (!paths)
      return null;
    members.push({ ...member, paths });
  }
  const targets =
    parameter.type === 'reference' ? targetsOf(parameter, members) : '';
  const paths = pathTexts(members.flatMap((member) => member.paths));
  return paths && `SEARCH_PARAMETER(${[base, `"${parameter.code}"`,
    parameter.type.toUpperCase(), `"${targets}"`, ...paths].join(', ')})`;
}

// --- composites ---

// The paths of a component below one context, "%resource" from the top.
function componentPaths(expression, context, base, type) {
  const members = [];
  for (const text of expression.split('|').map((each) => each.trim())) {
    const top = /^%resource\.(.*)$/.exec(text);
    const member = parseMember(`X.${top ? top[1] : text}`);
    const paths = member && resolvePaths(elements.get(top ? base : context),
      member.names.slice(1), member, type);
    if (!paths)
      return null;
    members.push({
      ...member,
      paths: paths.map((p) => top ? { ...p, path: `^${p.path}` } : p),
    });
  }
  return members;
}

function compileComponent(component, url, contexts, base) {
  const of = parameterByUrl.get(url);
  if (!of || of.type === 'composite' || of.type === 'special')
    return null;
  const members = [];
  for (const context of contexts) {
    const found = componentPaths(component.expression, context, base, of.type);
    if (!found)
      return null;
    members.push(...found);
  }
  const targets = of.type === 'reference' ? targetsOf(of, members) : '';
  const paths = pathTexts(members.flatMap((member) => member.paths));
  return paths && `COMPONENT(${[`"${of.code}"`, of.type.toUpperCase(),
    `"${targets}"`, ...paths].join(', ')})`;
}

// R4 has the definitions of DocumentReference's relationship the wrong way
// round: the one that fits is taken, its own first.
function compileFittingComponent(parameter, component, contexts, base) {
  const urls = parameter.component.map((each) => each.definition);
  for (const url of [component.definition, ...urls]) {
    const text = compileComponent(component, url, contexts, base);
    if (text)
      return text;
  }
  return null;
}

// SEARCH_COMPOSITE(type, code, context paths, components...)
function compileComposite(parameter, base) {
  const contexts = parameter.expression.split('|')
    .map((text) => text.trim())
    .filter((text) => text === base || text.startsWith(`${base}.`));
  if (contexts.some((text) => !/^[A-Z]\w*(\.[a-z]\w*)*$/.test(text)))
    return null;
  const components = parameter.component.map((component) =>
    compileFittingComponent(parameter, component, contexts, base));
  if (components.some((text) => !text))
    return null;
  const paths = contexts.map((text) => text.slice(base.length + 1)).join('|');
  return `SEARCH_COMPOSITE(${[base, `"${parameter.code}"`, `"${paths}"`,
    ...components].join(', ')})`;
}

// What needs more than the resource, or a way of matching that belfry has
// not.
function isLeftOut(parameter) {
  return parameter.type === 'special' || parameter.code === 'phonetic' ||
    !parameter.expression;
}

function compileAny(parameter, base) {
  if (isLeftOut(parameter))
    return null;
  // the server's time is not in the resource when values are extracted
  if (parameter.code === '_lastUpdated')
    return `SEARCH_PARAMETER(${base}, "_lastUpdated", DATE, "", ` +
      'PATH(LAST_UPDATED, ""))';
  return parameter.type === 'composite' ? compileComposite(parameter, base)
    : compileRow(parameter, base);
}

function compileRows(parameters) {
  const rows = new Map();
  const refused = new Set();
  for (const parameter of parameters)
    for (const base of parameter.base) {
      if (base === 'DomainResource')
        refused.add(`${base}.${parameter.code}`);
      if (base !== 'Resource' && !resourceTypes.includes(base))
        continue;
      const key = `${base} ${parameter.code}`;
      const row = compileAny(parameter, base);
      if (rows.has(key))
        throw new Error(`two parameters ${key}`);
      if (row)
        rows.set(key, {
          base,
          code: parameter.code,
          row,
          expression: membersOf(parameter, base).join(' | '),
        });
      else
        refused.add(`${base}.${parameter.code}`);
    }
  return { rows: [...rows.values()], refused: [...refused].sort() };
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

function writeParameters({ rows, refused }) {
  const head = [
    '/* Generated by generate.mjs from the search parameters of FHIR R4',
    ` * ${FHIR_VERSION} and of ../search-parameters: ${rows.length} rows.`,
    ' *',
    ' * SEARCH_BASE(type, first row, rows)',
    ' * SEARCH_PARAMETER(type, code, kind, targets, paths...)',
    ' * SEARCH_COMPOSITE(type, code, contexts, components...)',
    ' * Bases and the codes of a base are in byte order. Targets are separated',
    ' * by spaces, "*" is any. Base "Resource" stands for every type. A CODED',
    ' * path has the system that its codes imply. A step may have a condition,',
    ' * "telecom[system=email]", or an index. The contexts of a composite are',
    ' * paths with "|" between them ("" is the resource), the paths of its',
    ' * components start there, or at the resource when "^" stands in front.',
    ' *',
    ` * Left out, ${refused.length}, because they need more than the resource or`,
    ' * a way of matching that belfry has not:',
    wrapped(refused),
    ' */',
  ];
  const lines = [];
  let first = 0;
  for (const base of [...resourceTypes, 'Resource'].sort(byteOrder)) {
    const own = rows.filter((row) => row.base === base)
      .sort((a, b) => byteOrder(a.code, b.code));
    lines.push(`SEARCH_BASE(${base}, ${first}, ${own.length})`);
    own.forEach((row) => lines.push(row.row));
    first += own.length;
  }
  writeFileSync(path.join(here, 'search-parameters.inc'),
    `${head.join('\n')}\n${lines.join('\n')}\n`);
}

// What the paths stand for, for the test that holds both against each other.
function writeExpressions({ rows }) {
  const lines = rows
    .filter(({ row }) => row.startsWith('SEARCH_PARAMETER(') &&
      !row.includes('LAST_UPDATED'))
    .sort((a, b) => byteOrder(`${a.base} ${a.code}`, `${b.base} ${b.code}`))
    .map(({ base, code, expression }) =>
      `SEARCH_EXPRESSION(${base}, "${code}", "${expression}")`);
  writeFileSync(path.join(here, 'search-expressions.inc'),
    `/* Generated by generate.mjs: the FHIRPath expressions of the search\n` +
    ` * parameters in search-parameters.inc that have paths; each with the\n` +
    ` * members of its union that are for the type. */\n` +
    `${lines.join('\n')}\n`);
}

const definitions = process.argv[2];
if (!definitions) {
  console.error('usage: node generate.mjs DEFINITIONS');
  process.exit(2);
}
const resourceTypes = loadResourceTypes();
const elements = loadElements();
const valueSets = new Map(entriesOf('valuesets.json')
  .filter((r) => r.resourceType === 'ValueSet').map((r) => [r.url, r]));
const parameters = loadParameters();
const parameterByUrl = new Map(parameters.map((p) => [p.url, p]));
const compiled = compileRows(parameters);
writeTypes();
writeParameters(compiled);
writeExpressions(compiled);
console.log(`${resourceTypes.length} types, ${compiled.rows.length} rows, ` +
  `${compiled.refused.length} left out`);
