import type { Plan, RunEvent } from 'sluice';
import { duration, listed } from './words.ts';

/** How far a run has come, as its events tell. */
export interface Progress {
  /** By step, in the order of the plan. */
  readonly rows: ReadonlyMap<string, Row>;
  readonly settled: number;
  readonly recorded: number;
  readonly absent: number;
  readonly started: number;
  readonly now: number;
}

/** How far one step has come. */
export interface Row {
  readonly step: string;
  readonly state: 'waiting' | 'running' | 'reused' | StepSettled['outcome'];
  readonly started: number;
  readonly time: string;
  readonly note: string;
  readonly outputs: ReadonlyMap<string, { readonly label: string; readonly isAsset: boolean }>;
}

type StepSettled = Extract<RunEvent, { readonly type: 'step-settled' }>;

/** Before the first event. */
export function waiting({ steps }: Plan): Progress {
  const rows = steps.map(({ step }): readonly [string, Row] => {
    // An output is called by its asset, or by its own name; the one of an op that declares none needs no name.
    const labelOf = (name: string, key: string | undefined): string => key?.split('/').at(-1) ?? (name === 'result' ? '' : name);
    const outputs = new Map(step.outputs.map(({ name, key }) => [name, { label: labelOf(name, key), isAsset: key !== undefined }]));
    return [idOf(step.definition, step.path), { step: step.id, state: 'waiting', started: 0, time: '', note: '', outputs }];
  });
  return { rows: new Map(rows), settled: 0, recorded: 0, absent: 0, started: 0, now: 0 };
}

/** After one more event. */
export function advance(progress: Progress, event: RunEvent): Progress {
  switch (event.type) {
    case 'run-started':
      return { ...progress, started: event.time, now: event.time };
    case 'step-started':
      return withRow({ ...progress, now: event.time }, idOf(event.definition, event.step), { state: 'running', started: event.time });
    case 'step-settled':
      return settle(progress, event);
    case 'step-reused': {
      const reused = { ...progress, now: event.time, settled: progress.settled + 1 };
      return withRow(reused, idOf(event.definition, event.step), { state: 'reused' });
    }
    case 'asset-materialized':
      return { ...progress, recorded: progress.recorded + 1 };
    case 'run-ended':
      return { ...progress, now: event.time };
    default:
      return progress;
  }
}

function settle(progress: Progress, event: StepSettled): Progress {
  const id = idOf(event.definition, event.step);
  const row = progress.rows.get(id);
  const ran = event.outcome === 'succeeded' || event.outcome === 'failed';
  const time = ran && row?.state === 'running' ? duration(event.time - row.started) : '';
  const outputs = event.outputs.map(({ output, state }) => ({ ...row?.outputs.get(output), state: state.state }));
  const absent = outputs.filter(({ isAsset, state }) => isAsset === true && state === 'absent').length;
  const counted = { ...progress, now: event.time, settled: progress.settled + 1, absent: progress.absent + absent };
  return withRow(counted, id, { state: event.outcome, time, note: row === undefined ? '' : noteOf(event, row) });
}

function noteOf({ outcome, outputs, error, blockedBy }: StepSettled, row: Row): string {
  if (error !== null) return error.code;
  if (outcome === 'blocked') return `waits for ${listed(blockedBy)}`;
  const labels = (wanted: string): string =>
    outputs
      .flatMap(({ output, state }) => (state.state === wanted ? [row.outputs.get(output)?.label ?? output] : []))
      .filter((label) => label !== '')
      .join(', ');
  const absent = labels('absent');
  return [labels('value'), absent === '' ? '' : `no ${absent}`].filter((part) => part !== '').join('; ');
}

function withRow(progress: Progress, id: string, change: Partial<Row>): Progress {
  const row = progress.rows.get(id);
  return row === undefined ? progress : { ...progress, rows: new Map(progress.rows).set(id, { ...row, ...change }) };
}

function idOf(definition: string, path: string): string {
  return `${definition}:${path}`;
}
