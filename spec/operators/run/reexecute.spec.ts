import { describe, expect, test } from 'vitest';
import { materialize, reexecute, refresh, SelectionError, type RunResult, type Store } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { openStore } from '../../../store/open-store.ts';
import { newFolder } from '../../store/folder.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { eventsOf, mortalStore, quiet, runIds, workbench, type Made, type Workbench } from './reexecute-rig.ts';

const stores: readonly [string, () => Promise<Store>][] = [
  ['memory', async () => memoryStore()],
  ['disk', async () => openStore(await newFolder())],
];

const everyStep = ['extra:extra', 'report:report', 'work:both', 'work:clean', 'work:left', 'work:load', 'work:right'];
const sources = { feed: 1, other: 7 };

/** A run in which some steps failed; they are whole again when this returns. */
async function failedRun(bench: Workbench, store: Store, broken: readonly string[]): Promise<RunResult<Made>> {
  for (const step of broken) bench.broken.add(step);
  const result = await materialize(bench.define(), { store, sources, ...quiet });
  bench.broken.clear();
  bench.ran();
  return result;
}

describe.each(stores)('from a failure (%s)', (_, openNew) => {
  test('runs what failed, what was blocked by it, and nothing else', async () => {
    const [bench, store] = [workbench(), await openNew()];
    const { runId } = await failedRun(bench, store, ['work:left']);
    const result = await reexecute(bench.define(), runId, { store });
    expect(bench.ran()).toEqual(['work:left', 'work:both', 'report:report']);
    expect([...result.outcomes]).toEqual([
      ['left', 'materialized'],
      ['both', 'materialized'],
      ['report', 'materialized'],
    ]);
    expect(result.value('report')).toBe('220');
    expect(result.status).toBe('succeeded');
    await store.close();
  });

  test('gives every step what the run read, whatever came since (E3)', async () => {
    const [bench, store] = [workbench(), await openNew()];
    const { runId } = await failedRun(bench, store, ['work:left', 'extra:extra']);
    await store.put('other', 8);
    await materialize(bench.define(), { store, sources: { feed: 50 } });
    bench.ran();
    await reexecute(bench.define(), runId, { store });
    expect(bench.called().toSorted((a, b) => (a.step < b.step ? -1 : 1))).toEqual([
      { step: 'extra:extra', inputs: { other: 7 } },
      { step: 'report:report', inputs: { both: 220 } },
      { step: 'work:both', inputs: { x: 20, y: 200 } },
      { step: 'work:left', inputs: { x: 2 } },
    ]);
    expect(await store.value('report')).toBe('220');
    await store.close();
  });

  test('is a run of its own, which says which one it took up, and which was the first (E4)', async () => {
    const [bench, store] = [workbench(), await openNew()];
    const first = await failedRun(bench, store, ['work:left']);
    bench.broken.add('work:both');
    const second = await reexecute(bench.define(), first.runId, { store, ...quiet });
    bench.broken.clear();
    const third = await reexecute(bench.define(), second.runId, { store });
    const started = (await store.runs()).map((run) => [run.started.again, run.ended?.status]);
    expect(started).toEqual([
      [null, 'failed'],
      [{ parent: first.runId, root: first.runId }, 'failed'],
      [{ parent: second.runId, root: first.runId }, 'succeeded'],
    ]);
    expect(new Set([first.runId, second.runId, third.runId]).size).toBe(3);
    await store.close();
  });

  test('takes up a run whose process died: what it had not recorded runs', async () => {
    const bench = workbench();
    const mortal = mortalStore(await openNew());
    mortal.dies = ({ events }) => events.some((event) => event.type === 'step-settled' && event.step === 'right');
    await expect(materialize(bench.define(), { store: mortal.store, sources, concurrency: 1 })).rejects.toThrow('killed');
    mortal.restart();
    const [runId = ''] = await runIds(mortal.store);
    const before = ofType(await logOf(mortal.store), 'step-settled').map(({ definition, step }) => `${definition}:${step}`);
    expect((await mortal.store.runs())[0]?.ended).toBe(null);
    bench.ran();
    await reexecute(bench.define(), runId, { store: mortal.store });
    expect([...before, ...bench.ran()].toSorted()).toEqual(everyStep);
    expect(await mortal.store.value('report')).toBe('220');
    await mortal.store.close();
  });
});

