import { explain, type ExplainableRun } from 'sluice';
import { colors, paragraph } from './terminal.ts';
import { listed, many } from './words.ts';

/** How little a refresh ran and why, what it reused, and where the change came to an end. */
export function refreshed(result: ExplainableRun): readonly string[] {
  const stepsThat = (ended: string): readonly string[] => [...result.steps].flatMap(([id, { outcome }]) => (outcome === ended ? [id] : []));
  const assetsThat = (ended: string): readonly string[] =>
    [...result.outcomes].flatMap(([key, outcome]) => (outcome === ended ? [key] : []));
  const [ran, reused] = [new Set(stepsThat('succeeded')), stepsThat('reused')];
  const [cutOff, made] = [assetsThat('unchanged'), assetsThat('materialized')];
  const reasons = explain(result).steps.filter(({ of }) => ran.has(of));
  return [
    ...reasons.flatMap(({ sentence }) => paragraph(colors.green('✓'), sentence)),
    ...paragraph(colors.green('='), `${many(reused.length, 'step')} reused: ${listed(reused)}.`),
    ...paragraph(
      colors.dim('–'),
      `The change was cut off at ${many(cutOff.length, 'asset')}, made again with equal values: ${listed(cutOff)}.`,
    ),
    ...paragraph(colors.dim('–'), `${many(made.length, 'asset')} got another value: ${listed(made)}.`),
  ];
}
