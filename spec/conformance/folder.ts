import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCase } from './case.ts';
import { playCase } from './play.ts';
import { playLive } from './play-live.ts';
import { playScript } from './play-script.ts';
import type { FillStores } from './stores.ts';

/** What came of vectors. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** `FILE ID select=[…] field: expected … got …`, one line a field. */
  readonly mismatches: readonly string[];
}

/** How vectors are played. */
export interface Playing {
  readonly fill: FillStores;
  /** As epochs of a live service: those that can be; all others are left out. */
  readonly live?: boolean;
}

/** Names of the vector files in a folder, sorted. */
export function vectorFiles(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.jsonl'))
    .map(({ name }) => name)
    .toSorted();
}

/** Plays one file, or every n-th case of it. A line that is malformed counts as one failed run, with the reason. */
export async function playFile(
  folder: string,
  file: string,
  { fill, every = 1, live = false }: Playing & { readonly every?: number },
): Promise<Tally> {
  const lines = readFileSync(join(folder, file), 'utf8').split('\n');
  const tallies: Tally[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() !== '' && (index + 1) % every === 0) tallies.push(await playLine(line, { file, number: index + 1, fill, live }));
  }
  return addTallies(tallies);
}

async function playLine(
  line: string,
  { file, number, fill, live }: Required<Playing> & { readonly file: string; readonly number: number },
): Promise<Tally> {
  try {
    const shape = readCase(line, `${file}:${number}`);
    const played = live ? await playLive(shape, fill) : [...(await playCase(shape, fill)), ...(await playScript(shape, fill))];
    const passed = played.filter(({ mismatches }) => mismatches.length === 0).length;
    const mismatches = played.flatMap(({ id, select, mismatches }) =>
      mismatches.map((each) => `${file} ${id} select=[${select.join(', ')}] ${each}`),
    );
    return { passed, failed: played.length - passed, mismatches };
  } catch (error) {
    return { passed: 0, failed: 1, mismatches: [error instanceof Error ? error.message : String(error)] };
  }
}

/** Adds tallies up. */
export function addTallies(tallies: readonly Tally[]): Tally {
  const sum = (count: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + count(tally), 0);
  return {
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed),
    mismatches: tallies.flatMap(({ mismatches }) => mismatches),
  };
}