describe('from a failure', () => {
  test('several failures, and those of a chain of re-executions', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    const first = await failedRun(bench, store, ['work:left', 'work:right', 'extra:extra']);
    bench.broken.add('work:right');
    const second = await reexecute(bench.define(), first.runId, { store, ...quiet });
    expect(bench.ran().toSorted()).toEqual(['extra:extra', 'work:left', 'work:right']);
    expect(second.status).toBe('failed');
    bench.broken.clear();
    const third = await reexecute(bench.define(), second.runId, { store });
    expect(bench.ran()).toEqual(['work:right', 'work:both', 'report:report']);
    expect(third.value('both')).toBe(220);
    const fourth = await reexecute(bench.define(), third.runId, { store });
    expect([bench.ran(), fourth.outcomes.size]).toEqual([[], 0]);
  });

  test('of the first run of a chain again, it is that run that counts', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    const first = await failedRun(bench, store, ['work:left']);
    await reexecute(bench.define(), first.runId, { store });
    bench.ran();
    await reexecute(bench.define(), first.runId, { store });
    expect(bench.ran()).toEqual(['work:left', 'work:both', 'report:report']);
  });

  test('where nothing failed, nothing runs and nothing is written', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    const { runId } = await failedRun(bench, store, []);
    const head = await store.port.head();
    const result = await reexecute(bench.define(), runId, { store });
    expect([result.status, result.outcomes.size, result.steps.size, bench.ran()]).toEqual(['succeeded', 0, 0, []]);
    expect(await store.port.head()).toBe(head);
  });

  test('runs new code, and what it gives is what a whole run with it would have given', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    const { runId } = await failedRun(bench, store, ['work:both']);
    const result = await reexecute(bench.define({ plus: 1, codeVersion: '2' }), runId, { store });
    expect(bench.ran()).toEqual(['work:both', 'report:report']);
    expect(result.value('both')).toBe(220);
    expect(ofType(await eventsOf(store, result.runId), 'step-settled').map(({ codeVersion }) => codeVersion)).toEqual(['2', '2']);
  });

  test('a run that was cancelled: what was interrupted or never started', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    const stopped = new AbortController();
    const running = materialize(bench.define(), {
      store,
      sources,
      concurrency: 1,
      signal: stopped.signal,
      onEvent: (event) => event.type === 'step-started' && event.step === 'left' && stopped.abort(),
    });
    await expect(running).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
    const done = bench.ran();
    const [runId = ''] = await runIds(store);
    const settled = ofType(await eventsOf(store, runId), 'step-settled').filter(({ outcome }) => outcome === 'succeeded');
    await reexecute(bench.define(), runId, { store });
    const again = bench.ran();
    expect(again).toContain('work:both');
    expect(again.filter((step) => settled.some((event) => `${event.definition}:${event.step}` === step))).toEqual([]);
    expect(new Set([...done, ...again]).size).toBe(7);
    expect(await store.value('report')).toBe('220');
  });

  test('a refresh that reused steps: they stay reused, and give what they gave then', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    await failedRun(bench, store, []);
    bench.broken.add('work:both');
    const failed = await refresh(bench.define({ codeVersion: '1' }), { store, sources: { feed: 2 }, select: ['both'], ...quiet });
    bench.broken.clear();
    expect(bench.ran()).toEqual(['work:load', 'work:clean', 'work:left', 'work:right', 'work:both']);
    bench.broken.add('work:both');
    const again = await refresh(bench.define(), { store, select: ['both'], ...quiet });
    bench.broken.clear();
    expect(bench.ran()).toEqual(['work:both']);
    await store.put('feed', 9);
    await refresh(bench.define(), { store });
    bench.ran();
    for (const [{ runId }, outcome] of [[failed, 'materialized'] as const, [again, 'unchanged'] as const]) {
      const result = await reexecute(bench.define(), runId, { store });
      expect(bench.called()).toEqual([{ step: 'work:both', inputs: { x: 30, y: 300 } }]);
      expect([result.outcome('both'), result.value('both')]).toEqual([outcome, 330]);
    }
  });

  test('is a failure again where the step fails again', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    const { runId } = await failedRun(bench, store, ['work:left']);
    bench.broken.add('work:left');
    await expect(reexecute(bench.define(), runId, { store })).rejects.toMatchObject({ code: 'OP_THREW', details: { step: 'work:left' } });
    const result = await reexecute(bench.define(), runId, { store, ...quiet });
    expect([...result.outcomes]).toEqual([
      ['left', 'failed'],
      ['both', 'blocked'],
      ['report', 'blocked'],
    ]);
  });
});

