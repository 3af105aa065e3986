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
