import { setTimeout as sleep } from 'node:timers/promises';
import type { EpochPolicy } from '../../index.ts';
import { openStore } from '../../store/open-store.ts';
import { eventsFrom } from '../laws/incremental-checks.ts';
import { withoutRuns } from '../laws/live-play.ts';
import { Nursery, type Child } from './child.ts';
import { TortureFolder } from './folders.ts';
import type { LiveKillOrder } from './live-kill-process.ts';
import type { LiveTape } from './live-tape.ts';
import { Random } from './random.ts';
import { Tally, type Torture, type TortureReport, type TortureRequest } from './torture.ts';

/** How many kills a service survives before it may come to its end. */
const KILLS = 4;
const MESSAGES = 150;
const PATIENCE_MS = 60_000;
const POLICIES: readonly EpochPolicy[] = [{}, { items: 3 }, { marks: true }];

/** Processes with a live service are killed at random moments, and others go on: the log is as if nobody had been killed. */
export const liveKill: Torture = {
  name: 'live-kill',
  about: 'live services are killed at random moments and go on; the log at the end is that of one that was not killed',
  short: 8,
  long: 2000,
  run: (request) => killServices(request),
};

/** Kills services; `skips` makes the last life go on behind what is on disk, as one that loses messages would. */
export async function killServices(request: TortureRequest, { skips = false } = {}): Promise<TortureReport> {
  const tally = new Tally(request);
  const random = new Random(request.seed);
  await using nursery = new Nursery('live-kill-process', 1);
  while (tally.done < request.count) {
    const seed = random.below(2 ** 31);
    const problems = await killOneService(seed, { nursery, tally, skips });
    tally.pass(KILLS - (problems.length === 0 ? 0 : 1));
    if (problems.length > 0) tally.fail(`a service of seed ${seed}: ${problems.slice(0, 3).join('; ')}`);
  }
  return tally.report();
}

interface Tools {
  readonly nursery: Nursery;
  readonly tally: Tally;
  readonly skips: boolean;
}

async function killOneService(seed: number, { nursery, tally, skips }: Tools): Promise<readonly string[]> {
  using folder = new TortureFolder('memory');
  using calm = new TortureFolder('memory');
  const random = new Random(seed);
  const tape: LiveTape = { seed, count: MESSAGES, epochs: random.pick(POLICIES), again: 0 };
  const heard: number[] = [];
  for (let killed = 0; killed < KILLS; killed += 1) {
    const child = startChild(nursery, { folder: folder.path, tape: { ...tape, again: random.below(5) } }, heard);
    await killSomewhere(child, random, tally);
  }
  // A service that nobody kills is a process too: stacks of errors are logged, and name the files that were run.
  const ends: readonly (readonly [string, LiveTape])[] = [
    [folder.path, { ...tape, again: skips ? -1 : random.below(5) }],
    [calm.path, tape],
  ];
  for (const [path, played] of ends) {
    const child = startChild(nursery, { folder: path, tape: played }, path === folder.path ? heard : []);
    const ended = await Promise.race([child.hears('done').then(() => 'done'), tooLong()]);
    await child.kill();
    if (ended !== 'done' || child.stderr !== '') return [`one did not come to its end within ${PATIENCE_MS} ms: ${child.stderr}`];
  }
  return await compare(folder.path, calm.path, heard);
}

function startChild(nursery: Nursery, order: LiveKillOrder, heard: number[]): Child {
  const child = nursery.take();
  child.onLine = ([about, position]) => {
    if (about === 'epoch' && typeof position === 'number') heard.push(position);
  };
  child.tell(order);
  return child;
}

async function killSomewhere(child: Child, random: Random, tally: Tally): Promise<void> {
  await Promise.race([child.hears('opening'), tooLong()]);
  const moment = random.pick(['opening', 'starting', 'between epochs', 'between epochs', 'somewhere'] as const);
  if (moment === 'starting' || moment === 'somewhere') await Promise.race([child.hears('open'), tooLong()]);
  if (moment === 'between epochs')
    for (let epochs = 1 + random.below(15); epochs > 0 && !child.isGone; epochs -= 1)
      await Promise.race([child.hears('epoch'), child.hears('done'), tooLong()]);
  if (moment !== 'between epochs') await sleep(random.below(moment === 'somewhere' ? 60 : 10));
  tally.count(`killed ${moment}`);
  await child.kill();
}

async function tooLong(): Promise<string> {
  await sleep(PATIENCE_MS, undefined, { ref: false });
  return 'too long';
}

async function compare(folder: string, calm: string, heard: readonly number[]): Promise<readonly string[]> {
  await using expected = await openStore(calm);
  await using got = await openStore(folder);
  const [right, log] = [withoutRuns(await eventsFrom(expected, 1)), await eventsFrom(got, 1)];
  const found = withoutRuns(log);
  const problems = heard
    .filter((position) => position > log.length)
    .map((position) => `an epoch was on disk at ${position}, and is not there`);
  const at = right.findIndex((event, index) => found[index] !== event);
  if (at >= 0) problems.push(`event ${at} of ${right.length} is ${found[at]?.slice(0, 300)}, and was to be ${right[at]?.slice(0, 300)}`);
  if (found.length > right.length)
    problems.push(`there are ${found.length - right.length} events too many: ${found[right.length]?.slice(0, 300)}`);
  return problems;
}
