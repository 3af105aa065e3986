import * as crypto from 'node:crypto';
import { beforeEach, expect, test, vi } from 'vitest';
import { delta } from '../../../../lib/kernel/keyed/delta.ts';
import type { Key } from '../../../../lib/kernel/keyed/key.ts';
import { keyed } from '../../../../lib/kernel/keyed/keyed.ts';
import { keyedVersion } from '../../../../lib/kernel/keyed/keyed-version.ts';
import { Branch, emptyTree, Entry, updateTree, type Tree } from '../../../../lib/kernel/keyed/tree.ts';
import { nodesIn } from '../../delta/rig.ts';

vi.mock('node:crypto', async (importOriginal) => {
  const original = await importOriginal<typeof crypto>();
  return { ...original, hash: vi.fn<typeof original.hash>(original.hash) };
});

const rows = keyed<Key, { n: number }>(Array.from({ length: 5_000 }, (_, at) => [at, { n: at }] as const));
const hashes = vi.mocked(crypto.hash);

beforeEach(() => {
  hashes.mockClear();
});

test('nothing is hashed before something asks for a version', () => {
  rows.apply(delta<Key, { n: number }>([{ key: 7, old: { n: 7 }, new: { n: 8 } }]));
  expect(hashes).not.toHaveBeenCalled();
});

test('after that, only rows that changed are hashed, and each once', () => {
  void rows.version;
  expect(hashes).toHaveBeenCalledTimes(5_000);
  const next = rows.apply(
    delta<Key, { n: number }>([
      { key: 7, old: { n: 7 }, new: { n: 8 } },
      { key: 9, old: { n: 9 } },
      { key: 'a', new: { n: 1 } },
    ]),
  );
  hashes.mockClear();
  void next.version;
  void next.version;
  void rows.version;
  expect(hashes).toHaveBeenCalledTimes(2);
});

test('after that, nodes that the older version has are not looked into', () => {
  const put = (tree: Tree<Key, number>, keys: readonly number[]): Tree<Key, number> =>
    updateTree(
      tree,
      keys.map((key) => ({ key })),
      (_, { key }) => new Entry<Key, number>(key, key),
    );
  const older = put(
    emptyTree(),
    Array.from({ length: 5_000 }, (_, at) => at),
  );
  keyedVersion(older);
  const newer = put(older, [2_000.5]);
  const before = new Set(nodesIn(older));
  let read = 0;
  for (const node of nodesIn(newer).filter((each) => before.has(each))) {
    const inside = node instanceof Branch ? 'children' : 'entries';
    const list: unknown = Reflect.get(node, inside);
    Object.defineProperty(node, inside, { get: () => ((read += 1), list) });
  }
  expect(keyedVersion(newer)).not.toBe(keyedVersion(older));
  expect(read).toBe(0);
});
