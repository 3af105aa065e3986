import { cpus } from 'node:os';
import type { Benchmark, Figure } from './benchmark.ts';
import { importing } from './importing.ts';
import { keyed } from './keyed.ts';
import { living } from './living.ts';
import { planning } from './planning.ts';
import { refreshing } from './refreshing.ts';
import { running } from './running.ts';
import { storing } from './storing.ts';

const benchmarks: readonly Benchmark[] = [running, planning, importing, storing, refreshing, keyed, living];

const FULL = '--full';
const isFull = process.argv.includes(FULL);
const wanted = process.argv.slice(2).filter((argument) => argument !== FULL);
const unknown = wanted.find((name) => !benchmarks.some((each) => each.name === name));
if (unknown !== undefined) {
  console.error(`There is no benchmark "${unknown}". There are: ${benchmarks.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}
console.log(`Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`);
let broken = 0;
for (const { name, run } of benchmarks.filter((each) => wanted.length === 0 || wanted.includes(each.name))) {
  console.log(`\n${name}`);
  for (const figure of await run(isFull)) console.log(`  ${print(figure)}`);
}
process.exitCode = broken === 0 ? 0 : 1;

function print({ name, value, unit, against }: Figure): string {
  const line = `${name.padEnd(44)} ${format(value).padStart(9)} ${unit}`;
  if (against === undefined) return line;
  const ratio = against.value / value;
  const promise =
    against.atLeast === undefined
      ? ''
      : ratio >= against.atLeast
        ? `  (promised: ${against.atLeast})`
        : `  BELOW the promised ${against.atLeast}`;
  if (against.atLeast !== undefined && ratio < against.atLeast) broken += 1;
  return `${line.padEnd(66)} ${format(ratio)} times less than ${against.name}${promise}`;
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toPrecision(2);
}
