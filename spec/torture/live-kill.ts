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
/** Until when after it was heard of that something begins it is killed. */
const LONGEST_MS = { opening: 10, starting: 10, somewhere: 60, 'while it is updated': 8 } as const;
/** Twice, as a service is updated once in its lives. */
const UPDATING = ['while it is updated', 'while it is updated'] as const;
const PATIENCE_MS = 60_000;
const POLICIES: readonly EpochPolicy[] = [{}, { items: 3 }, { marks: true }];

/** Processes with a live service are killed at random moments, and others go on: the log is as if nobody had been killed. */
export const liveKill: Torture = {
  name: 'live-kill',
  about:
    'live services are killed at random moments, also while they are updated, and go on; the log at the end is that of one that was not killed',
  short: 12,
  long: 2000,
  run: (request) => killServices(request),
};

/**
 * Kills services; `skips` makes the last life go on behind what is on disk, as one that loses messages would, and `forgets` makes it one that is
 * never updated.
 */
export async function killServices(request: TortureRequest, { skips = false, forgets = false } = {}): Promise<TortureReport> {
  const tally = new Tally(request);
  const random = new Random(request.seed);
  await using nursery = new Nursery('live-kill-process', 1);
  while (tally.done < request.count) {
    const seed = random.below(2 ** 31);
    const problems = await killOneService(seed, { nursery, tally, skips, forgets });
    tally.pass(KILLS - (problems.length === 0 ? 0 : 1));
    if (problems.length > 0) tally.fail(`a service of seed ${seed}: ${problems.slice(0, 3).join('; ')}`);
  }
  return tally.report();
}

interface Tools {
  readonly nursery: Nursery;
  readonly tally: Tally;
  readonly skips: boolean;
  readonly forgets: boolean;
}

async function killOneService(seed: number, { nursery, tally, skips, forgets }: Tools): Promise<readonly string[]> {
  using folder = new TortureFolder('memory');
  using calm = new TortureFolder('memory');
  const random = new Random(seed);
  // Some are updated behind a message that a few lives may come to.
  const updateAt = random.below(3) === 0 ? 0 : 1 + random.below(MESSAGES / 3);
  const tape: LiveTape = { seed, count: MESSAGES, epochs: random.pick(POLICIES), again: 0, updateAt, isLate: false };
  tally.count('services that are updated', updateAt > 0 ? 1 : 0);
  const heard: number[] = [];
  let isUpdated = updateAt === 0;
  for (let killed = 0; killed < KILLS; killed += 1) {
    const played = { ...tape, again: random.below(5), isLate: random.below(2) === 0 };
    const life = startLife(nursery, { folder: folder.path, tape: played }, heard);
    await killSomewhere(life, { random, tally, isUpdated });
    if (life.problem !== undefined) return [life.problem];
    isUpdated ||= life.said.has('updated');
  }
  // A service that nobody kills is a process too: stacks of errors are logged, and name the files that were run.
  const ends: readonly (readonly [string, LiveTape])[] = [
    [folder.path, { ...tape, again: skips ? -1 : random.below(5), ...(forgets && { updateAt: 0 }) }],
    [calm.path, tape],
  ];
  for (const [path, played] of ends) {
    const life = startLife(nursery, { folder: path, tape: played }, path === folder.path ? heard : []);
    await hear(life, 'done');
    await life.child.kill();
    const { problem = life.child.stderr } = life;
    if (problem !== '') return [problem];
  }
  return await compare(folder.path, calm.path, heard);
}

/** One life of a service, from when its process is told to live it. */
interface Life {
  readonly child: Child;
  /** What it said. Heard here and not only by who waits for it: several lines may come at once. */
  readonly said: Set<string>;
  problem?: string;
}

function startLife(nursery: Nursery, order: LiveKillOrder, heard: number[]): Life {
  const life: Life = { child: nursery.take(), said: new Set() };
  life.child.onLine = ([about, ...rest]) => {
    const [position] = rest;
    if (about === 'epoch' && typeof position === 'number') heard.push(position);
    life.said.add(about);
    if (about === 'failed') life.problem = `one failed: ${rest.join(' ')}`;
  };
  life.child.tell(order);
  return life;
}

interface Killing {
  readonly random: Random;
  readonly tally: Tally;
  /** Whether it was updated before, or never is. */
  readonly isUpdated: boolean;
}

async function killSomewhere(life: Life, { random, tally, isUpdated }: Killing): Promise<void> {
  await hear(life, 'opening');
  const moment = random.pick([
    'opening',
    'starting',
    'between epochs',
    'between epochs',
    'somewhere',
    ...(isUpdated ? [] : UPDATING),
  ] as const);
  if (moment === 'starting' || moment === 'somewhere') await hear(life, 'open');
  if (moment === 'between epochs') for (let epochs = 1 + random.below(15); epochs > 0; epochs -= 1) await hear(life, 'epoch');
  if (moment === 'while it is updated') await hear(life, 'updating');
  if (moment !== 'between epochs') await sleep(random.below(LONGEST_MS[moment]));
  tally.count(`killed ${moment}`);
  if (life.said.has('updating') && !life.said.has('updated')) tally.count('killed before an update was done');
  await life.child.kill();
}

/** Waits until it has said something; for the next epoch, as long as there may be one. */
async function hear(life: Life, about: 'opening' | 'open' | 'epoch' | 'updating' | 'done'): Promise<void> {
  const { child, said, problem } = life;
  if (
    child.isGone ||
    problem !== undefined ||
    said.has('done') ||
    (about !== 'epoch' && said.has(about)) ||
    (about === 'updating' && said.has('updated'))
  )
    return;
  const patience = new AbortController();
  const tooLong = sleep(PATIENCE_MS, 'too long', { ref: false, signal: patience.signal }).catch(() => '');
  // One that was updated before will not say that it is.
  const heard = [about, 'done', 'failed', ...(about === 'updating' ? ['updated'] : [])].map((what) => child.hears(what));
  if ((await Promise.race([...heard, tooLong])) === 'too long')
    life.problem = `one said nothing about "${about}" for ${PATIENCE_MS} ms: ${child.stderr}`;
  patience.abort();
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
