/**
 * `npm run torture -- NAME [--count N] [--seed S]`: breaks stores, or the processes that use them, and looks what is left (docs/TORTURE.md).
 * Prints how it goes, and ends with `N passed, N failed`. Exits with 1 when anything failed, with 2 when there is no such torture.
 */
import { parseArgs } from 'node:util';
import { tortures } from '../spec/torture/list.ts';
import { countsText, type Torture, type TortureReport } from '../spec/torture/torture.ts';

const USAGE = 'Usage: npm run torture -- NAME [--count N] [--seed S]';

interface Arguments {
  readonly torture: Torture;
  readonly count: number;
  readonly seed: number;
}

function stop(message: string): never {
  const list = tortures.map(({ name, about, long }) => `  ${name.padEnd(10)} ${about} (${long} times)`);
  process.stderr.write(`${[message, USAGE, ...list].join('\n')}\n`);
  process.exit(2);
}

function readArguments(): Arguments {
  const { values, positionals } = parse();
  const [name] = positionals;
  const torture = tortures.find((one) => one.name === name);
  if (name === undefined || positionals.length > 1) stop(`Name one torture, not ${positionals.length}.`);
  if (torture === undefined) stop(`There is no torture ${JSON.stringify(name)}.`);
  return {
    torture,
    count: values.count === undefined ? torture.long : wholeNumber('--count', values.count),
    seed: values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : wholeNumber('--seed', values.seed),
  };
}

function parse() {
  try {
    return parseArgs({ options: { count: { type: 'string' }, seed: { type: 'string' } }, allowPositionals: true });
  } catch (error) {
    return stop(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) stop(`${option} takes a whole number, not ${JSON.stringify(text)}.`);
  return number;
}

function print({ passed, failed, skipped, counts, failures, lacks }: TortureReport, seconds: number): void {
  for (const line of failures) console.log(`failed: ${line}`);
  for (const [what, times] of Object.entries(counts)) console.log(`${String(times).padStart(10)}  ${what}`);
  console.log(`${seconds.toFixed(1)} s`);
  const skips = lacks === undefined ? '' : `, ${skipped} skipped: ${lacks}`;
  console.log(`${passed} passed, ${failed} failed${skips}`);
}

const { torture, count, seed } = readArguments();
console.log(`${torture.name}: ${torture.about}; ${count} times, --seed ${seed}`);
const started = performance.now();
const report = await torture.run({ count, seed, tell: (line) => console.log(line) });
print(report, (performance.now() - started) / 1000);
if (report.failed > 0) process.exitCode = 1;
else if (report.passed === 0 && report.skipped === 0) {
  console.error(`Nothing was done (${countsText(report.counts)}).`);
  process.exitCode = 1;
}
