import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asset, define, input, materialize, refresh, source, stateOf, type Store } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { openStore } from '../../../store/index.ts';
import { newFolder } from '../../store/folder.ts';

/** What is done to the state: plain data, so that a run is told it as its input. */
type Change =
  | { readonly do: 'set'; readonly at: string; readonly value: unknown }
  | { readonly do: 'delete'; readonly at: string }
  | { readonly do: 'push'; readonly value: unknown }
  | { readonly do: 'splice'; readonly from: number; readonly count: number }
  | { readonly do: 'put'; readonly at: string; readonly value: unknown }
  | { readonly do: 'nothing' };

interface Round {
  readonly changes: readonly Change[];
  readonly how:
    'succeeds' | 'throws' | 'throws first' | 'throws later' | 'is cancelled' | 'is refreshed' | 'is reopened' | 'leaves no data';
}

interface State {
  readonly fields: Record<string, unknown>;
  readonly rows: unknown[];
  readonly map: Map<string, unknown>;
}

const initial = (): State => ({ fields: {}, rows: [], map: new Map() });

function apply(state: State, changes: readonly Change[]): void {
  for (const change of changes) {
    if (change.do === 'set') state.fields[change.at] = change.value;
    else if (change.do === 'delete') delete state.fields[change.at];
    else if (change.do === 'push') state.rows.push(change.value);
    else if (change.do === 'splice') state.rows.splice(change.from, change.count);
    else if (change.do === 'put') state.map.set(change.at, change.value);
  }
}

const name = fc.constantFrom('a', 'b', 'c');
const value = fc.oneof(fc.integer(), fc.constant(null), fc.record({ n: fc.integer(), list: fc.array(fc.boolean(), { maxLength: 3 }) }));
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ do: fc.constant('set' as const), at: name, value }),
  fc.record({ do: fc.constant('delete' as const), at: name }),
  fc.record({ do: fc.constant('push' as const), value }),
  fc.record({ do: fc.constant('splice' as const), from: fc.nat(3), count: fc.nat(2) }),
  fc.record({ do: fc.constant('put' as const), at: name, value }),
  fc.constant({ do: 'nothing' as const }),
);
const round: fc.Arbitrary<Round> = fc.record({
  changes: fc.array(change, { maxLength: 4 }),
  how: fc.constantFrom(
    'succeeds',
    'succeeds',
    'succeeds',
    'throws',
    'throws first',
    'throws later',
    'is cancelled',
    'is refreshed',
    'is reopened',
    'leaves no data',
  ),
});

/** An asset that does to its state what its input says, and ends as the round says. */
function world(now: { round: Round; abort: () => void }) {
  const body = asset({
    key: 'subject',
    inputs: { changes: input<{ readonly changes: readonly Change[] }>() },
    state: { initial },
    retry: { max: 1 },
    run: async ({ changes: given }, { state, attempt }) => {
      const { how } = now.round;
      if (how === 'throws later') await Promise.resolve();
      apply(state, given.changes);
      if (how === 'is cancelled') now.abort();
      if (how === 'throws' || how === 'throws later' || (how === 'throws first' && attempt === 1)) throw new Error(how);
      if (how === 'leaves no data') state.fields['a'] = () => 1;
      return null;
    },
  });
  return define({ assets: [source<{ readonly changes: readonly Change[] }>('changes'), body] });
}

async function play(rounds: readonly Round[], opened: { store: Store; readonly reopen: () => Promise<Store> }): Promise<void> {
  const now = { round: { changes: [], how: 'succeeds' } as Round, abort: () => undefined as void };
  const defs = world(now);
  let expected: State | undefined;
  let id = 0;
  const history: { readonly from: number; readonly state: State | undefined }[] = [];
  for (const next of rounds) {
    now.round = next;
    if (next.how === 'is reopened') opened.store = await opened.reopen();
    const controller = new AbortController();
    now.abort = () => controller.abort();
    const before = await opened.store.port.head();
    // Different each time, so that a refresh of it runs.
    const sources = { changes: { changes: next.changes, id: (id += 1) } };
    const options = { store: opened.store, signal: controller.signal, throwOnFailure: false };
    await (next.how === 'is refreshed' ? refresh(defs, { ...options, sources }) : materialize(defs, { ...options, sources })).catch(
      (error: unknown) => {
        if (next.how !== 'is cancelled') throw error;
      },
    );
    if (['succeeds', 'throws first', 'is refreshed', 'is reopened'].includes(next.how)) {
      const after = structuredClone(expected ?? initial());
      apply(after, structuredClone(next.changes));
      expected = after;
    }
    history.push({ from: before, state: expected });
    expect(await stateOf(opened.store, defs, 'subject')).toEqual(expected);
    // Nothing changed: nothing runs, and nothing happens to the state.
    const again = next.how === 'is refreshed' ? (await refresh(defs, options)).outcome('subject') : 'fresh';
    expect(again).toBe('fresh');
    expect(await stateOf(opened.store, defs, 'subject')).toEqual(expected);
  }
  const head = await opened.store.port.head();
  for (const [index, { state }] of history.entries()) {
    const position = history[index + 1]?.from ?? head;
    expect(await stateOf(opened.store, defs, 'subject', { position })).toEqual(state);
  }
}

describe('the state of a step is what its successes made of the initial one, as of any position', () => {
  test('in memory', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(round, { maxLength: 8 }), async (rounds) => {
        const store = memoryStore();
        await play(rounds, { store, reopen: async () => store });
      }),
      { numRuns: 150 },
    );
  });

  test('on disk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 8 }), async (rounds) => {
        const folder = await newFolder();
        const opened = {
          store: await openStore(folder),
          reopen: async () => {
            await opened.store.close();
            return openStore(folder);
          },
        };
        try {
          await play(rounds, opened);
        } finally {
          await opened.store.close();
        }
      }),
      { numRuns: 15 },
    );
  });
});
