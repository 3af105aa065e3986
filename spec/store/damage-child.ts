import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { AskedProcess } from '../torture/asked-process.ts';
import type { DamageOrder, DamageReply } from './damage-process.ts';

const children: DamageChild[] = [];

afterAll(async () => {
  for (const child of children) await child.kill();
});

const HUNG_MS = 15_000;

/** Checks and reads damaged stores in another process, and in a new one each time that it does not survive it. */
export class DamageChild extends AskedProcess<DamageOrder, DamageReply> {
  constructor() {
    super({ script: fileURLToPath(new URL('damage-process.ts', import.meta.url)), patienceMs: HUNG_MS });
    children.push(this);
  }

  /** Ends the process, and waits for its end. */
  async kill(): Promise<void> {
    await this[Symbol.asyncDispose]();
  }
}
