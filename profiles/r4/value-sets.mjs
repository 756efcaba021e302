// Expands the value sets that required bindings name.

function withoutVersion(canonical) {
  return canonical.replace(/\|.*$/, '');
}

// A tree of concepts as a list of {code, parents}. R4 writes a concept that
// has several parents with the subsumedBy property.
function flatten(system) {
  const concepts = [];
  const walk = (nodes, ancestors) => {
    for (const node of nodes) {
      const code = node.value('code');
      const parents = node.all('property')
        .filter((each) => each.value('code') === 'subsumedBy')
        .map((each) => each.value('valueCode'));
      const own = new Set([...ancestors, ...parents]);
      concepts.push({ code, parents: own });
      walk(node.all('concept'), [...own, code]);
    }
  };
  walk(system.all('concept'), []);
  return concepts;
}

function descendants(concepts, root, self) {
  const found = new Set([root]);
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const { code, parents } of concepts)
      if ([...parents].some((parent) => found.has(parent)))
        found.add(code);
  }
  if (!self)
    found.delete(root);
  return found;
}

const FILTERS = {
  'is-a': (concepts, value) => descendants(concepts, value, true),
  'descendent-of': (concepts, value) => descendants(concepts, value, false),
};

export class ValueSets {
  constructor(resources) {
    this.sets = new Map();
    this.systems = new Map();
    for (const resource of resources) {
      const table = { ValueSet: this.sets, CodeSystem: this.systems };
      table[resource.name]?.set(resource.value('url'), resource);
    }
  }

  systemCodes(url, filters) {
    const system = this.systems.get(url);
    if (system?.value('content') !== 'complete')
      return null;
    const concepts = flatten(system);
    let codes = concepts.map((concept) => concept.code);
    for (const filter of filters) {
      if (filter.value('property') !== 'concept' ||
          !FILTERS[filter.value('op')])
        return null;
      const kept = FILTERS[filter.value('op')](concepts, filter.value('value'));
      codes = codes.filter((code) => kept.has(code));
    }
    return codes;
  }

  // One include or exclude as a map from system to codes, or null.
  part(node) {
    const imported = node.values('valueSet');
    const url = node.value('system');
    if (imported.length > 0)
      return url || imported.length > 1 ? null : this.expand(imported[0]);
    const codes = node.all('concept').length > 0
      ? node.all('concept').map((concept) => concept.value('code'))
      : this.systemCodes(url, node.all('filter'));
    return codes && new Map([[url, new Set(codes)]]);
  }

  // The codes of a value set by their system, or null when R4's definitions
  // do not list them.
  expand(canonical) {
    const compose = this.sets.get(withoutVersion(canonical))?.one('compose');
    if (!compose)
      return null;
    const all = new Map();
    for (const part of compose.all('include').map((each) => this.part(each))) {
      if (!part)
        return null;
      for (const [system, codes] of part)
        all.set(system, new Set([...all.get(system) ?? [], ...codes]));
    }
    for (const part of compose.all('exclude').map((each) => this.part(each))) {
      if (!part)
        return null;
      for (const [system, codes] of part)
        codes.forEach((code) => all.get(system)?.delete(code));
    }
    return all;
  }
}

export function canonicalUrl(canonical) {
  return withoutVersion(canonical);
}
