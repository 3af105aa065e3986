import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { start, type Ended } from './start.ts';

// Starting a process takes a second, and much more on a machine that is busy with other specs.
const folder = mkdtempSync(join(tmpdir(), 'sluice-earthquakes-'));
const startExample = (store: string, onOutput?: Parameters<typeof start>[1]): Promise<Ended> =>
  start(['examples/earthquakes/main.ts', join(folder, store)], onOutput);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The lines between two headings. */
function part(text: string, from: string, to?: string): string {
  const at = text.indexOf(from);
  expect(at, `there is a part "${from}"`).toBeGreaterThanOrEqual(0);
  return text.slice(at, to === undefined ? undefined : text.indexOf(to, at));
}

describe('the earthquakes example, started twice', () => {
  let first: Ended;
  let second: Ended;

  beforeAll(async () => {
    first = await startExample('store');
    second = await startExample('store');
  });

  test('ends well, and says nothing on stderr', () => {
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect([second.code, second.stderr]).toEqual([0, '']);
  });

  test('writes plain text of at most 80 columns where there is no terminal', () => {
    const lines = first.stdout.split('\n').filter((line) => !line.includes(tmpdir()));
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(first.stdout.includes('\u001B')).toBe(false);
  });

  test('shows a line for every step, once it settled', () => {
    const progress = part(first.stdout, 'Everything: 10 assets, made by 9 steps', '1,707 events');
    expect(progress.match(/^ {2}✓ \S+/gm)).toHaveLength(9);
    expect(progress).toMatch(/✓ week:classify\.split_by_type {2}earthquakes, blasts; no others/);
    expect(progress).toContain('9 of 9 steps, 9 assets recorded, 1 absent');
    expect(progress).toContain('usgs/feed is new, at position 2');
  });

  test('tells the numbers of the week', () => {
    const tables = part(first.stdout, '1,707 events', 'Alerts alone');
    expect(tables).toContain('1,679 earthquakes, 15 explosions and 13 quarry blasts');
    const days = [...tables.matchAll(/^ ?\w{3} \d+ (?:Jan|Feb) +(\d+) {2}[█▉▊▋▌▍▎▏]+/gm)].map(([, count]) => Number(count));
    expect(days).toEqual([192, 224, 237, 258, 301, 244, 209, 14]);
    const magnitudes = [...tables.matchAll(/(-?\d) to \d +(\d+) {2}[█▉▊▋▌▍▎▏]+$/gm)].map(([, from, count]) => [
      Number(from),
      Number(count),
    ]);
    expect(magnitudes).toEqual([
      [-1, 44],
      [0, 664],
      [1, 533],
      [2, 221],
      [3, 89],
      [4, 89],
      [5, 34],
      [6, 5],
    ]);
    expect(tables).toMatch(/California {3}817/);
    expect(tables).toContain('Alerts: 85 earthquakes from magnitude 4.5');
    expect(tables).toMatch(/^6\.4 .* 22km NNE of Hualian, Taiwan$/m);
    expect(tables).toContain('Report: 1,679 earthquakes. The busiest day was Sun 4 Feb with 301.');
  });

  test('makes the alerts alone, and says what ran, what was gated and why', () => {
    const alone = part(first.stdout, 'Alerts alone: 3 of 9 steps needed, 1 ran, 2 reused', 'Revised').replace(/\s+/g, ' ');
    expect(alone).toContain('week:measure ran, since "week/alerts" is selected; asked for alerts, not for histogram');
    expect(alone).toContain('It emitted histogram all the same, and the gate dropped that.');
    expect(alone).toContain('= week:classify.read_events was needed and reused, since it gives its value to week:classify.split_by_type.');
    expect(alone).toMatch(
      /= week:classify\.split_by_type was needed and reused, .* asked for earthquakes, not for blasts and others, which nothing selected needs\./,
    );
    expect(alone).toContain('6 steps left out, since no selected asset needs them: week:classify.count_types');
    expect(alone).toMatch(/week\/alerts is recorded at position \d+: the same value as at position \d+\./);
  });

  test.each([
    ['first', () => first],
    ['second', () => second],
  ])('tells at the %s start how little the revised feed made run, and why', (_, start) => {
    const revised = part(start().stdout, 'Revised: 493 events reviewed, one magnitude corrected; 3 ran, 6 reused', 'In the store').replace(
      /\s+/g,
      ' ',
    );
    expect(revised.match(/✓ \S+ ran:/g)).toEqual([
      '✓ week:classify.read_events ran:',
      '✓ week:classify.split_by_type ran:',
      '✓ week:classify.count_types ran:',
    ]);
    expect(revised).toMatch(/read_events ran: usgs\/feed changed at \d+\. /);
    expect(revised).toContain('= 6 steps reused: week:measure, week:count_days,');
    expect(revised).toContain('cut off at 2 assets, made again with equal values: week/earthquakes and week/by_type.');
    expect(revised).toContain('1 asset got another value: week/blasts.');
  });

  test('lists what is in the store', () => {
    const stored = part(first.stdout, 'In the store');
    expect(stored).toMatch(/^In the store: \d+ events of 3 runs$/m);
    expect(stored).toMatch(/^ {2}week\/earthquakes +\d+ +3 {2}[0-9a-f]{8} {2}1,679 earthquakes/m);
    expect(stored).toMatch(/^ {2}week\/blasts .* 28 explosions and quarry blasts$/m);
    expect(stored).toMatch(/^ {2}week\/others .* absent: no events of any other type$/m);
    expect(stored).toMatch(/^ {2}week\/alerts +\d+ +2 .* 85 earthquakes from magnitude 4\.5$/m);
  });

  test('finds at its second start what the first one left', () => {
    const position = /^ {2}week\/alerts +(\d+) /m.exec(part(first.stdout, 'In the store'))?.[1];
    const greeting = part(second.stdout, 'The store in', 'Everything').replace(/\s+/g, ' ');
    expect(part(first.stdout, 'The store in', 'Everything')).toContain('is new.');
    expect(greeting).toContain(`remembers 3 runs; last alerts at position ${position}: 85, the strongest 6.4.`);
    const revised = /^ {2}usgs\/feed +(\d+) /m.exec(part(first.stdout, 'In the store'))?.[1];
    expect(second.stdout).toMatch(new RegExp(`usgs/feed is another one than at position ${revised}: recorded at position \\d+`));
    expect(part(second.stdout, 'Everything', '1,707 events')).toMatch(/^ {2}= week:places\.locate$/m);
    expect(part(second.stdout, 'In the store')).toMatch(/^In the store: \d+ events of 6 runs$/m);
  });

  test('gives equal values equal versions at both starts', () => {
    const versions = ({ stdout }: Ended): readonly string[] =>
      [...part(stdout, 'In the store').matchAll(/^ {2}(\S+) +\d+ +\d+ {2}([0-9a-f]{8})/gm)].map(([, key, version]) => `${key} ${version}`);
    expect(versions(second)).toEqual(versions(first));
    expect(versions(first)).toHaveLength(10);
  });

  test('tells the same of the week at both starts', () => {
    expect(part(second.stdout, '1,707 events', 'Alerts alone')).toBe(part(first.stdout, '1,707 events', 'Alerts alone'));
  });
});

test('says what is wrong and what to do where there can be no store, and exits with 1', async () => {
  writeFileSync(join(folder, 'a-file'), '');
  const { code, stdout, stderr } = await startExample('a-file');
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^✗ STORE_PATH\n/);
  expect(stderr.replace(/\s+/g, ' ')).toContain('Give the path of a folder');
});

// Other systems end a process that gets this signal without asking it.
test.skipIf(process.platform === 'win32')('is cancelled by Ctrl-C, keeps what was recorded, and starts well after that', async () => {
  // Once: a second one would end the process at once.
  let isSent = false;
  const cancelled = await startExample('cancelled', (stdout, child) => {
    if (!isSent && stdout.includes('Everything:')) isSent = child.kill('SIGINT');
  });
  expect([cancelled.code, cancelled.stderr]).toEqual([130, '']);
  expect(cancelled.stdout).toContain('Cancelled. What was recorded before stays in the store.');
  const after = await startExample('cancelled');
  expect(after.code).toBe(0);
  // It may have come before the run had started; then there is nothing to remember.
  expect(after.stdout.replace(/\s+/g, ' ')).toMatch(/remembers \d runs?[;,]|is new/);
});
