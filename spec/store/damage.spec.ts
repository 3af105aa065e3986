import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verifyStore } from '../../store/verify.ts';
import { damaged } from '../torture/damage.ts';
import { DamageChild } from './damage-child.ts';
import { fixedRuns, makeSample } from './damage-samples.ts';
import { newFolder } from './folder.ts';

const PAGE = 4096;
const SECONDS = 1000;

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
