import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LineageEdge, LineageNode } from '../../../lib/query/lineage-graph.ts';
import { lineageOf, type Lineage } from '../../../lib/query/lineage.ts';
import { sampleKey } from '../../kit/sample-events.ts';
import { untyped } from '../../operators/rig/untyped.ts';
import { readDot, readMermaid, type ReadDrawing } from './read-drawing.ts';

const value = { state: 'value', version: 'v' } as const;
const step = { runId: 'run', time: 0, definition: 'g', op: 'clean', codeVersion: '1', config: null } as const;

function source(position: number, key: string): LineageNode {
  return {
    kind: 'source',
    id: String(position),
    name: key,
    position,
    key: sampleKey(key),
    state: value,
    runId: null,
    time: 0,
    offset: null,
  };
}

function asset(position: number, key: string, fields: Partial<Extract<LineageNode, { kind: 'asset' }>> = {}): LineageNode {
  const id = String(position);
  return {
    kind: 'asset',
    id,
    name: key,
    position,
    key: sampleKey(key),
    state: value,
    outcome: 'materialized',
    step: 's',
    output: 'o',
    ...step,
    ...fields,
  };
}

function output(position: number, name: string, fields: Partial<Extract<LineageNode, { kind: 'output' }>> = {}): LineageNode {
  return {
    kind: 'output',
    id: `${position}.${name}`,
    name: `g:s.${name}`,
    position,
    state: value,
    step: 's',
    output: name,
    ...step,
    ...fields,
  };
}

function lineageWith(nodes: readonly LineageNode[], edges: readonly LineageEdge[], cutAt: readonly string[] = []): Lineage {
  const start = nodes.at(-1)?.id ?? '';
  const facts = { key: sampleKey('k'), position: 9, head: 9, direction: 'back', start, valueSince: 9 } as const;
  return lineageOf(facts, { nodes: new Map(nodes.map((node) => [node.id, node])), edges: [...edges], cutAt: new Set(cutAt) });
}

const edge = (from: string, to: string, input = 'in', kind: LineageEdge['kind'] = 'value'): LineageEdge => ({ from, to, input, kind });

const small = lineageWith(
  [
    source(1, 'raw/events'),
    { kind: 'unknown', id: '2', name: 'an event of kind "imported"', position: 2, state: value, eventKind: 'imported' },
    output(4, 'rows'),
    output(4, 'bad', { state: { state: 'absent' } }),
    asset(7, 'table', { codeVersion: 'session:1-2-3' }),
  ],
  [
    edge('1', '4.bad'),
    edge('1', '4.rows'),
    edge('2', '4.rows', 'also', 'list'),
    edge('4.rows', '7', 'rows'),
    edge('4.bad', '7', 'after', 'nothing'),
  ],
  ['4.bad'],
);

describe('a lineage is drawn', () => {
  test('as a Mermaid flowchart', () => {
    expect(small.toMermaid()).toBe(`flowchart LR
  e1(["raw/events<br/>observed at 1"])
  e2{{"an event of kind #34;imported#34;<br/>at 2"}}
  e4_0("g#58;s.bad<br/>absent at 4<br/>op clean, code 1<br/>#8230;")
  e4_1("g#58;s.rows<br/>given at 4<br/>op clean, code 1")
  e7["table<br/>materialized at 7<br/>op clean"]
  e1 -->|"in"| e4_0
  e1 -->|"in"| e4_1
  e2 -->|"also"| e4_1
  e4_1 -->|"rows"| e7
  e4_0 -.->|"after"| e7
  classDef start stroke-width:3px
  class e7 start
`);
  });

  test('in the DOT language', () => {
    expect(small.toDot()).toBe(String.raw`digraph lineage {
  rankdir=LR;
  e1 [label="raw/events\nobserved at 1", shape=oval];
  e2 [label="an event of kind \"imported\"\nat 2", shape=hexagon];
  e4_0 [label="g:s.bad\nabsent at 4\nop clean, code 1\n…", shape=box, style=rounded];
  e4_1 [label="g:s.rows\ngiven at 4\nop clean, code 1", shape=box, style=rounded];
  e7 [label="table\nmaterialized at 7\nop clean", shape=box, penwidth=3];
  e1 -> e4_0 [label="in"];
  e1 -> e4_1 [label="in"];
  e2 -> e4_1 [label="also"];
  e4_1 -> e7 [label="rows"];
  e4_0 -> e7 [label="after", style=dotted];
}
`);
  });

  test.each(['toMermaid', 'toDot'] as const)('%s refuses options that it would ignore or misread', (draw) => {
    expect(() => small[draw](untyped({ limt: 5 }))).toThrow(`lineage.${draw}() has no option "limt". Did you mean "limit"?`);
    expect(() => small[draw]({ limit: -1 })).toThrow(`lineage.${draw}(): "limit" is "-1". Give a whole number from 0, or Infinity.`);
  });
});

