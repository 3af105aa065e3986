/** A piece of TypeScript text, as coarse as the house rules can bear. White space is left out. */
export interface Token {
  readonly kind: 'word' | 'number' | 'string' | 'template' | 'regex' | 'comment' | 'punctuation';
  readonly text: string;
  /** Line of the first character, from 1. */
  readonly line: number;
  readonly lastLine: number;
}

const space = /\s+/y;
const template = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y;
const regex = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const others: readonly (readonly [Token['kind'], RegExp])[] = [
  ['comment', /^#!.*|\/\/.*|\/\*[\s\S]*?\*\//y],
  ['word', /[#@]?[\p{ID_Start}$_][\p{ID_Continue}$]*/uy],
  ['number', /\d[\w.]*/y],
  ['string', /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y],
  ['punctuation', /=>|\?\.|\.\.\.|[^]/uy],
];

// After one of these a slash starts a regular expression; after any other word it divides.
const operatorWords = new Set(['return', 'typeof', 'case', 'in', 'of', 'do', 'else', 'void', 'delete', 'throw', 'new', 'yield', 'await']);

/**
 * Splits TypeScript into tokens. TypeScript 7 has no API for this, and the rules need no more than to tell code from comments and text.
 * Known limit: a regular expression right after `)` or `}` is taken for a division.
 */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const openBraces: number[] = []; // one count for each `${` that is open
  let at = 0;
  let line = 1;

  const read = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const move = (passed: string): number => {
    at += passed.length;
    line += passed.split('\n').length - 1;
    return line;
  };
  const push = (kind: Token['kind'], found: string): void => {
    tokens.push({ kind, text: found, line, lastLine: move(found) });
  };
  const pushTemplate = (): void => {
    const quote = text.charAt(at) === '`' ? '`' : '}';
    at += 1;
    const rest = read(template) ?? text.slice(at);
    at -= 1;
    if (rest.endsWith('${')) openBraces.push(0);
    push('template', quote + rest);
  };
  const countBrace = (character: string): boolean => {
    const open = openBraces.pop();
    if (open === undefined) return false;
    if (character === '}' && open === 0) return true;
    openBraces.push(open + (character === '{' ? 1 : character === '}' ? -1 : 0));
    return false;
  };

  while (at < text.length) {
    const blank = read(space);
    if (blank !== undefined) {
      move(blank);
      continue;
    }
    const character = text.charAt(at);
    const found = character === '/' && startsRegex(tokens) ? read(regex) : undefined;
    if (found !== undefined && !/^\/[/*]/.test(found)) push('regex', found);
    else if (character === '`' || countBrace(character)) pushTemplate();
    else {
      for (const [kind, pattern] of others) {
        const piece = read(pattern);
        if (piece === undefined) continue;
        push(kind, piece);
        break;
      }
    }
  }
  return tokens;
}

function startsRegex(tokens: readonly Token[]): boolean {
  const last = tokens.findLast(({ kind }) => kind !== 'comment');
  if (last === undefined) return true;
  if (last.kind === 'punctuation') return !/^[)\]}]$/.test(last.text);
  if (last.kind === 'template') return last.text.endsWith('${');
  return last.kind === 'word' && operatorWords.has(last.text);
}
