/**
 * What every script here starts with: the right Node, and the packages that the lock names. It uses
 * nothing but Node itself, so that a fresh clone needs no step before `npm start` or `npm test`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the checkout. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const oldestNode = { major: 20, minor: 19 };
const windows = process.platform === 'win32';

/** Checks Node, then installs what is missing; says so in one line, or says nothing. */
export function bootstrap() {
  checkNode();
  if (!isInstalled()) install();
}

/** Runs a tool from node_modules with our stdio, and gives its exit code. */
export function runTool(name, args, env = {}) {
  return run(join(root, 'node_modules', '.bin', name), args, env);
}

/** Runs a TypeScript file of this checkout in this very process: stdio, signals and exit code are its own. */
export async function runTypeScript(path, args) {
  process.chdir(root);
  const file = join(root, path);
  if (!existsSync(file)) fail(`There is no ${path} in this checkout.`);
  process.argv = [process.execPath, file, ...args];
  const { register } = await import('tsx/esm/api');
  register();
  await import(new URL(`../${path}`, import.meta.url).href);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > oldestNode.major || (major === oldestNode.major && minor >= oldestNode.minor)) return;
  fail(
    `Sluice needs Node ${oldestNode.major}.${oldestNode.minor} or newer, and this is Node ${process.versions.node}. ` +
      'Install a newer Node (https://nodejs.org) and try again.',
  );
}

/** Whether node_modules holds what the lock says, as npm noted it when its last install ended. */
function isInstalled() {
  const installed = readPackages('node_modules/.package-lock.json');
  if (installed === undefined) return false;
  const wanted = Object.entries(readPackages('package-lock.json') ?? {});
  return wanted.every(
    ([path, { version, optional }]) =>
      path === '' || optional === true || (installed[path]?.version === version && existsSync(join(root, path, 'package.json'))),
  );
}

function readPackages(path) {
  const file = join(root, path);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

/** `npm install` and not `npm ci`: the latter refuses a lock that leaves out binaries of other platforms. */
function install() {
  process.stderr.write('Installing the packages named in package-lock.json (once, about half a minute) …\n');
  const args = ['install', '--include=dev', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const ownNpm = process.env.npm_execpath ?? '';
  const [command, commandArgs] = basename(ownNpm).startsWith('npm-cli') ? [process.execPath, [ownNpm, ...args]] : ['npm', args];
  const { status } = spawnSync(command, commandArgs, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: windows && command === 'npm',
  });
  if (status !== 0) fail('The packages could not be installed: `npm install` failed (see above).');
}

function run(command, args, env) {
  const child = spawn(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
    shell: windows,
  });
  // Ctrl-C reaches the child by itself; we stay until it has ended.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => {
    child.on('error', ({ message }) => {
      process.stderr.write(`${message}\n`);
      resolve(1);
    });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
