import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AskedProcess } from './asked-process.ts';
import { compiled } from './compiled.ts';
import type { FullDiskOrder, FullDiskReply } from './disk-full-process.ts';
import { Random } from './random.ts';
import { QuickFolder } from './script-child.ts';
import { Tally, type Torture, type TortureReport, type TortureRequest } from './torture.ts';

/** A small file system of one's own. */
interface SmallDisk extends Disposable {
  readonly kind: string;
  readonly path: string;
}

const MEGABYTES = 24;
const PATIENCE_MS = 60_000;

/** Fills a small disk up to some bytes, writes until there is no room, makes room again, and goes on. */
export const diskFull: Torture = {
  name: 'disk-full',
  about: 'on a full disk a store refuses with STORE_FULL, keeps what it acknowledged, can be read, and goes on when there is room again',
  short: 6,
  long: 3000,
  run: (request) => fillDisks(request, { isLiar: false }),
};

/** What a writer acknowledges. */
export interface Honesty {
  /** Whether it acknowledges what is refused too. */
  readonly isLiar: boolean;
}

/** The torture of a writer that may be a liar. */
export async function fillDisks({ count, seed, tell }: TortureRequest, { isLiar }: Honesty): Promise<TortureReport> {
  const tally = new Tally({ tell });
  const random = new Random(seed);
  const lacks: string[] = [];
  for (const mount of [mountMemory, mountFile]) {
    const half = mount === mountMemory ? Math.ceil(count / 2) : Math.floor(count / 2);
    const disk = mount();
    if (typeof disk === 'string') {
      lacks.push(disk);
      tally.skip(half);
      continue;
    }
    using _ = disk;
    await fillDisk(disk, { count: half, random, tally, isLiar });
  }
  return tally.report(lacks.length === 0 ? undefined : lacks.join('; '));
}

/** What is done by whom, and how it may end. */
type Step = readonly [who: 'writer' | 'other', what: FullDiskOrder['do'], outcome: RegExp];

const DONE = /^done$/;
const DONE_OR_FULL = /^(done|STORE_FULL)$/;
const BEGIN: Step = ['writer', 'begin', DONE];

const STEPS: Readonly<Record<'stays open' | 'is closed' | 'is opened by another', readonly Step[]>> = {
  'stays open': [
    ['writer', 'fill', /^STORE_FULL$/],
    ['other', 'read', DONE],
    ['other', 'verify', DONE],
    ['other', 'backup', DONE_OR_FULL],
    ['other', 'restore', DONE_OR_FULL],
    ['writer', 'prune', DONE_OR_FULL],
    ['other', 'verify', DONE],
    ['writer', 'make room', DONE],
    ['writer', 'go on', DONE],
    ['writer', 'close', DONE],
    ['other', 'compare', DONE],
    ['other', 'verify', DONE],
  ],
  'is closed': [
    ['writer', 'fill', /^STORE_FULL$/],
    ['writer', 'close', DONE],
    ['other', 'read', DONE],
    ['other', 'repair', DONE_OR_FULL],
    ['other', 'compact', DONE_OR_FULL],
    ['other', 'forget locks', DONE],
    ['other', 'read', DONE_OR_FULL],
    ['writer', 'open', DONE_OR_FULL],
    ['other', 'make another', DONE_OR_FULL],
    ['writer', 'make room', DONE],
    ['writer', 'open', DONE],
    ['writer', 'go on', DONE],
    ['writer', 'close', DONE],
    ['other', 'compare', DONE],
    ['other', 'verify', DONE],
  ],
  // The writer's process runs on, and has let go of the store: there was no room to remove its lease.
  'is opened by another': [
    ['writer', 'fill', /^STORE_FULL$/],
    ['writer', 'close', DONE],
    ['writer', 'make room', DONE],
    ['other', 'open', DONE],
    ['other', 'compare', DONE],
    ['writer', 'open', /^STORE_LOCKED$/],
    ['other', 'close', DONE],
    ['writer', 'open', DONE],
    ['writer', 'go on', DONE],
    ['writer', 'close', DONE],
    ['other', 'verify', DONE],
  ],
};
const PLAYS = Object.values(STEPS);

