import { assetsFromGraph, define, graph, input, op, source, type Definitions } from 'sluice';

/** Assets of lanes, by key. */
export type LanesDefinitions = Definitions<Readonly<Record<string, number>>>;

const STEPS = 10;

/**
 * Lanes of ten ops, each behind a source of its own: the first op halves what the source gives and rounds down, the others add 1. The last
 * output of a lane is an asset, or every output is. `work` is done by every body.
 */
export function lanes(count: number, work: () => void = () => undefined, everyOutput = false): LanesDefinitions {
  const half = op({ name: 'half', codeVersion: '1', inputs: { n: input<number>() }, run: ({ n }) => (work(), Math.floor(n / 2)) });
  const add = op({ name: 'add', codeVersion: '1', inputs: { n: input<number>() }, run: ({ n }) => (work(), n + 1) });
  const names = Array.from({ length: count }, (_, lane) => `source_${lane}`);
  const inputs = Object.fromEntries(names.map((name) => [name, input<number>()]));
  const wired = graph('lanes', { inputs }, (sources) =>
    Object.fromEntries(
      Object.values(sources).flatMap((n, lane) => {
        const outputs = [half.as(`half_${lane}`)({ n })];
        for (let step = 1; step < STEPS; step += 1)
          outputs.push(...outputs.slice(-1).map((last) => add.as(`add_${lane}_${step}`)({ n: last })));
        return outputs.map((output, step) => [`lane_${lane}_step_${step}`, output] as const).slice(everyOutput ? 0 : STEPS - 1);
      }),
    ),
  );
  return define({ assets: [assetsFromGraph(wired, { canSubset: true }), ...names.map((name) => source<number>(name))] });
}

/** A value for the source of each lane. */
export function sourcesOf(count: number, valueOf: (lane: number) => number): Readonly<Record<string, number>> {
  return Object.fromEntries(Array.from({ length: count }, (_, lane) => [`source_${lane}`, valueOf(lane)]));
}

/** Keeps the processor at work for so long, as a body that computes does. */
export function busyWait(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
