import { decodeValue } from '../../lib/kernel/value/decode.ts';
import { encodeValue } from '../../lib/kernel/value/canonical.ts';
import { printWorld } from './print-world.ts';
import type { DefinableStep, DefinableWorld } from './define-world.ts';
import type { History, HistoryAction, WorldHistory } from './history-case.ts';
import { printMermaid, worldCode } from './print-code.ts';
import { sourceCode } from './source-code.ts';
import { worldOp, type OpParts } from './world-op.ts';

/** A history, with its world where it is of one. */
export interface PrintedHistory {
  readonly world?: DefinableWorld;
  readonly history: History;
}

/** A history as text: what sources are at first, then a line an action; with its world before that, where it is of one. */
export function printHistory({ world, history: { sources, actions } }: PrintedHistory): string {
  const start = Object.entries(sources).map(([key, value]) => `${key} = ${sourceCode(value)}`);
  return [...(world === undefined ? start : [printWorld(world)]), ...actions.map(actionText)].join('\n');
}

function actionText(action: HistoryAction): string {
  switch (action.do) {
    case 'put':
      return `put ${action.source} = ${sourceCode(action.value)}`;
    case 'refresh':
    case 'materialize':
      return `${action.do} [${action.select.join(', ')}]`;
    case 'evict':
      return `evict ${action.asset}`;
    case 'restart':
      return 'restart';
    default:
      return `${action.do} ${action.step}`;
  }
}

/** A history as a program that plays it: a whole one where it is of a world, and else one that imports your definitions. */
export function printHistoryProgram({ world, history: { sources, actions } }: PrintedHistory): string {
  const names = world === undefined ? 'playHistory' : 'defineWorld, playHistory, worldOp';
  return [
    `import { ${names} } from 'sluice/testing';`,
    ...(world === undefined ? ["import { defs } from './definitions.ts';", ''] : ['', ...worldCode(world)]),
    'const history = {',
    `  sources: ${sourceCode(sources)},`,
    '  actions: [',
    ...actions.map((action) => `    ${sourceCode(action)},`),
    '  ],',
    '};',
    'for (const { action, came, fresh } of await playHistory(defs, history)) console.log(action, came, fresh);',
    '',
  ].join('\n');
}

/** A history as one string. What sources are given has to be storable. */
export function historyText({ sources, actions }: History): string {
  return textOf({ sources, actions });
}

/** The history that a string is of, as {@link historyText} wrote it. */
export function historyFrom(text: string): History {
  return decodeText(text) as History; // what historyText wrote
}

interface KeptWorld {
  readonly ops: readonly OpParts[];
  readonly steps: readonly (readonly [id: string, op: number, step: Omit<DefinableStep, 'op' | 'emit'>])[];
  readonly history: History;
}

/** A world and its history as one string. Only of worlds whose ops were made by `worldOp`. */
export function worldHistoryText({ world, history: { sources, actions } }: WorldHistory): string {
  const ops = [...new Set(Object.values(world.steps).map(({ op }) => op))];
  const steps = Object.entries(world.steps).map(([id, { op, emit: _, ...step }]) => [id, ops.indexOf(op), step] as const);
  const parts = ops.map(({ name, inputs, outputs, form, made }) => ({ name, inputs, outputs, form, ...made }));
  return textOf({ ops: parts, steps, history: { sources, actions } });
}

/** The world and its history that a string is of, as {@link worldHistoryText} wrote it. */
export function worldHistoryFrom(text: string): WorldHistory {
  const { ops, steps, history } = decodeText(text) as KeptWorld; // what worldHistoryText wrote
  const made = ops.map((parts) => worldOp(parts));
  const entries = steps.flatMap(([id, at, step]): readonly (readonly [string, DefinableStep])[] => {
    const op = made[at];
    return op === undefined ? [] : [[id, { ...step, op, emit: op.emit }]];
  });
  return { world: { steps: Object.fromEntries(entries), sources: history.sources }, history };
}

function textOf(value: unknown): string {
  return Buffer.from(encodeValue(value)).toString('base64url');
}

function decodeText(text: string): unknown {
  return decodeValue(Buffer.from(text, 'base64url'));
}

/** What is printed of a history that fails: as text, as a program to run, as a drawing where it is of a world, and as one string. */
export function printHistoryFailed(failed: PrintedHistory): string {
  const { world, history } = failed;
  const [from, text] =
    world === undefined ? ['historyFrom', historyText(history)] : ['worldHistoryFrom', worldHistoryText({ world, history })];
  const drawing = world === undefined ? [] : ['```mermaid', printMermaid(world), '```'];
  return ['', printHistory(failed), '', '```ts', `${printHistoryProgram(failed)}\`\`\``, ...drawing, `again: ${from}('${text}')`].join(
    '\n',
  );
}
