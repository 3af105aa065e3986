import { SelectionError } from '../../lib/kernel/errors.ts';
import { checkVerbOptions, RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { appendChecks } from './append-checks.ts';
import { indexChecks } from './index-checks.ts';
import { lifetimeChecks } from './lifetime-checks.ts';
import { cursorChecks, tailChecks } from './tail-checks.ts';
import { logChecks } from './log-checks.ts';
import { publicStoreChecks } from './public-store-checks.ts';
import { putChecks } from './put-checks.ts';
import { resumeChecks } from './resume-checks.ts';
import type { CheckContext, Checks, StoreCheck, StoreUnderTest } from './store-check.ts';
import { valueChecks } from './value-checks.ts';

/** Which store to check. */
export interface StoreContractOptions {
  /** How the names of the checks call the store. */
  readonly label: string;
  /** Makes a new, empty store. */
  readonly open: () => Promise<StoreUnderTest>;
  /** Whether the store keeps what is in it, so that it can be closed and opened again. */
  readonly reopens: boolean;
}

const CONTRACT_RULES: OptionRules<StoreContractOptions> = { label: RULES.string, open: RULES.function, reopens: RULES.flag };

/**
 * What a store must do to be one, as a list of checks for any test runner: a store is what passes them all.
 * One that can be reopened goes through those that write and then read a second time, with a close and a reopening in between.
 *
 *     for (const { name, run } of storeContract({ label: 'mine', open, reopens: true })) test(name, run);
 *
 * @throws SelectionError INVALID_OPTION
 */
export function storeContract(options: StoreContractOptions): readonly StoreCheck[] {
  checkVerbOptions('storeContract', options, CONTRACT_RULES);
  const { label, open, reopens } = options;
  if (label === undefined || open === undefined || reopens === undefined)
    throw new SelectionError(
      'INVALID_OPTION',
      'storeContract() needs to know of a store its "label", how to "open" one, and whether it "reopens".',
    );
  const named = (checks: Checks, suffix: string, reopening: boolean): readonly StoreCheck[] =>
    Object.entries(checks).map(([name, check]) => ({ name: `${label} ${name}${suffix}`, run: () => runCheck(check, open, reopening) }));
  const kept: Checks = {
    ...logChecks,
    ...appendChecks,
    ...indexChecks,
    ...valueChecks,
    ...publicStoreChecks,
    ...putChecks,
    ...cursorChecks,
    ...resumeChecks,
  };
  return [
    ...named({ ...kept, ...lifetimeChecks, ...tailChecks }, '', false),
    ...(reopens ? named(kept, ', after it was closed and opened again', true) : []),
  ];
}

async function runCheck(
  check: (context: CheckContext) => Promise<void>,
  open: StoreContractOptions['open'],
  reopening: boolean,
): Promise<void> {
  const { store, reopen, dispose } = await open();
  try {
    await check({
      store,
      settled: async () => {
        if (!reopening) return store;
        if (reopen === undefined) throw new Error('A store that is said to reopen has to say how: give "reopen".');
        return reopen();
      },
    });
  } finally {
    await dispose();
  }
}
