/** A fenced block of code on a page. */
export interface Block {
  /** `ts`, `sh`, … */
  readonly language: string;
  /** What stands behind the language: `no-run`, `fresh`. */
  readonly words: readonly string[];
  /** The place of its first line of code on the page, from 1. */
  readonly line: number;
  readonly code: readonly string[];
}

/** What a `console.log` is said to print. */
export interface Expectation {
  /** The line of the page on which the call starts. */
  readonly line: number;
  readonly text: string;
}

/** The blocks of a page that continue each other, as one program: every line of it stands where it stands on the page. */
export interface Program {
  readonly line: number;
  /** All of it, for the compiler. */
  readonly whole: string;
  /** Without what is marked `no-run`; `undefined` where nothing is left. */
  readonly runnable: string | undefined;
  readonly expected: readonly Expectation[];
}

/** Every fenced block of a page. */
export function blocksOf(text: string): readonly Block[] {
  const blocks: Block[] = [];
  let open:
    | { readonly fence: string; readonly language: string; readonly words: string[]; readonly line: number; readonly code: string[] }
    | undefined;
  for (const [index, content] of text.split('\n').entries()) {
    const [, fence = '', info = ''] = /^\s*(`{3,}|~{3,})(.*)$/.exec(content) ?? [];
    if (open === undefined && fence !== '') {
      const [language = '', ...words] = info.trim().split(/\s+/);
      open = { fence, language, words, line: index + 2, code: [] };
    } else if (open !== undefined && fence.startsWith(open.fence) && info.trim() === '') {
      blocks.push(open);
      open = undefined;
    } else open?.code.push(content);
  }
  return blocks;
}

/** Whether a block is TypeScript. */
export function isTypeScript({ language }: Block): boolean {
  return language === 'ts' || language === 'typescript';
}

/** The names by which links point at the headings of a page, as GitHub makes them. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const inBlocks = new Set(blocksOf(text).flatMap(({ line, code }) => code.map((_, index) => line + index)));
  const headings = text
    .split('\n')
    .flatMap((content, index) => (inBlocks.has(index + 1) ? [] : (/^#{1,6} (.*)$/.exec(content)?.[1] ?? [])));
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .trim()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** A link of a page to a file, or to a place in one; an empty `target` is the page itself. */
export interface Link {
  readonly target: string;
  readonly anchor: string;
}

/** Every link of a page that stays in the project. */
export function linksOf(text: string): readonly Link[] {
  return [...text.matchAll(/\]\((?<target>[^)#:\s]*)(?:#(?<anchor>[^)\s]*))?\)/g)].map(({ groups }) => ({
    target: groups?.['target'] ?? '',
    anchor: groups?.['anchor'] ?? '',
  }));
}

/** The programs of a page: one, or more where a block is marked `fresh` and starts anew. */
export function programsOf(text: string): readonly Program[] {
  const groups: Block[][] = [];
  for (const block of blocksOf(text).filter(isTypeScript)) {
    const last = groups.at(-1);
    if (last === undefined || block.words.includes('fresh')) groups.push([block]);
    else last.push(block);
  }
  return groups.map(programOf);
}

function programOf(blocks: readonly Block[]): Program {
  const runnable = blocks.filter(({ words }) => !words.includes('no-run'));
  return {
    line: blocks[0]?.line ?? 1,
    whole: join(blocks),
    runnable: runnable.length === 0 ? undefined : join(runnable),
    expected: runnable.flatMap(expectationsOf),
  };
}

/** The code of the blocks on their own lines, and nothing on the lines between. */
function join(blocks: readonly Block[]): string {
  const lines: string[] = [];
  for (const { line, code } of blocks) code.forEach((content, index) => (lines[line - 1 + index] = content));
  return importOnce(Array.from(lines, (content: string | undefined) => content ?? '').join('\n'));
}

/** Later blocks may import what earlier ones have imported: readers see one block at a time, and the compiler the whole. */
function importOnce(code: string): string {
  const seen = new Set<string>();
  return code.replaceAll(/^import (?<type>type )?\{(?<names>[^}]*)\} from (?<from>'[^']*');$/gm, (found, ...rest) => {
    // The last argument is the record of the groups that are named above.
    const groups = rest.at(-1) as Readonly<Record<'type' | 'names' | 'from', string | undefined>>;
    const names = (groups.names ?? '').split(',').map((name) => name.trim());
    const fresh = names.filter((name) => name !== '' && !seen.has(`${groups.from} ${name}`));
    for (const name of fresh) seen.add(`${groups.from} ${name}`);
    const kept = fresh.length === 0 ? '' : `import ${groups.type ?? ''}{ ${fresh.join(', ')} } from ${groups.from};`;
    return kept + '\n'.repeat(String(found).split('\n').length - 1);
  });
}

const ARROW = /\/\/ (?:→|prints) (?<text>.*)$/;

/** `// → text` or `// prints text`, on the line of a call of `console.log` or on the lines after it. */
function expectationsOf({ code, line }: Block): readonly Expectation[] {
  const found: { line: number; text: string }[] = [];
  let call: number | undefined;
  let current: { line: number; text: string } | undefined;
  code.forEach((content, index) => {
    const isComment = /^\s*\/\//.test(content);
    if (!isComment && content.trim() !== '') current = undefined;
    if (!isComment && content.includes('console.log(')) call = line + index;
    const text = ARROW.exec(content)?.groups?.['text'];
    if (text !== undefined) {
      if (call === undefined) throw new Error(`line ${line + index}: "→" says what is printed, and there is no console.log before it`);
      if (current?.line === call) current.text += `\n${text}`;
      else found.push((current = { line: call, text }));
    } else if (current !== undefined && isComment && /^\s*\/\/ {2}/.test(content))
      current.text += `\n${content.replace(/^\s*\/\/\s*/, '')}`;
  });
  return found;
}

/** The program with every `console.log(…)` telling its line, and with room on the first line, which is never code on a page. */
export function instrumented(code: string, importOfPrint: string): string {
  const lines = code.split('\n').map((content, index) => content.replaceAll('console.log(', `printAt(${index + 1}, `));
  return [importOfPrint + (lines[0] ?? ''), ...lines.slice(1)].join('\n');
}

/** Whether what was printed is what the page says: `…` stands for anything, spaces are as good as other spaces, and `, words` may follow. */
export function isAsSaid(printed: string, said: string): boolean {
  const squeeze = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
  const actual = squeeze(printed);
  const pattern = squeeze(said)
    .split('…')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('[^]*');
  if (new RegExp(`^${pattern}$`, 'u').test(actual)) return true;
  return actual !== '' && squeeze(said).startsWith(`${actual}, `);
}
