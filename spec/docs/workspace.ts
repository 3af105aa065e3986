import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../house/project.ts';

/** What the compiler says of a file, at a line of it. */
export interface Diagnostic {
  readonly file: string;
  readonly line: number;
  /** The whole text, with the indented lines that explain it. */
  readonly message: string;
}

/** How a program ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder beside the checkout in which a program imports Sluice as a user would: by the names of its doors. */
export interface Workspace {
  readonly folder: string;
  write(file: string, text: string): void;
  /** What the compiler says of the files written so far; nothing where they are right. */
  compile(): readonly Diagnostic[];
  /** Runs a TypeScript file in a process of its own, with the folder as its working directory. */
  run(file: string, ...args: readonly string[]): Ended;
  /** Starts a TypeScript file in a process of its own, for whoever starts it to end. */
  start(file: string, ...args: readonly string[]): ChildProcess;
  remove(): void;
}

/** Makes an empty workspace. */
export function workspace(): Workspace {
  // Without symbolic links, so that paths in messages are those that we know.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-docs-')));
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  write('package.json', JSON.stringify({ private: true, type: 'module' }));
  write('tsconfig.json', JSON.stringify(settings(root)));
  return {
    folder,
    write,
    compile: () =>
      readDiagnostics(
        execute(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.', '--pretty', 'false'], folder),
      ),
    run: (file, ...args) => execute(process.execPath, ['--import', tsx(), file, ...args], folder),
    start: (file, ...args) =>
      spawn(process.execPath, ['--import', tsx(), file, ...args], {
        cwd: folder,
        env: plainEnvironment(),
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** The project's own strictness; what is only in the way of short examples is off. */
function settings(project: string): object {
  return {
    extends: join(project, 'tsconfig.json'),
    compilerOptions: {
      typeRoots: [join(project, 'node_modules', '@types')],
      noUnusedLocals: false,
      noUnusedParameters: false,
      declaration: false,
    },
    include: ['./**/*.ts'],
    exclude: ['node_modules', 'run'],
  };
}

function tsx(): string {
  return pathToFileURL(join(root, 'node_modules', 'tsx', 'dist', 'esm', 'index.mjs')).href;
}

function execute(command: string, args: readonly string[], cwd: string): Ended {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: plainEnvironment(),
    maxBuffer: 2 ** 26,
    timeout: 120_000,
  });
  return { status, stdout, stderr };
}

/** A user's shell: without what npm and vitest put into our own environment. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const own = /^(npm_|VITEST|NODE_OPTIONS$|NODE_ENV$|FORCE_COLOR$)/;
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name))), NO_COLOR: '1' };
}

/** Only what is said of files of the workspace: the sources have specs of their own. */
function readDiagnostics({ stdout }: Ended): readonly Diagnostic[] {
  const found: { file: string; line: number; message: string }[] = [];
  for (const text of stdout.split('\n')) {
    const head = /^(?<file>[^\s(][^(]*)\((?<line>\d+),\d+\): error (?<message>.*)$/.exec(text)?.groups;
    if (head !== undefined) found.push({ file: head['file'] ?? '', line: Number(head['line']), message: head['message'] ?? '' });
    else if (text.startsWith(' ') && found.length > 0) found[found.length - 1] = append(found.at(-1), text);
    else if (text.startsWith('error ')) throw new Error(`tsc did not get to the files: ${text}`);
  }
  return found.filter(({ file }) => !file.startsWith('..') && !file.startsWith('/'));
}

function append(last: Diagnostic | undefined, text: string): { file: string; line: number; message: string } {
  return { file: last?.file ?? '', line: last?.line ?? 0, message: `${last?.message ?? ''}\n${text}` };
}
