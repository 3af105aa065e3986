import { CheckError } from './check-error.ts';
import { storeContract, type StoreContractOptions } from './store-contract.ts';

/** What a store that keeps its contract has to say for itself. */
export interface StoreReport {
  /** How many checks it passed. */
  readonly checks: number;
  toString(): string;
}

/**
 * Checks a store of your own against the whole contract, one check after the other. For a test runner that shows each check by itself, give
 * the list of `storeContract` to it instead.
 *
 * Rejects with CheckError CHECK_FAILED, which names every promise that is broken; `cause` is what the first one threw.
 */
export async function checkStore(options: StoreContractOptions): Promise<StoreReport> {
  const checks = storeContract(options);
  const broken: { readonly name: string; readonly error: unknown }[] = [];
  for (const { name, run } of checks) {
    try {
      await run();
    } catch (error) {
      broken.push({ name, error });
    }
  }
  const [first] = broken;
  if (first !== undefined) {
    const lines = broken.map(({ name, error }) => `  ${name}: ${saidBy(error)}`);
    const head = `checkStore: ${broken.length} of ${checks.length} promises of a store are broken. Mend the first one first.`;
    throw new CheckError([head, ...lines].join('\n'), { details: { broken: broken.map(({ name }) => name) }, cause: first.error });
  }
  const text = `checkStore: ${options.label} keeps all ${checks.length} promises of a store`;
  return Object.freeze({ checks: checks.length, toString: () => text });
}

function saidBy(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0] ?? '';
}
