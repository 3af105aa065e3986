import type { Plan, RunEvent } from 'sluice';
import { colors, fit, LiveLines, print } from './terminal.ts';
import { duration, many } from './words.ts';

type State = 'waiting' | 'running' | 'succeeded' | 'skipped' | 'failed' | 'blocked' | 'cancelled';

interface Row {
  readonly id: string;
  readonly state: State;
  readonly started: number;
  readonly note: string;
  readonly time: string;
}

type StepSettled = Extract<RunEvent, { type: 'step-settled' }>;

const MARKS: Readonly<Record<State, string>> = {
  waiting: colors.dim('·'),
  running: colors.cyan('▸'),
  succeeded: colors.green('✓'),
  skipped: colors.dim('–'),
  failed: colors.red('✗'),
  blocked: colors.yellow('–'),
  cancelled: colors.yellow('✗'),
};

/** Shows a run as its events come: a line a step, drawn in place in a terminal, printed once it settled elsewhere. */
export class ProgressView {
  readonly #rows: Map<string, Row>;
  readonly #width: number;
  readonly #live: LiveLines | undefined;
  readonly #keys: ReadonlyMap<string, string>;

  constructor({ steps }: Plan) {
    const rows = steps.map(({ step }) => ({ id: step.id, state: 'waiting' as const, started: 0, note: '', time: '' }));
    this.#rows = new Map(steps.map(({ step }, index) => [nameOf(step.definition, step.path), rows[index]] as const).flatMap(([name, row]) => (row ? [[name, row]] : [])));
    this.#width = Math.max(0, ...rows.map(({ id }) => id.length));
    this.#keys = new Map(steps.flatMap(({ step }) => step.outputs.map(({ name, key }) => [`${step.id}.${name}`, key ?? ''])));
    this.#live = LiveLines.canShow(rows.length + 1) ? new LiveLines() : undefined;
  }

  readonly show = (event: RunEvent): void => {
    const row = 'step' in event ? this.#rows.get(nameOf(event.definition, event.step)) : undefined;
    if (row === undefined || (event.type !== 'step-started' && event.type !== 'step-settled')) return;
  };
}

function nameOf(definition: string, path: string): string {
  return `${definition}:${path}`;
}
