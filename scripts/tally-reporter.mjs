import { writeFileSync } from 'node:fs';

/**
 * Counts a test run in one plain line, `N passed, N failed` (and `, N skipped` if any were), for
 * people and for machines. A file that could not be loaded and an error outside of any test count
 * as failures, so that the line never reads better than the exit code.
 */
export default class TallyReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const line = describe(count(modules, unhandledErrors));
    const file = process.env.SLUICE_TALLY_FILE;
    if (file) writeFileSync(file, line);
    // Under plain `vitest run`: after whatever the other reporters still print in this turn.
    else process.once('exit', () => process.stdout.write(`${line}\n`));
  }
}

function count(modules, unhandledErrors) {
  const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
  for (const module of modules) {
    counts.failed += module.errors().length;
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
    for (const test of module.children.allTests()) counts[stateOf(test)] += 1;
  }
  return counts;
}

/** A test that never got to its end (an aborted run) has not passed. */
function stateOf(test) {
  const { state } = test.result();
  return state === 'pending' ? 'failed' : state;
}

function describe({ passed, failed, skipped }) {
  const line = `${passed} passed, ${failed} failed`;
  return skipped > 0 ? `${line}, ${skipped} skipped` : line;
}
