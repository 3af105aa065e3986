import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { freePort } from './free-port.ts';

const DEBIAN = '/usr/lib/postgresql';
// Starting a server can take long on a machine that is busy with other specs.
const TRIES = 600;

/** A PostgreSQL of its own, in a folder that goes with it. */
export interface PostgresServer {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** The folder of its programs, which Debian keeps out of the path; `undefined` where there are none, or nobody who may run them. */
export function postgresPrograms(): string | undefined {
  const found = spawnSync('initdb', ['--version']).status === 0 ? '' : newestOfDebian();
  return found === undefined || (process.getuid?.() === 0 && owner() === undefined) ? undefined : found;
}

function newestOfDebian(): string | undefined {
  const folders = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  return folders.map((version) => join(DEBIAN, version, 'bin')).find((folder) => existsSync(join(folder, 'initdb')));
}

/** PostgreSQL refuses to be run by root: then it is run by its own user. */
function owner(): { readonly uid: number; readonly gid: number } | undefined {
  const idOf = (flag: string): string => String(spawnSync('id', [flag, 'postgres']).stdout ?? '').trim();
  const [uid, gid] = [idOf('-u'), idOf('-g')];
  return uid === '' ? undefined : { uid: Number(uid), gid: Number(gid) };
}

/** Makes one and starts it. */
export async function startPostgres(programs: string): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-postgres-'));
  const as = process.getuid?.() === 0 ? owner() : undefined;
  if (as !== undefined) chownSync(folder, as.uid, as.gid);
  const data = join(folder, 'data');
  const made = spawnSync(join(programs, 'initdb'), ['-D', data, '-U', 'sluice', '--auth=trust', '--no-sync'], { ...as, cwd: folder });
  if (made.status !== 0) throw new Error(`initdb failed: ${String(made.stderr)}`);
  const port = await freePort();
  const args = ['-D', data, '-p', String(port), '-k', folder, '-h', '127.0.0.1', '-F'];
  const server = spawn(join(programs, 'postgres'), args, { ...as, cwd: folder, stdio: 'ignore' });
  const url = `postgres://sluice@127.0.0.1:${port}/postgres`;
  await untilUp(url, server);
  const stop = async (): Promise<void> => {
    // Fast, which ends connections: the default waits for them.
    server.kill('SIGINT');
    if (server.exitCode === null) await once(server, 'exit');
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, stop };
}

async function untilUp(url: string, server: ChildProcess): Promise<void> {
  for (let tries = 0; server.exitCode === null && tries < TRIES; tries += 1) {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    const isUp = await client.connect().then(
      () => true,
      () => false,
    );
    await client.end().catch(() => undefined);
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('postgres did not start');
}