describe('steps', () => {
  test('runs those alone, and with "downstream" what comes after them', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    const { runId } = await failedRun(bench, store, []);
    const alone = await reexecute(bench.define({ plus: 5, codeVersion: '2' }), runId, { store, steps: ['work:left'] });
    expect([bench.ran(), [...alone.outcomes.keys()], alone.value('left')]).toEqual([['work:left'], ['left'], 25]);
    const after = await reexecute(bench.define(), runId, { store, steps: ['work:left'], downstream: true });
    expect([bench.ran(), after.value('report')]).toEqual([['work:left', 'work:both', 'report:report'], '220']);
  });

  test('of a chain read what the chain gave last', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    const { runId } = await failedRun(bench, store, []);
    const changed = await reexecute(bench.define({ plus: 5, codeVersion: '2' }), runId, { store, steps: ['work:left'] });
    const both = await reexecute(bench.define(), changed.runId, { store, steps: ['work:both'] });
    expect(both.value('both')).toBe(225);
    expect((await reexecute(bench.define(), runId, { store, steps: ['work:both'] })).value('both')).toBe(220);
  });

  test('run where they are no assets too', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    const { runId } = await failedRun(bench, store, []);
    const result = await reexecute(bench.define(), runId, { store, steps: ['work:clean', 'work:load'] });
    expect(bench.ran()).toEqual(['work:load', 'work:clean']);
    expect(result.outcomes.size).toBe(0);
    expect(result.steps.get('work:clean')?.outcome).toBe('succeeded');
  });

  test('none: nothing runs and nothing is written', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    const { runId } = await failedRun(bench, store, ['work:left']);
    const head = await store.port.head();
    expect((await reexecute(bench.define(), runId, { store, steps: [] })).outcomes.size).toBe(0);
    expect([bench.ran(), await store.port.head()]).toEqual([[], head]);
  });

  test('that read what failed are refused, unless that is named too', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    const { runId } = await failedRun(bench, store, ['work:left']);
    const head = await store.port.head();
    await expect(reexecute(bench.define(), runId, { store, steps: ['work:both'] })).rejects.toMatchObject({
      code: 'MISSING_VALUE',
      message: expect.stringContaining('Step "work:left" failed in run'),
    });
    await expect(reexecute(bench.define(), runId, { store, steps: ['report:report'] })).rejects.toMatchObject({
      code: 'MISSING_VALUE',
      message: expect.stringContaining('Step "work:both" was blocked in run'),
    });
    expect([bench.ran(), await store.port.head()]).toEqual([[], head]);
    await reexecute(bench.define(), runId, { store, steps: ['work:both', 'work:left'] });
    expect(bench.ran()).toEqual(['work:left', 'work:both']);
  });

  test('that were not in the run are refused with the nearest ids', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    const { runId } = await failedRun(bench, store, []);
    const refused = reexecute(bench.define(), runId, { store, steps: ['work:lefd'] });
    await expect(refused).rejects.toBeInstanceOf(SelectionError);
    await expect(refused).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('"work:left"'),
      details: { option: 'steps', step: 'work:lefd' },
    });
  });
});
