import { expectTypeOf, test } from 'vitest';
import { assetsFromGraph, define, graph, input, live, op, source, type AssetNow, type LiveService } from '../../index.ts';

const double = op({ name: 'double', inputs: { x: input<number>() }, run: ({ x }) => 2 * x });
const doubled = graph('doubled', { inputs: { x: input<number>() } }, ({ x }) => double({ x }));
const defs = define({ assets: [source<number>('x'), assetsFromGraph(doubled)] });

test('a service of any definitions is a service', async () => {
  const service = await live(defs);
  expectTypeOf(service).toExtend<LiveService>();
  const services: LiveService[] = [service];
  expectTypeOf(services[0]?.current('anything')).resolves.toEqualTypeOf<AssetNow | undefined>();
  expectTypeOf(service.current('doubled')).resolves.toEqualTypeOf<
    { readonly state: 'value'; readonly value: number; readonly version: string } | { readonly state: 'absent' } | undefined
  >();
  // @ts-expect-error: what is kept by its type has the keys of its definitions
  void service.current('dubled');
});
