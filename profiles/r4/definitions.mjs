// Reads HL7's R4 definitions in their XML form.

import { readFileSync } from 'node:fs';

const ENTITIES = { amp: '&', apos: "'", gt: '>', lt: '<', quot: '"' };

function unescaped(text) {
  return text.replace(/&(#x?[0-9a-f]+|\w+);/gi, (_, name) => {
    if (!name.startsWith('#'))
      return ENTITIES[name];
    return String.fromCodePoint(
      name[1] === 'x' ? parseInt(name.slice(2), 16) : Number(name.slice(1)));
  });
}

// An XML element: its attributes and child elements, the text left out.
class Node {
  constructor(name, attributes) {
    this.name = name;
    this.children = [];
    this.attributes = Object.fromEntries(
      [...attributes.matchAll(/([\w:-]+)="([^"]*)"/g)].map(
        ([, key, value]) => [key, unescaped(value)]));
  }

  all(name) {
    return this.children.filter((child) => child.name === name);
  }

  one(name) {
    return this.children.find((child) => child.name === name);
  }

  // The value attribute of a child, undefined when there is none.
  value(name) {
    return this.one(name)?.attributes.value;
  }

  values(name) {
    return this.all(name).map((child) => child.attributes.value);
  }

  // The value[x] of an extension of this element.
  extension(url) {
    return this.all('extension')
      .find((each) => each.attributes.url === url)
      ?.children.find((child) => child.name.startsWith('value'))
      ?.attributes.value;
  }
}

const TAG =
  /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<(\/?)([\w:]+)((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>/g;

function parse(text) {
  const root = new Node('', '');
  const open = [root];
  for (const [, end, name, attributes, empty] of text.matchAll(TAG)) {
    if (!name)
      continue;
    if (end) {
      if (open.pop().name !== name)
        throw new Error(`</${name}> ends another element`);
      continue;
    }
    const node = new Node(name, attributes);
    open.at(-1).children.push(node);
    if (!empty)
      open.push(node);
  }
  return root;
}

// The resources of a Bundle.
export function readBundle(file) {
  return parse(readFileSync(file, 'utf8'))
    .one('Bundle')
    .all('entry')
    .map((entry) => entry.one('resource').children[0]);
}
