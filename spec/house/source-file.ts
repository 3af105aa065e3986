import { tokenize, type Token } from './tokens.ts';

/** A file of the project, or a made-up one that a rule is tried on. */
export interface SourceFile {
  /** From the root of the project, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly tokens: readonly Token[];
  /** The tokens without comments. */
  readonly code: readonly Token[];
  readonly imports: readonly Import[];
}

/** One `import` or `export … from`, or an `import()` of a fixed name. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** For a relative one, the path that it points at, from the root of the project. */
  readonly target: string | undefined;
  readonly line: number;
  /** True where nothing of it is left when types are erased. */
  readonly typeOnly: boolean;
}

/** Reads what the rules look at out of a file's text. */
export function sourceFile(path: string, text: string): SourceFile {
  const tokens = /\.m?[jt]s$/.test(path) ? tokenize(text) : [];
  const code = tokens.filter(({ kind }) => kind !== 'comment');
  return { path, text, tokens, code, imports: findImports(path, code) };
}

/** Whether users get this file: the root door, and all of lib, operators, store and spec/kit but their specs. */
export function isSource({ path }: SourceFile): boolean {
  return /^(index\.ts$|(lib|operators|store|spec\/kit)\/.*\.ts$)/.test(path) && !/\.spec(-d)?\.ts$/.test(path);
}

function findImports(path: string, code: readonly Token[]): readonly Import[] {
  return code.flatMap((token, index) => {
    if (!isImport(code, index)) return [];
    const from = specifierAfter(code, index);
    if (from === undefined) return [];
    const specifier = from.text.slice(1, -1);
    const next = code[index + 1]?.text;
    const typeOnly = next === 'type' && !['from', ','].includes(code[index + 2]?.text ?? '');
    return [{ specifier, target: resolve(path, specifier), line: token.line, typeOnly }];
  });
}

function isImport(code: readonly Token[], index: number): boolean {
  const token = code[index];
  if (token?.kind !== 'word' || code[index - 1]?.text === '.') return false;
  return token.text === 'import' || (token.text === 'export' && /^(\{|\*|type)$/.test(code[index + 1]?.text ?? ''));
}

/** The string that an import or re-export names: straight after it, in its parentheses, or after the next `from`. */
function specifierAfter(code: readonly Token[], index: number): Token | undefined {
  for (let at = index + 1; at < code.length; at += 1) {
    const token = code[at];
    const before = code[at - 1];
    if (token?.kind === 'string') return before?.text === 'from' || at - index <= 2 ? token : undefined;
    if (token === undefined || !/^[\w$#]+$|^[{}*,(]$/.test(token.text)) return undefined;
    if (at > index + 1 && /^(import|export|const|let|function|class)$/.test(token.text)) return undefined;
  }
  return undefined;
}

function resolve(path: string, specifier: string): string | undefined {
  if (!/^\.\.?(\/|$)/.test(specifier)) return undefined;
  const parts = path.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}
