import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCase } from './case.ts';
import { playCase, type OpenStore } from './play.ts';

/** What came of the vectors of a folder. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** `FILE ID select=[…] field: expected … got …`, one line a field. */
  readonly mismatches: readonly string[];
  /** Actions of scripts, by file: they are not played yet. */
  readonly skipped: ReadonlyMap<string, number>;
}

/** Names of the vector files in a folder, sorted. */
export function vectorFiles(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.jsonl'))
    .map(({ name }) => name)
    .toSorted();
}

/** Which cases of a file to play: all, or every n-th. */
export interface Sampling {
  readonly every?: number;
}

/** Plays one file. A line that is malformed counts as one failed run, with the reason. */
export async function playFile(folder: string, file: string, open: OpenStore, { every = 1 }: Sampling = {}): Promise<Tally> {
  const tally = { passed: 0, failed: 0, mismatches: new Array<string>(), skipped: new Map<string, number>() };
  const lines = readFileSync(join(folder, file), 'utf8').split('\n');
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || index % every !== 0) continue;
    try {
      const shape = readCase(line, `${file}:${index + 1}`);
      if (shape.actions > 0) tally.skipped.set(file, (tally.skipped.get(file) ?? 0) + shape.actions);
      for (const { id, select, mismatches } of await playCase(shape, open)) {
        if (mismatches.length === 0) tally.passed += 1;
        else tally.failed += 1;
        tally.mismatches.push(...mismatches.map((mismatch) => `${file} ${id} select=[${select.join(', ')}] ${mismatch}`));
      }
    } catch (error) {
      tally.failed += 1;
      tally.mismatches.push(`${file} line ${index + 1}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return tally;
}

/** Adds tallies up. */
export function addTallies(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((sum, { passed }) => sum + passed, 0),
    failed: tallies.reduce((sum, { failed }) => sum + failed, 0),
    mismatches: tallies.flatMap(({ mismatches }) => mismatches),
    skipped: new Map(tallies.flatMap(({ skipped }) => [...skipped])),
  };
}
