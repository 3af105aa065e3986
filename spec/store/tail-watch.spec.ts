import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { watchFile, type FileEvents, type WatchSystem } from '../../store/watch-file.ts';
import { manualClock } from '../operators/rig/manual-clock.ts';
import { newFolder } from './folder.ts';

/** A system whose events and time a test makes. */
function manualSystem(canWatch: boolean) {
  const clock = manualClock();
  const watching: FileEvents[] = [];
  const unreferenced: number[] = [];
  const system: WatchSystem = {
    watch: (_, events) => {
      if (!canWatch) throw new Error('too many watchers');
      watching.push(events);
      return () => void watching.splice(watching.indexOf(events), 1);
    },
    every: (ms, callback, keepsAlive) => {
      if (!keepsAlive) unreferenced.push(ms);
      let stop: () => void = () => undefined;
      const again = (): void => {
        stop = clock.timer(ms, () => {
          again();
          callback();
        });
      };
      again();
      return () => stop();
    },
    once: (ms, callback) => clock.timer(ms, callback),
  };
  return { system, clock, watching, unreferenced };
}

describe('watching a file', () => {
  test('calls back on each event, and twice after the last one', () => {
    const { system, clock, watching } = manualSystem(true);
    const onChange = vi.fn<() => void>();
    const stop = watchFile('file', onChange, system);
    watching[0]?.onEvent();
    expect(onChange).toHaveBeenCalledTimes(1);
    clock.advance(1);
    watching[0]?.onEvent();
    expect(onChange).toHaveBeenCalledTimes(2);
    clock.advance(1);
    expect(onChange).toHaveBeenCalledTimes(2);
    clock.advance(1);
    expect(onChange).toHaveBeenCalledTimes(3);
    clock.advance(18);
    expect(onChange).toHaveBeenCalledTimes(4);
    clock.advance(100);
    expect(onChange).toHaveBeenCalledTimes(4);
    stop();
  });

  test('calls back four times a second without any event, and the process does not wait for that', () => {
    const { system, clock, unreferenced } = manualSystem(true);
    const onChange = vi.fn<() => void>();
    const stop = watchFile('file', onChange, system);
    clock.advance(1000);
    expect(onChange).toHaveBeenCalledTimes(4);
    expect(unreferenced).toEqual([250]);
    stop();
  });

  test.each(['from the start', 'later'])('looks every 20 ms where the system cannot tell %s', (when) => {
    const { system, clock, watching, unreferenced } = manualSystem(when === 'later');
    const onChange = vi.fn<() => void>();
    const stop = watchFile('file', onChange, system);
    watching[0]?.onError();
    expect(watching).toEqual([]);
    clock.advance(200);
    expect(onChange).toHaveBeenCalledTimes(10);
    expect(unreferenced).toEqual([250]);
    stop();
    expect(clock.waiting()).toBe(0);
  });

  test('leaves nothing behind', () => {
    const { system, clock, watching } = manualSystem(true);
    const onChange = vi.fn<() => void>();
    const stop = watchFile('file', onChange, system);
    const [events] = watching;
    events?.onEvent();
    stop();
    expect([watching.length, clock.waiting()]).toEqual([0, 0]);
    events?.onError();
    expect(clock.waiting()).toBe(0);
    expect(onChange).toHaveBeenCalledTimes(1);
  });

  test('is told by the system of every change', async () => {
    const file = join(await newFolder(), 'file');
    await writeFile(file, '');
    const interval = vi.spyOn(globalThis, 'setInterval').mockReturnValue(setTimeout(() => undefined));
    let changes = 0;
    const stop = watchFile(file, () => (changes += 1));
    interval.mockRestore();
    for (let round = 0; round < 3; round += 1) {
      const before = changes;
      await writeFile(file, `round ${round}`);
      await vi.waitFor(() => expect(changes).toBeGreaterThan(before), 60_000);
    }
    stop();
  });

  test('of a file that is not there looks by the clock', async () => {
    const folder = await newFolder();
    let changes = 0;
    const stop = watchFile(join(folder, 'none'), () => (changes += 1));
    await vi.waitFor(() => expect(changes).toBeGreaterThan(2), 60_000);
    stop();
  });
});
