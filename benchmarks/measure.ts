import { Bench } from 'tinybench';

/** Median time of one call in milliseconds, after a warm-up. */
export async function median(work: () => unknown, timeMs = 1500): Promise<number> {
  const bench = new Bench({ time: timeMs, warmupTime: timeMs / 3, throws: true });
  bench.add('work', async () => void (await work()));
  await bench.run();
  const result = bench.tasks[0]?.result;
  if (result === undefined || !('latency' in result)) throw new Error('The benchmark gave no result.');
  return result.latency.p50;
}

/** Fails a benchmark whose work did not come out right: a fast wrong answer is no figure. */
export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`Wrong result: ${what}`);
}

/** The times of some rounds, in milliseconds. */
export interface Spread {
  readonly least: number;
  readonly median: number;
}

/** Times the work that each round prepares; what is prepared is not timed. Rounds before the first that counts warm up. */
export async function rounds(times: number, prepare: () => Promise<() => unknown>): Promise<Spread> {
  const taken: number[] = [];
  const warmUp = Math.ceil(times / 3);
  for (let round = 0; round < warmUp + times; round += 1) {
    const work = await prepare();
    const start = performance.now();
    await work();
    if (round >= warmUp) taken.push(performance.now() - start);
  }
  return spreadOf(taken);
}

/** The median of each work, all done in turns, so that a slow moment of the machine is one for all. */
export async function takeTurns<const Works extends readonly (() => unknown)[]>(
  works: Works,
  turns: number,
): Promise<{ readonly [Which in keyof Works]: number }> {
  const taken = works.map((): number[] => []);
  for (let turn = -2; turn < turns; turn += 1) {
    for (const [which, work] of works.entries()) {
      const start = performance.now();
      await work();
      if (turn >= 0) taken[which]?.push(performance.now() - start);
    }
  }
  // One median for each work, in their order.
  return taken.map((each) => spreadOf(each).median) as { readonly [Which in keyof Works]: number };
}

/** The least time of some rounds of one work, in milliseconds. */
export async function least(work: () => unknown, times: number): Promise<number> {
  return (await rounds(times, async () => work)).least;
}

function spreadOf(taken: readonly number[]): Spread {
  const sorted = [...taken].sort((a, b) => a - b);
  return { least: sorted[0] ?? Number.NaN, median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN };
}
