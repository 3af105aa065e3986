import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../house/project.ts';
import { blocksOf, isAsSaid, isTypeScript, type Block } from './page.ts';
import { workspace, type Diagnostic } from './workspace.ts';

/** An example of a code: what raises it, and the message that the page quotes below it. */
interface Example {
  readonly code: string;
  readonly block: Block;
  readonly file: string;
  readonly said: string;
}

const page = readFileSync(join(root, 'docs', 'ERRORS.md'), 'utf8');
const lines = page.split('\n');
const blocks = blocksOf(page).filter(isTypeScript);
const headings = lines.flatMap((content, index) => {
  const code = /^## ([A-Z][A-Z_]*)$/.exec(content)?.[1];
  return code === undefined ? [] : [{ code, line: index + 1 }];
});
/** What every example starts with: the first block; and the one that is marked `no-run`, for examples with a store on disk. */
const shared = (blocks[0]?.code ?? []).join('\n');
const sharedOnDisk = blocks
  .filter(({ words }) => words.includes('no-run'))
  .flatMap(({ code }) => code)
  .join('\n');

const examples = headings.flatMap(({ code, line }, index) => {
  const end = headings[index + 1]?.line ?? lines.length + 1;
  const own = blocks.filter((block) => block.line > line && block.line < end && !block.words.includes('no-run'));
  return own.map((block, number): Example => ({ code, block, file: `${code}-${number}.ts`, said: quoteBelow(block) }));
});

/** The quotation that follows a block. */
function quoteBelow({ line, code }: Block): string {
  const below = lines.slice(line + code.length);
  const start = below.findIndex((content) => content.startsWith('>'));
  const rest = below.slice(start);
  const end = rest.findIndex((content) => !content.startsWith('>'));
  if (start === -1 || below.slice(0, start).some((content) => content.startsWith('#'))) return '';
  return rest
    .slice(0, end)
    .map((content) => content.replace(/^> ?/, ''))
    .join(' ');
}

function programOf({ block }: Example): string {
  const isOnDisk = block.code.some((content) => content.includes('openStore('));
  return [shared, ...(isOnDisk ? [sharedOnDisk] : []), ...block.code, 'export {};', ''].join('\n');
}

/** Imports every example in a folder of its own, and says what each threw. */
const runner = `
import { mkdirSync } from 'node:fs';
const folder = process.cwd();
const results: Record<string, unknown> = {};
for (const file of process.argv.slice(2)) {
  mkdirSync(folder + '/in-' + file, { recursive: true });
  process.chdir(folder + '/in-' + file);
  try {
    await import(folder + '/' + file);
    results[file] = { name: 'nothing', code: '', message: 'nothing was thrown' };
  } catch (error) {
    const { name, code, message } = error as { name: string; code: string; message: string };
    results[file] = { name, code, message };
  }
}
process.stdout.write(JSON.stringify(results), () => process.exit(0));
`;

/** Holds a store until it is killed, and says when it does. */
const holder = `
import { mkdirSync } from 'node:fs';
import { openStore } from 'sluice/store';
mkdirSync(process.argv[2] ?? '');
await openStore((process.argv[2] ?? '') + '/.sluice');
process.stdout.write('held');
setInterval(() => {}, 1000);
`;

const isHeld = ({ block }: Example): boolean => block.words.includes('held-by-another-process');

describe('docs/ERRORS.md', () => {
  const place = workspace();
  let compiled: readonly Diagnostic[] = [];
  let thrown: Readonly<Record<string, { readonly name: string; readonly code: string; readonly message: string }>> = {};
  let other: ChildProcess | undefined;

  beforeAll(async () => {
    for (const example of examples) place.write(example.file, programOf(example));
    place.write('run/runner.ts', runner);
    place.write('run/holder.ts', holder);
    compiled = place.compile();
    const ordinary = place.run('run/runner.ts', ...examples.filter((example) => !isHeld(example)).map(({ file }) => file));
    if (ordinary.status !== 0) throw new Error(`the examples did not run: ${ordinary.stderr}`);
    thrown = parse(ordinary.stdout);
    for (const { file } of examples.filter(isHeld)) {
      // The other process has the very store that the example opens.
      other = place.start('run/holder.ts', `in-${file}`);
      await heardFrom(other);
      thrown = { ...thrown, ...parse(place.run('run/runner.ts', file).stdout) };
    }
  });

  afterAll(() => {
    other?.kill('SIGKILL');
    place.remove();
  });

  test('has an example for every code that can be provoked', () => {
    const without = headings.map(({ code }) => code).filter((code) => !examples.some((example) => example.code === code));
    // Room on a disk and a disk's own failures are nothing that an example could take away.
    expect(without).toEqual(['STORE_FULL', 'STORE_IO']);
  });

  test.each(examples)('$code: the example of line $block.line is typed', ({ file }) => {
    expect(compiled.filter((each) => each.file === file)).toEqual([]);
  });

  test.each(examples)('$code: the example of line $block.line raises it, with the message that is quoted', ({ code, file, said }) => {
    const { message = '', ...error } = thrown[file] ?? { code: 'not run', name: '' };
    expect({ ...error, message }).toMatchObject({ code });
    expect(isAsSaid(message, said) ? said : message).toBe(said);
  });

  test.each(examples)('$code: the example of line $block.line is of the class whose part of the page it is on', ({ file, block }) => {
    const part = lines.slice(0, block.line).findLast((content) => content.startsWith('# ')) ?? '';
    const { name = '', code = '' } = thrown[file] ?? {};
    const expected = code === 'RUN_CANCELLED' ? 'AbortError' : code === 'VALUE_NOT_STORABLE' ? name : /^# (\w+):/.exec(part)?.[1];
    expect(name).toBe(expected);
  });
});

function parse(stdout: string): Readonly<Record<string, { readonly name: string; readonly code: string; readonly message: string }>> {
  // Written by the runner, above.
  return JSON.parse(stdout) as Readonly<Record<string, { readonly name: string; readonly code: string; readonly message: string }>>;
}

async function heardFrom(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`the other process ended with ${code}`)));
  });
}