interface Filling extends Honesty {
  readonly count: number;
  readonly random: Random;
  readonly tally: Tally;
}

async function fillDisk({ kind, path }: SmallDisk, { count, random, tally, isLiar }: Filling): Promise<void> {
  await using writer = start();
  await using other = start();
  for (let round = 0; round < count; round += 1) {
    const folder = join(path, `round-${round}`);
    mkdirSync(folder);
    // Steps of a page, from none on: also less than the store asks for before it begins to write.
    const order: Round = { folder, round, left: 4096 * random.below(100), seed: random.below(2 ** 31) };
    const problem = await fillOnce(order, { kind, writer, other, tally, isLiar });
    if (problem === undefined) tally.pass();
    else tally.fail(`${kind}, ${JSON.stringify({ ...order, folder: undefined })}: ${problem}`);
    // Whoever has files open that are gone keeps their room.
    await writer[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Fillers extends Honesty {
  readonly kind: string;
  readonly writer: AskedProcess<FullDiskOrder, FullDiskReply>;
  readonly other: AskedProcess<FullDiskOrder, FullDiskReply>;
  readonly tally: Tally;
}

interface Round {
  readonly folder: string;
  readonly round: number;
  /** How many bytes are left when it begins to write. */
  readonly left: number;
  readonly seed: number;
}

/** Gives what went otherwise than it may. */
async function fillOnce(
  { folder, round, left, seed }: Round,
  { kind, writer, other, tally, isLiar }: Fillers,
): Promise<string | undefined> {
  using quick = new QuickFolder();
  const sayings = join(quick.path, 'sayings');
  for (const [who, what, allowed] of [BEGIN, ...(PLAYS[round % PLAYS.length] ?? [])]) {
    const process = who === 'writer' ? writer : other;
    const reply = await process.ask(orderOf(what, { folder, left, seed, sayings, isLiar }));
    const outcome = reply.said === 'refused' ? reply.code : reply.said;
    tally.count(`${kind}: ${what} ${outcome}`);
    if (!allowed.test(outcome)) return `${what}: ${JSON.stringify(reply)}`;
  }
  return undefined;
}

function orderOf(
  what: FullDiskOrder['do'],
  { folder, left, seed, sayings, isLiar }: Omit<Round, 'round'> & Honesty & { readonly sayings: string },
): FullDiskOrder {
  if (what === 'begin') return { do: what, folder, seed, left, sayings, isLiar };
  return what === 'compare' ? { do: what, folder, sayings } : { do: what, folder };
}

function start(): AskedProcess<FullDiskOrder, FullDiskReply> {
  return new AskedProcess({ script: compiled('disk-full-process'), patienceMs: PATIENCE_MS });
}

/** A file system in memory; or why there is none. */
function mountMemory(): SmallDisk | string {
  return mounted('memory', (path) => [['mount', '-t', 'tmpfs', '-o', `size=${MEGABYTES}m`, 'sluice-torture', path]]);
}

/** ext4 in a file; or why there is none. */
function mountFile(): SmallDisk | string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-disk-'));
  const image = join(folder, 'image');
  const disk = mounted('ext4', (path) => [
    ['dd', 'if=/dev/zero', `of=${image}`, 'bs=1M', `count=${MEGABYTES}`],
    ['mkfs.ext4', '-q', '-m', '0', image],
    ['mount', '-o', 'loop', image, path],
  ]);
  if (typeof disk === 'string') {
    rmSync(folder, { recursive: true, force: true });
    return disk;
  }
  return {
    ...disk,
    [Symbol.dispose]: () => {
      disk[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function mounted(kind: string, commands: (path: string) => readonly (readonly string[])[]): SmallDisk | string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-mount-'));
  for (const [command = '', ...words] of commands(path)) {
    const { status, stderr, error } = spawnSync(command, words, { encoding: 'utf8' });
    if (status === 0) continue;
    rmSync(path, { recursive: true, force: true });
    return `no small disk (${kind}) can be made here: ${error?.message ?? stderr.trim().split('\n').at(-1)}`;
  }
  return {
    kind,
    path,
    [Symbol.dispose]: () => {
      spawnSync('umount', [path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}
