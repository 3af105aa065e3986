import { describe, expect, test } from 'vitest';
import { childBytes, isNode, nodeBytes, readNode, type Node } from '../../../../lib/kernel/keyed/node-form.ts';
import { encodeValue } from '../../../../lib/kernel/value/canonical.ts';

const node: Node = {
  height: 2,
  children: [
    { low: 'a', rows: 40, bytes: 900, lanes: [1, 2, 3, 4], hash: '00'.repeat(32) },
    { low: 7n, rows: 3, bytes: 20, lanes: [2 ** 32 - 1, 0, 0, 0], hash: 'ff'.repeat(32) },
  ],
};

const bytes = nodeBytes(node.height, node.children.map(childBytes));

describe('a piece that refers to others', () => {
  test('is written as ever', () => {
    expect(Buffer.from(bytes).toString('hex')).toBe(
      `0382028285616118281903848401020304d8405820${'00'.repeat(32)}85c241070314841affffffff000000d8405820${'ff'.repeat(32)}`,
    );
  });

  test('is read as it was written, and known by its first byte', () => {
    expect(readNode(bytes)).toEqual(node);
    expect([bytes, encodeValue([2, []]), new Uint8Array()].map(isNode)).toEqual([true, false, false]);
  });

  test.each<[what: string, value: unknown]>([
    ['no list', 5],
    ['no children', [1, []]],
    ['a child that is none', [1, [['a', 1, 1, [], 'text']]]],
    ['a count below zero', [1, [['a', -1, 1, [], new Uint8Array(32)]]]],
    ['no key', [1, [[null, 1, 1, [], new Uint8Array(32)]]]],
    ['no height', ['x', [['a', 1, 1, [], new Uint8Array(32)]]]],
  ])('is refused where it has %s', (_, value) => {
    const other = encodeValue(value);
    other[0] = 3;
    expect(() => readNode(other)).toThrow(/piece/);
    expect(() => readNode(encodeValue(value))).toThrow(/piece/);
  });
});
