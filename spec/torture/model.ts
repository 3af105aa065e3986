import fc from 'fast-check';
import { CareChild } from '../../store/care-child.ts';
import { verifyFolder } from '../../store/verify.ts';
import { anyCommands, type ModelCommand } from './model-commands.ts';
import { ModelLog } from './model-log.ts';
import { ModelWorld } from './model-world.ts';
import { Random } from './random.ts';
import { Tally, type Torture, type TortureReport, type TortureRequest } from './torture.ts';

/** How long a failure is made smaller. */
const SHRINK_MS = 60_000;

/** Anything that can be done to a store, in any order: it does what a list would do. */
export const model: Torture = {
  name: 'model',
  about: 'any sequence of commands: a store on disk and one in memory do what a list does; counted in commands',
  short: 2000,
  long: 1_000_000,
  run: (request) => compareWithModel(request),
};

/** Compares stores with a list; with `forgetful`, a list that takes no notice of every fiftieth append. */
export async function compareWithModel(request: TortureRequest, { forgetful = false } = {}): Promise<TortureReport> {
  const tally = new Tally(request);
  const random = new Random(request.seed);
  await using care = new CareChild({});
  while (tally.done < request.count) {
    const seed = random.below(2 ** 31);
    const property = fc.asyncProperty(anyCommands, (commands) =>
      playOnce(commands, { tally, care, log: forgetful ? new ForgetfulLog() : new ModelLog() }),
    );
    const details = await fc.check(property, { seed, numRuns: 1, endOnFailure: forgetful, interruptAfterTimeLimit: SHRINK_MS });
    if (details.failed) tally.fail(`${String(details.errorInstance)}\n${fc.defaultReportMessage(details)}`);
    if (details.failed && forgetful) break;
  }
  return tally.report();
}

interface Play {
  readonly tally: Tally;
  readonly care: CareChild;
  readonly log: ModelLog;
}

async function playOnce(commands: Iterable<ModelCommand>, { tally, care, log }: Play): Promise<void> {
  await using world = await ModelWorld.open(tally);
  await fc.asyncModelRun(() => ({ model: log, real: world }), commands);
  const { findings } = await verifyFolder(world.path, world.path, care);
  tally.count('verified');
  const [finding] = findings;
  if (finding !== undefined) throw new Error(`verify: ${finding.message}`);
}

/** For those who test the torture. */
class ForgetfulLog extends ModelLog {
  #appends = 0;

  override append(batch: Parameters<ModelLog['append']>[0]): ReturnType<ModelLog['append']> {
    this.#appends += 1;
    return this.#appends % 50 === 0
      ? { first: this.head + 1, last: this.head + batch.events.length, duplicate: false }
      : super.append(batch);
  }
}