describe('labels', () => {
  const nasty = [
    '"quoted" [brackets] {braces} (round) |pipe|',
    '<b>bold</b> &amp; <script>alert(1)</script>',
    'back\\slash \\n \\N \\" end\\',
    '#35; #quot; &#35; %%{init: {}}%% `code` **bold** _em_',
    '1. list',
    '- list',
    'flow direction LR is  direction  TB',
    'style a:b#c;d;',
    'subgraph end click e1 "x" e2 --> e3',
    '日本語 🦊 é ملف',
    'line\nbreak\r\ttab\u2028sep\u0000nul\u202eturned\ud800half',
    'x'.repeat(79) + '🦊' + 'y'.repeat(900),
  ];

  /** What of a text is drawn, in words of our own: one character for each that would do harm, and no more than 80 of them. */
  function shown(text: string): string {
    const half =
      text.charCodeAt(79) >= 0xd800 && text.charCodeAt(79) < 0xdc00 && text.charCodeAt(80) >= 0xdc00 && text.charCodeAt(80) < 0xe000;
    const cut = text.length <= 80 ? text : `${text.slice(0, half ? 79 : 80)}…`;
    return Array.from(cut, (char) => (/[\p{Cc}\p{Cs}\u2028\u2029\p{Bidi_C}]/u.test(char) ? '\ufffd' : char)).join('');
  }

  function expectReadsBack(key: string, input: string): void {
    const drawn = lineageWith([source(1, 'x'), asset(2, 'k', { name: key, op: input })], [edge('1', '2', input)]);
    const wanted: ReadDrawing = {
      nodes: [
        { name: 'e1', lines: ['x', 'observed at 1'] },
        { name: 'e2', lines: [shown(key), 'materialized at 2', shown(`op ${input}, code 1`)] },
      ],
      edges: [{ from: 'e1', to: 'e2', label: shown(input) }],
    };
    expect(readMermaid(drawn.toMermaid())).toEqual(wanted);
    expect(readDot(drawn.toDot())).toEqual(wanted);
  }

  test.each(nasty)('read back as what they say: %j', (text) => expectReadsBack(text, text));

  test('read back as what they say, whatever that is', () => {
    const signs = fc.constantFrom(
      ...'"#;&<>\\`[](){}|%:-=~@*_ \n\r'.split(''),
      'direction LR',
      '&lt;',
      '#35;',
      '%%{',
      '-->',
      '\ud83e',
      '🦊',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: signs, maxLength: 200 }),
      fc.string({ unit: 'grapheme', maxLength: 200 }),
    );
    fc.assert(fc.property(text, text, expectReadsBack));
  });

  test('of Mermaid hold nothing that Mermaid would look for before it reads quotes', () => {
    for (const text of nasty) {
      const drawn = lineageWith([asset(2, 'k', { name: text })], []).toMermaid();
      expect(drawn).not.toMatch(/direction\s+(LR|RL|TB|BT|TD)|%%|style.*:\S*#.*;|["`][`]/);
    }
  });
});

describe('a large lineage', () => {
  // 1 … 40 → 41, and a chain 101 → 102 → … → 300 that ends in 1.
  const fan = Array.from({ length: 40 }, (_, index) => source(index + 1, `s${index}`));
  const chain = Array.from({ length: 200 }, (_, index) => asset(101 + index, `c${index}`));
  const edges = [
    ...fan.map(({ id }) => edge(id, '400')),
    ...chain.slice(1).map(({ position }) => edge(String(position - 1), String(position))),
    edge('300', '400'),
  ];
  const large = lineageWith([...fan, ...chain, asset(400, 'end')], edges);

  test('is drawn from the node that was asked for on, and says what is not drawn', () => {
    const { nodes, edges: arrows, note } = readMermaid(large.toMermaid({ limit: 60 }));
    expect(arrows).toHaveLength(60);
    expect(nodes.map(({ name }) => name)).toEqual([
      ...fan.map(({ id }) => `e${id}`),
      ...Array.from({ length: 20 }, (_, index) => `e${281 + index}`),
      'e400',
    ]);
    expect(note).toBe('Not drawn: 180 of 241 nodes and 180 of 240 arrows. A higher limit draws more.');
    expect(nodes.filter(({ lines }) => lines.at(-1) === '…').map(({ name }) => name)).toEqual(['e281']);
    expect(readDot(large.toDot({ limit: 60 }))).toEqual({ nodes, edges: arrows, note });
  });

  test('has at most 200 arrows, unless a limit is given', () => {
    expect(readDot(large.toDot()).edges).toHaveLength(200);
    expect(readDot(large.toDot({ limit: 240 })).note).toBe(undefined);
    expect(readDot(large.toDot({ limit: Infinity })).edges).toHaveLength(240);
    expect(readDot(large.toDot({ limit: 0 }))).toMatchObject({ nodes: [{ name: 'e400' }], edges: [] });
  });

  test('never has more arrows than the limit, and none whose end is not drawn', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 1 });
    const pairs = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 80 });
    fc.assert(
      fc.property(ids, pairs, fc.nat({ max: 40 }), (positions, wanted, limit) => {
        const sorted = positions.toSorted((a, b) => a - b);
        const joined = wanted.flatMap(([a, b]) => {
          const [from = 0, to = 0] = [sorted[a % sorted.length], sorted[b % sorted.length]].toSorted((x = 0, y = 0) => x - y);
          return from === to ? [] : [edge(String(from), String(to))];
        });
        const graph = lineageWith(
          sorted.map((position) => asset(position, 'a')),
          joined,
        );
        const { nodes, edges: arrows, note } = readDot(graph.toDot({ limit }));
        expect(arrows.length).toBeLessThanOrEqual(limit);
        const names = new Set(nodes.map(({ name }) => name));
        expect(arrows.every(({ from, to }) => names.has(from) && names.has(to))).toBe(true);
        expect(names).toContain(`e${graph.start}`);
        expect(note === undefined).toBe(names.size === sorted.length && arrows.length === joined.length);
      }),
    );
  });
});
