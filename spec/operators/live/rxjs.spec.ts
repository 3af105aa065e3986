import { debounceTime, delay, map, mergeMap, of, scan, Subject, VirtualTimeScheduler, type Observable } from 'rxjs';
import { expect, test } from 'vitest';
import { assetsFromGraph, define, feed, graph, input, live, op, source } from '../../../index.ts';
import { ready } from '../rig/deferred.ts';
import { brief, seenOf } from '../rig/live-rig.ts';

type Frames = Observable<{ readonly x: number }>;

test('an op that is an RxJS operator gets one frame an epoch, and remembers nothing', async () => {
  const bodies: Readonly<Record<string, (frames: Frames) => Observable<number>>> = {
    'one that answers at once': (frames) =>
      frames.pipe(
        map(({ x }) => x),
        scan((sum, x) => sum + x, 0),
      ),
    'one that answers later': (frames) => frames.pipe(mergeMap(({ x }) => of(x).pipe(delay(1)))),
    'one that spans time, which ends with the frame': (frames) =>
      frames.pipe(
        map(({ x }) => x),
        debounceTime(60_000),
      ),
  };
  for (const [name, operator] of Object.entries(bodies)) {
    const same = op({ name: 'same', codeVersion: '1', inputs: { x: input<number>() }, operator });
    const body = graph('same', { inputs: { x: input<number>() } }, (inputs) => same(inputs));
    const service = await live(define({ assets: [source<number>('x'), assetsFromGraph(body)] }), {});
    const values = seenOf(service.changes('same'));
    for (const x of [3, 4]) await service.push('x', x);
    expect(
      values.map((change) => change.state === 'value' && change.value),
      name,
    ).toEqual([3, 4]);
    await service.close();
  }
});

/** Definitions of `x`, of ten times that, and of a source beside it of which `said` is made. */
function calming() {
  const tenfold = op({ name: 'tenfold', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => 10 * x });
  const say = op({ name: 'say', codeVersion: '1', inputs: { calm: input<number>() }, run: ({ calm }) => `calm at ${calm}` });
  const body = graph('calming', { inputs: { x: input<number>(), calm: input<number>() } }, ({ x, calm }) => ({
    ten: tenfold({ x }),
    said: say({ calm }),
  }));
  return define({ assets: [source<number>('x'), source<number>('calm'), assetsFromGraph(body)] });
}

test('RxJS that spans epochs stands between an asset and a source, and ends with the service', async () => {
  const scheduler = new VirtualTimeScheduler();
  const calm = new Subject<number>();
  const service = await live(calming(), { sources: { calm: feed<number>({ from: calm, overflow: 'conflate', initial: 0 }) } });
  const epochs = seenOf(service.epochs());
  service
    .value('ten')
    .pipe(
      debounceTime(100, scheduler),
      map((now) => (now.state === 'value' ? now.value : 0)),
    )
    .subscribe(calm);
  for (const x of [1, 2, 3]) await service.push('x', x);
  scheduler.flush();
  await service.durable();
  expect(await service.current('said')).toMatchObject({ value: 'calm at 30' });
  await service.push('x', 4);
  await service.close();
  // What it still held comes when the service has ended, and goes nowhere.
  await ready();
  expect(brief(epochs).filter((each) => each.endsWith('say'))).toEqual(['start 1: tenfold say', 'items 1: say']);
  expect(calm.observed).toBe(false);
});
