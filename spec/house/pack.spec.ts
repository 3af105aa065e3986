import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from './project.ts';
import { doorFiles } from './rules/doors.ts';

const windows = process.platform === 'win32';

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program as a user's shell would: without what npm and vitest put into our own environment. */
function run(command: string, args: readonly string[], cwd: string): Ended {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD$|VITEST|NODE_ENV$|NODE_OPTIONS$)/.test(name)),
  );
  return spawnSync(command, args, { cwd, env, encoding: 'utf8', shell: windows && command !== process.execPath });
}

function succeed(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = run(command, args, cwd);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

const tool = (name: string): string => join(root, 'node_modules', '.bin', name);

function versionOf(name: string): string {
  const file = join(root, 'node_modules', name, 'package.json');
  return `${name}@${(JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version}`;
}

/** Builds beside the checkout, so that nobody who reads dist/ meanwhile finds half of it, and packs that. */
function pack(folder: string): { readonly tarball: string; readonly files: readonly string[] } {
  mkdirSync(folder);
  succeed(tool('tsc'), ['-p', 'tsconfig.build.json', '--outDir', join(folder, 'dist')], root);
  for (const file of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']) {
    if (existsSync(join(root, file))) cpSync(join(root, file), join(folder, file));
  }
  const [packed] = JSON.parse(succeed('npm', ['pack', '--json'], folder)) as { filename: string; files: { path: string }[] }[];
  if (packed === undefined) throw new Error('npm pack packed nothing');
  return { tarball: join(folder, packed.filename), files: packed.files.map(({ path }) => path) };
}

// What a user writes first. The same text is compiled, so its types are tested too.
const program = `
import { assetsFromGraph, define, graph, input, materialize, op } from 'sluice';

const two = op({ name: 'two', run: () => 2 });
const double = op({ name: 'double', inputs: { x: input/*<number>*/() }, run: ({ x }) => x * 2 });
const answer = graph('answer', () => double({ x: two() }));
const defs = define({ assets: [assetsFromGraph(answer)] });

const result = await materialize(defs, /*options*/);
const value/*: number*/ = await result.value('answer');
console.log(JSON.stringify({ success: result.success, value }));
`;

const inJavaScript = program.replaceAll(/\/\*.*?\*\//g, '');
const inTypeScript = program.replace('/*options*/', '').replaceAll(/\/\*(.*?)\*\//g, '$1');

// Notes every module that is resolved, and at the end every native library.
const watch = `
import { register } from 'node:module';
import { MessageChannel } from 'node:worker_threads';
const hooks = \`
  let port;
  export const initialize = (data) => { port = data.port; };
  export async function resolve(specifier, context, next) {
    const found = await next(specifier, context);
    port.postMessage(found.url);
    return found;
  }\`;
const { port1, port2 } = new MessageChannel();
const loaded = [];
port1.on('message', (url) => loaded.push(url));
register('data:text/javascript,' + encodeURIComponent(hooks), { data: { port: port2 }, transferList: [port2] });
globalThis.loadedSoFar = async () => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  port1.close();
  const native = process.report.getReport().sharedObjects.filter((path) => path.endsWith('.node'));
  return [...loaded, ...native];
};
`;

describe('the package, packed and installed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-pack-'));
  const app = join(folder, 'app');
  let files: readonly string[] = [];

  /** What `import(door)` loads, by package name. */
  const packagesLoadedBy = (door: string): ReadonlySet<string> => {
    const code = `await import('${door}'); console.log(JSON.stringify(await loadedSoFar()));`;
    const output = succeed(process.execPath, ['--import', './watch.mjs', '--input-type=module', '--eval', code], app);
    const urls = JSON.parse(output) as string[];
    return new Set(urls.map((url) => /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(url)?.[1] ?? 'node'));
  };

  beforeAll(() => {
    const packed = pack(join(folder, 'package'));
    files = packed.files;
    mkdirSync(app);
    writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
    const wanted = [packed.tarball, versionOf('rxjs'), versionOf('fast-check')];
    succeed('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', ...wanted], app);
    writeFileSync(join(app, 'watch.mjs'), watch);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('holds the build and a few pages, and nothing else', () => {
    const strange = files.filter(
      (path) =>
        !/^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(path) &&
        !/^dist\/(index|lib\/.+|operators\/.+|store\/.+|spec\/kit\/.+)\.(js|d\.ts)$/.test(path),
    );
    expect(strange).toEqual([]);
    expect(files).toContain('LICENSE');
  });

  test.each(Object.keys(doorFiles))('opens the door %s', (door) => {
    const code = `const names = Object.keys(await import('${door}')); if (names.length === 0) throw new Error('an empty door');`;
    expect(run(process.execPath, ['--input-type=module', '--eval', code], app)).toMatchObject({ status: 0 });
  });

  test('keeps every other path shut', () => {
    const { status, stderr } = run(process.execPath, ['--input-type=module', '--eval', "await import('sluice/dist/index.js')"], app);
    expect(status).not.toBe(0);
    expect(stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  test('materializes a graph in plain JavaScript, in memory', () => {
    writeFileSync(join(app, 'memory.mjs'), inJavaScript);
    expect(JSON.parse(succeed(process.execPath, ['memory.mjs'], app))).toEqual({ success: true, value: 4 });
  });

  test('materializes a graph in plain JavaScript, on disk', () => {
    const onDisk = inJavaScript.replace('materialize(defs, )', 'materialize(defs, { store })');
    const text = `import { openStore } from 'sluice/store';\nconst store = await openStore('./data');\n${onDisk}\nawait store.close();\n`;
    writeFileSync(join(app, 'disk.mjs'), text);
    expect(JSON.parse(succeed(process.execPath, ['disk.mjs'], app))).toEqual({ success: true, value: 4 });
  });

  test('is typed for those who install it', () => {
    const options = {
      target: 'es2022',
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      skipLibCheck: true,
    };
    const doors = Object.keys(doorFiles).map((door, index) => `import * as door${index} from '${door}';\nvoid door${index};\n`);
    // Users have console from @types/node or from the DOM.
    writeFileSync(join(app, 'main.ts'), `${doors.join('')}declare const console: { log(text: string): void };\n${inTypeScript}`);
    writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...options, types: [] }, files: ['main.ts'] }));
    expect(run(tool('tsc'), ['-p', '.'], app)).toMatchObject({ status: 0, stdout: '' });
  });

  test('loads no native code, no store and no test library by its everyday door', () => {
    const loaded = packagesLoadedBy('sluice');
    expect([...loaded].filter((name) => /lmdb|msgpackr|fast-check/.test(name))).toEqual([]);
    expect(loaded).toContain('sluice');
  });

  test('loads lmdb by the store, so that the test above can fail', () => {
    expect([...packagesLoadedBy('sluice/store')].filter((name) => name.startsWith('@lmdb/') || name === 'lmdb').length).toBeGreaterThan(1);
  });
});
