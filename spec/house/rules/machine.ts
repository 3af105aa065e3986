import type { Finding, Rule } from '../rule.ts';
import type { SourceFile } from '../source-file.ts';

/** What must not be in any file, with where it may not be. The patterns are spelt so that they do not match themselves. */
const forbidden: readonly { readonly pattern: RegExp; readonly where: RegExp; readonly message: string }[] = [
  {
    pattern: /"resolved": "(?:https?|git|file):/,
    where: /(^|\/)package-lock\.json$/,
    message: 'an address in the lock, use omit-lockfile-registry-resolved=true',
  },
  { pattern: /^\s*(?:@[\w-]+:)?registry\s*=/, where: /(^|\/)\.npmrc$/, message: 'a registry of someone, use the default' },
  {
    pattern: /(?<![\w.:/-])\/(?:home|Users)\/[\w.-]+/,
    where: /./,
    message: "a path of someone's machine, use one from the root of the project",
  },
  {
    pattern: /(?<![\w.:/-])\/(?:root|work)\/[\w.-]+/,
    where: /./,
    message: "a path of someone's machine, use one from the root of the project",
  },
  { pattern: /\b[A-Z]:\\Users\\/, where: /./, message: "a path of someone's machine, use one from the root of the project" },
];

function check(files: readonly SourceFile[]): readonly Finding[] {
  return files.flatMap(({ path, text }) => {
    const rules = forbidden.filter(({ where }) => where.test(path));
    return text.split('\n').flatMap((content, index) => {
      const broken = rules.find(({ pattern }) => pattern.test(content));
      return broken === undefined ? [] : [{ path, line: index + 1, message: broken.message }];
    });
  });
}

const slash = '/';

/** A clone on another machine finds nothing of this one. */
export const machine: Rule = {
  name: 'no file names a machine, a home folder or a registry',
  check,
  bad: [
    { files: { 'package-lock.json': '{\n"resolved": "https://example.org/x.tgz"' }, found: ['package-lock.json:2'] },
    { files: { '.npmrc': 'audit=false\nregistry=https://example.org' }, found: ['.npmrc:2'] },
    { files: { 'docs/a.md': `See ${slash}home/me/notes.` }, found: ['docs/a.md:1'] },
    { files: { 'scripts/a.mjs': `\nopen('${slash}root/file');` }, found: ['scripts/a.mjs:2'] },
    { files: { 'lib/a.ts': `// C:${'\\'}Users\\me` }, found: ['lib/a.ts:1'] },
  ],
  good: {
    'package-lock.json': '"funding": "https://example.org"',
    'docs/a.md': 'https://example.org/home/page, ./work/dir, docs/root/x, /homepage',
  },
};
