import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verifyStore } from '../../store/verify.ts';
import { DamageChild } from './damage-child.ts';
import type { Answers } from './damage-process.ts';
import { fixedRuns, makeSample } from './damage-samples.ts';
import { newFolder } from './folder.ts';

const PAGE = 4096;
const SECONDS = 1000;

/** Something that happens to a file. */
type Damage =
  | { readonly what: 'flip'; readonly at: number; readonly bit: number }
  | { readonly what: 'header'; readonly page: number; readonly at: number; readonly byte: number }
  | { readonly what: 'zero'; readonly page: number }
  | { readonly what: 'swap' | 'repeat'; readonly page: number; readonly other: number }
  | { readonly what: 'cut'; readonly to: number };

/** Parts of a whole, so that they fit any file. */
const part = fc.nat({ max: 999_999 }).map((number) => number / 1_000_000);
const anyDamage: fc.Arbitrary<(size: number) => Damage> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(part, fc.nat(7)).map(([at, bit]) => (size: number): Damage => ({ what: 'flip', at: Math.floor(at * size), bit })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(part, fc.nat(63), fc.nat(255))
      .map(([page, at, byte]) => (size: number): Damage => ({ what: 'header', page: pageIn(page, size), at, byte })),
  },
  { weight: 1, arbitrary: part.map((page) => (size: number): Damage => ({ what: 'zero', page: pageIn(page, size) })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('swap' as const, 'repeat' as const), part, part)
      .map(([what, page, other]) => (size: number): Damage => ({ what, page: pageIn(page, size), other: pageIn(other, size) })),
  },
  { weight: 1, arbitrary: part.map((to) => (size: number): Damage => ({ what: 'cut', to: Math.floor(to * size) })) },
);

function pageIn(fraction: number, size: number): number {
  return Math.floor((fraction * size) / PAGE);
}

function damaged(whole: Buffer, damage: Damage): Buffer {
  const bytes = Buffer.from(whole);
  const page = (number: number): Buffer => bytes.subarray(number * PAGE, (number + 1) * PAGE);
  if (damage.what === 'flip') bytes[damage.at] = (bytes[damage.at] ?? 0) ^ (1 << damage.bit);
  else if (damage.what === 'header') page(damage.page)[damage.at] = damage.byte;
  else if (damage.what === 'zero') page(damage.page).fill(0);
  else if (damage.what === 'cut') return bytes.subarray(0, damage.to);
  else {
    const kept = Buffer.from(page(damage.page));
    page(damage.other).copy(page(damage.page));
    if (damage.what === 'swap') kept.copy(page(damage.other));
  }
  return bytes;
}

/**
 * What a store that is damaged may answer: nothing, less than there was or, of an index, what was there before; never what nobody
 * wrote, or what is about something else. Nobody can notice by one look at an index that a row of it is not there any more.
 */
function isPart(answer: Answers[string] | undefined, { question, whole }: { readonly question: string; readonly whole: Answers }): boolean {
  if (answer === undefined || typeof answer === 'string') return answer === 'refused';
  const [verb, subject, at] = question.split(' ');
  const all = whole[verb === 'readable' || verb === 'settled' ? 'read' : question] ?? [];
  if (verb === 'read') return answer.every((line, index) => line === all[index]);
  if (verb === 'head') return answer.length === 1;
  return answer.every((line) => {
    const position = Number(/@(\d*) /.exec(line)?.[1]);
    const isAskedFor = verb !== 'readable' && verb !== 'settled' ? true : line.startsWith(`${subject}@`) && position <= Number(at);
    return all.includes(line) && isAskedFor;
  });
}

async function makeWhole(runs: number): Promise<Buffer> {
  const folder = await newFolder();
  await makeSample(folder, fixedRuns(runs));
  return readFile(join(folder, 'data.mdb'));
}

async function folderOf(bytes: Buffer): Promise<string> {
  const folder = await newFolder();
  await writeFile(join(folder, 'data.mdb'), bytes);
  return folder;
}

describe('a damaged store', () => {
  test(
    'is found out, or reads as if nothing had happened',
    async () => {
      const whole = await makeWhole(20);
      const children = [new DamageChild(), new DamageChild()];
      const expected = await children[0]?.ask({ do: 'read', folder: await folderOf(whole) });
      if (expected?.said !== 'read') throw new Error('the whole store was not read');
      const damages = fc.sample(anyDamage, 60).map((make) => make(whole.length));

      const examine = async (child: DamageChild, damage: Damage): Promise<void> => {
        const bytes = damaged(whole, damage);
        const folder = await folderOf(bytes);
        const checked = await child.ask({ do: 'check', folder });
        // Another folder, so that what the check left of itself plays no part.
        const read = await child.ask({ do: 'read', folder: await folderOf(bytes) });
        const isFound = checked.said !== 'checked' || checked.findings.length > 0;
        const label = JSON.stringify(damage);
        expect(isFound || isDeepStrictEqual(read, expected), label).toBe(true);
        if (read.said !== 'read') return;
        for (const [question, answer] of Object.entries(read.answers)) {
          expect(isPart(answer, { question, whole: expected.answers }), `${label}: ${question}: ${JSON.stringify(answer)}`).toBe(true);
        }
      };
      await Promise.all(
        children.map(async (child, index) => {
          for (const damage of damages.filter((_, at) => at % 2 === index)) await examine(child, damage);
        }),
      );
    },
    60 * SECONDS,
  );

  test(
    'is reported by verifyStore, which outlives it',
    async () => {
      const whole = await makeWhole(8);
      const inUse = [2, 5, 9].map((page) => ({ what: 'zero', page }) as const);
      for (const damage of [...inUse, { what: 'cut', to: whole.length - PAGE } as const]) {
        const report = await verifyStore(await folderOf(damaged(whole, damage)));
        expect(report.findings.length, JSON.stringify(damage)).toBe(report.ok ? 0 : 1);
      }
    },
    30 * SECONDS,
  );

  test('is not mapped where its file is shorter than it says', async () => {
    const whole = await makeWhole(3);
    const folder = await folderOf(whole.subarray(0, PAGE * 3));
    const copy = join(folder, 'copy');
    await mkdir(copy);
    await copyFile(join(folder, 'data.mdb'), join(copy, 'data.mdb'));
    expect(await new DamageChild().ask({ do: 'check', folder: copy })).toMatchObject({
      said: 'checked',
      findings: [expect.stringMatching(/^file: /)],
    });
  });
});
