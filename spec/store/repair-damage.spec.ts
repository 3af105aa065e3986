import { hash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { StoreError } from '../../lib/kernel/errors.ts';
import { DamagedFile } from '../../store/salvage-pages.ts';
import { rankPages, RANK } from '../../store/salvage-order.ts';
import { salvageRoots } from '../../store/salvage-roots.ts';
import { positionOf } from '../../store/tables.ts';
import { anyRuns, fixedRuns } from './damage-samples.ts';
import {
  addressesIn,
  anyDamage,
  damaged,
  folderOf,
  has,
  makeWhole,
  PAGE,
  READ,
  repairHere,
  type Contents,
  type Damage,
  type Repaired,
  type Whole,
} from './repair-samples.ts';

const SECONDS = 1000;
const thorough = process.env['SLUICE_THOROUGH'] === '1';

let samples: readonly Whole[] = [];

beforeAll(async () => {
  samples = [
    await makeWhole(fixedRuns(3), { prunes: false }),
    await makeWhole(fixedRuns(20), { prunes: false }),
    await makeWhole(fixedRuns(12), { prunes: true }),
  ];
}, 60 * SECONDS);

/** The pages on which events of the newest snapshot stand. */
async function pagesOfEvents({ bytes, contents }: Whole): Promise<ReadonlySet<number>> {
  const file = openSync(join(await folderOf(bytes), 'data.mdb'), 'r');
  const damagedFile = new DamagedFile(file, PAGE);
  const found = new Set<number>();
  for (const { page, rank } of rankPages(damagedFile, salvageRoots(file), () => undefined).pages) {
    if (rank !== RANK.newest) continue;
    for (const { key, at, size } of damagedFile.page(page).nodes()) {
      if (key.length !== 6 || positionOf(key) > contents.head) continue;
      found.add(page);
      for (let own = Math.floor(at / PAGE); own * PAGE < at + size; own += 1) found.add(own);
    }
  }
  closeSync(file);
  return found;
}

/** What is wrong with a repaired store: nothing, if what it gives was there, and what is not there any more is told. */
function problems({ parts, findings, contents }: Repaired, { contents: before }: Whole): readonly string[] {
  const found: string[] = findings.map(({ message }) => message);
  if (parts.head !== contents.head) found.push(`the head is ${contents.head}, and ${parts.head} is told`);
  if (parts.head > before.head || (parts.isHeadKnown && parts.head !== before.head)) found.push(`the head is ${parts.head}`);
  if (parts.events.contradicted.count > 0 && !before.events.some(({ type }) => type === 'removed'))
    found.push('events are contradicted that never changed');
  for (const event of contents.events) {
    const { position } = event;
    const isLost = has(parts.events.lost, position);
    const expected = isLost ? { type: 'removed', kind: 'lost', position } : before.events[position - 1];
    // What a prune took from the log may come back from a page of before.
    const wasRemoved = before.events[position - 1]?.type === 'removed' && has(parts.events.uncertain, position);
    if (!isDeepStrictEqual(event, expected) && !wasRemoved) found.push(`the event at ${position} is ${JSON.stringify(event)}`);
  }
  const lost = new Set(parts.values.lostValues.map(({ address }) => address));
  for (const address of new Set(contents.events.flatMap(addressesIn))) {
    const value = contents.values.get(address) ?? '';
    const expected = lost.has(address) ? 'removed' : before.values.get(address);
    // What a prune removed may come back from a page of before.
    const isBack = expected === 'removed' && !lost.has(address) && address === `sha256:${hash('sha256', Buffer.from(value, 'hex'))}`;
    if (value !== expected && !isBack) found.push(`the value ${address} is ${value.slice(0, 20)}`);
  }
  if ((contents.cursor ?? 0) > (before.cursor ?? 0)) found.push(`the cursor is at ${contents.cursor}`);
  return [...found, ...offsetProblems({ parts, contents }, before)];
}

/** An offset is as it was; or it is an older one, or gone, and that is told. */
function offsetProblems({ parts, contents }: Pick<Repaired, 'parts' | 'contents'>, before: Contents): readonly string[] {
  return READ.flatMap((key, index) => {
    const [was, is] = [before.offsets[index], contents.offsets[index]];
    if (is === was) return [];
    const isTold = is === undefined ? parts.offsets.lost !== 0 : parts.offsets.uncertain.includes(key);
    return isTold && Number(is ?? 0) <= Number(was ?? -1) ? [] : [`the offset of ${key} was ${was}, and is ${is}`];
  });
}

async function problemsOf(whole: Whole, damages: readonly Damage[], events: ReadonlySet<number>): Promise<readonly string[]> {
  const { bytes, hit } = damaged(whole.bytes, damages);
  const repaired = await repairHere(await folderOf(bytes)).catch((error: unknown) => error);
  if (repaired instanceof StoreError && /^STORE_(CORRUPT|FORMAT)$/.test(repaired.code))
    return [...events].every((page) => hit.has(page)) ? [] : [`nothing was saved: ${repaired.message}`];
  if (repaired instanceof Error) throw repaired;
  // What is no error is what repairHere gives.
  const result = repaired as Repaired;
  const isUntouched = ![...hit].some((page) => events.has(page));
  const isTooMuch = isUntouched && result.parts.events.lost.count > 0;
  return [...problems(result, whole), ...(isTooMuch ? ['events are lost whose pages were not damaged'] : [])];
}

/** One of the samples, or a store that nobody has seen. */
const anyStore = fc.oneof(
  { weight: 6, arbitrary: fc.nat(2) },
  { weight: 1, arbitrary: fc.record({ runs: anyRuns, prunes: fc.boolean() }) },
);

describe('a store that was damaged and repaired', () => {
  test(
    'verifies, gives only what was there, and tells what is not',
    async () => {
      const pages = await Promise.all(samples.map(pagesOfEvents));
      await fc.assert(
        fc.asyncProperty(anyStore, anyDamage, async (store, makeDamage) => {
          const whole = typeof store === 'number' ? samples[store] : await makeWhole(store.runs, store);
          if (whole === undefined) throw new Error('there are fewer samples');
          const events = (typeof store === 'number' ? pages[store] : undefined) ?? (await pagesOfEvents(whole));
          const damages = makeDamage(whole.bytes.length);
          expect(await problemsOf(whole, damages, events), JSON.stringify(damages)).toEqual([]);
        }),
        { numRuns: thorough ? 1000 : 40 },
      );
    },
    (thorough ? 1200 : 120) * SECONDS,
  );
});
