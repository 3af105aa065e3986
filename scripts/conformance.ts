/**
 * `npm run conformance -- DIR [--store memory|lmdb] [--live]`: plays the conformance vectors of a folder (spec/conformance/README.md).
 * Prints the first mismatches, and ends with `N passed, N failed`. Exits with 1 when any run failed, with 2 when there was nothing to play.
 */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { addTallies, playFile, vectorFiles, type Tally } from '../spec/conformance/folder.ts';
import { fillerOf, isStoreName, storeNames, type FillStores } from '../spec/conformance/stores.ts';

const USAGE = 'Usage: npm run conformance -- DIR [--store memory|lmdb] [--live]';
const SHOWN = 20;

interface Arguments {
  readonly folder: string;
  readonly fill: FillStores;
  readonly live: boolean;
}

function stop(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

function readArguments(): Arguments {
  const { values, positionals } = parse();
  const [given] = positionals;
  if (positionals.length !== 1 || given === undefined) stop(`Name one folder of *.jsonl files, not ${positionals.length}.\n${USAGE}`);
  if (!isStoreName(values.store)) stop(`--store takes ${storeNames.join(' or ')}, not ${JSON.stringify(values.store)}.\n${USAGE}`);
  // npm changes to the root of the package; a relative folder is meant from where the user stands.
  const places = [resolve(process.env['INIT_CWD'] ?? '.', given), resolve(given)];
  const folder = places.find((place) => statSync(place, { throwIfNoEntry: false })?.isDirectory() === true);
  if (folder === undefined) stop(`There is no folder ${given}.`);
  return { folder, fill: fillerOf(values.store), live: values.live };
}

function parse() {
  try {
    return parseArgs({
      options: { store: { type: 'string', default: 'memory' }, live: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
  } catch (error) {
    return stop(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

function print({ passed, failed, mismatches }: Tally): void {
  for (const line of mismatches.slice(0, SHOWN)) console.log(line);
  if (mismatches.length > SHOWN) console.log(`… and ${mismatches.length - SHOWN} more mismatches`);
  console.log(`${passed} passed, ${failed} failed`);
}

const { folder, fill, live } = readArguments();
const files = vectorFiles(folder);
if (files.length === 0) stop(`There is no *.jsonl file in ${folder}.`);
const tallies: Tally[] = [];
for (const file of files) {
  tallies.push(await playFile(folder, file, { fill, live }));
}
const total = addTallies(tallies);
print(total);
if (total.failed > 0) process.exitCode = 1;
else if (total.passed === 0) process.exitCode = 2;
