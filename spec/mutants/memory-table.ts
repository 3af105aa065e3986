import { corners, histories, incremental, tail, values } from './killers.ts';
import type { Mutant } from './mutant.ts';

const TRACE = 'lib/plan/trace.ts';
const REUSE = 'operators/run/reuse.ts';
const EVENTS = 'operators/run/settled-events.ts';
const STEPS = 'operators/run/run-steps.ts';
const KEPT = 'where every value can be kept and none is lost';
const TOGETHER = 'with volatile ops, outputs that belong together';

/** What is remembered from one run to the next. */
export const memoryMutants: readonly Mutant[] = [
  {
    name: 'no-cutoff',
    wrong: 'F5: whoever reads of a step that ran runs too, though it is given what it was given before',
    edits: [
      {
        file: REUSE,
        from: '    const now = stepNow(this.#plan, planned, readable);\n',
        to: "    const now = stepNow(this.#plan, planned, readable);\n    if (planned.inputs.some(({ entries }) => entries.some((entry) => entry.from === 'step' && readable.slots[entry.step]?.get(entry.output)?.state === 'value'))) return undefined;\n",
      },
    ],
    killers: [...incremental('I4', 'I6', 'I22', 'S20'), ...histories(KEPT)],
  },
  {
    name: 'wake-per-op',
    wrong: 'F1: whoever reads one output of a step runs when another output of it is another one',
    edits: [
      {
        file: REUSE,
        from: '    const now = stepNow(this.#plan, planned, readable);\n',
        to: `    const now = stepNow(this.#plan, planned, readable);
    const isOther = (step: number): boolean =>
      (this.#plan.steps[step]?.needed ?? []).some((output, place) => {
        const slot = readable.slots[step]?.get(output);
        const traced = tracedOutput(this.#traces.get(step)?.[place]?.[0], this.#plan.steps[step]?.step.outputs[output]?.name ?? '');
        return slot?.state === 'value' && traced !== undefined && (traced.state.state !== 'value' || traced.state.version !== slot.version);
      });
    if (planned.inputs.some(({ entries }) => entries.some((entry) => entry.from === 'step' && isOther(entry.step)))) return undefined;
`,
      },
    ],
    killers: incremental('S20'),
  },
  {
    name: 'trace-without-code-version',
    wrong: 'F1: a step is reused though its code is another',
    edits: [{ file: TRACE, from: 'if (trace.codeVersion !== now.codeVersion) return', to: 'if (trace.codeVersion === undefined) return' }],
    killers: [...incremental('I1', 'I5', 'I11'), ...histories(KEPT)],
  },
  {
    name: 'trace-without-config',
    wrong: 'F1: a step is reused though its config is another',
    edits: [
      {
        file: TRACE,
        from: 'if (now.config !== undefined && trace.config !== now.config) return',
        to: 'if (now.config !== undefined && trace.config === undefined) return',
      },
    ],
    killers: corners('F1 config'),
  },
  {
    name: 'trace-without-wiring',
    wrong: 'F1: a step is reused though it is wired to something else that is as large',
    edits: [{ file: TRACE, from: 'if (before === undefined || !isSameEntry(before, current))', to: 'if (before === undefined)' }],
    killers: corners('F1 rewired'),
  },
  {
    name: 'trace-of-a-list-without-order',
    wrong: 'F1: a list in another order is taken for the same list',
    edits: [
      {
        file: TRACE,
        from: '  for (const [entry, current] of entries.entries()) {\n',
        to: '  const printed = (all: readonly { readonly input: string; readonly state: OutputState }[]): string => all.map(({ input, state }) => JSON.stringify([input, state])).toSorted().join();\n  if (printed(traced) === printed(entries)) return undefined;\n  for (const [entry, current] of entries.entries()) {\n',
      },
    ],
    killers: incremental('F1 a list'),
  },
  {
    name: 'trace-without-data',
    wrong: 'F1: a step is reused though it would be given something else',
    edits: [
      {
        file: TRACE,
        from: 'if (isUnrepeatable(before) || !sameState(before.state, current.state))',
        to: 'if (isUnrepeatable(before) && !sameState(before.state, current.state))',
      },
    ],
    killers: [...incremental('I1', 'I5', 'S20'), ...histories(KEPT)],
  },
  {
    name: 'trace-of-a-discarded-emission',
    wrong: 'F1: a step leaves a trace of outputs that nothing needed: that they are absent',
    edits: [
      { file: EVENTS, from: 'for (const output of planned.needed) {', to: 'for (const output of planned.step.outputs.keys()) {' },
      {
        file: EVENTS,
        from: '    if (slot === undefined) continue;\n    outputs.push',
        to: "    if (slot === undefined) outputs.push({ output: planned.step.outputs[output]?.name ?? '', state: { state: 'absent' }, address: null });\n    if (slot === undefined) continue;\n    outputs.push",
      },
    ],
    killers: [...incremental('I15'), ...histories(KEPT)],
  },
  {
    name: 'skip-reused',
    wrong: 'X3: a step that has to be skipped is reused, since its trace holds',
    edits: [
      {
        file: STEPS,
        from: "    if (verdict !== 'run') return this.#settle(passedOver(",
        to: "    const early = verdict === 'skipped' ? this.#run.reuse?.of(planned, readable) : undefined;\n    if (early !== undefined && 'slots' in early) return this.#settle(reused(planned, early.slots));\n    if (verdict !== 'run') return this.#settle(passedOver(",
      },
    ],
    killers: incremental('X3 before reuse'),
  },
  {
    name: 'failure-erases-a-trace',
    wrong: 'F1: a step that fails forgets what it gave before',
    edits: [
      {
        file: EVENTS,
        from: '  if (!step.op.outputsTogether ||',
        to: "  if (outcome === 'failed') return step.outputs.map(({ name }) => name);\n  if (!step.op.outputsTogether ||",
      },
      {
        file: 'lib/memory/kept.ts',
        from: "if (outcome !== 'succeeded') return this",
        to: "if (outcome !== 'succeeded' && outcome !== 'failed') return this",
      },
      { file: TRACE, from: 'if (trace === undefined) return', to: "if (trace === undefined || trace.outcome !== 'succeeded') return" },
    ],
    killers: corners('F1 a failure'),
  },
  {
    name: 'absent-as-hold',
    wrong: 'F8: an asset that became absent goes on to be read as its older value',
    edits: [
      {
        file: EVENTS,
        from: 'return sameAsRead(stateOf(slot), scope.before.get(key)) && !scope.missed.has(key) ? undefined :',
        to: 'return scope.before.has(key) || (sameAsRead(stateOf(slot), scope.before.get(key)) && !scope.missed.has(key)) ? undefined :',
      },
    ],
    killers: [...histories(KEPT), ...incremental('I8')],
  },
  {
    name: 'unchanged-is-materialized',
    wrong: 'R4: a refresh records an equal value as a new one, and wakes readers of the log',
    edits: [
      { file: EVENTS, from: "return ran || wasMissed ? 'unchanged' : 'fresh';", to: "return ran || wasMissed ? 'materialized' : 'fresh';" },
    ],
    killers: [...incremental('I6', 'I22'), ...histories(KEPT)],
  },
  {
    name: 'fresh-is-recorded',
    wrong: 'R1: a refresh that finds nothing to do writes that down',
    edits: [
      { file: EVENTS, from: "return ran || wasMissed ? 'unchanged' : 'fresh';", to: "return ran || !wasMissed ? 'unchanged' : 'fresh';" },
    ],
    killers: [...incremental('I7'), ...histories(KEPT)],
  },
  {
    name: 'volatile-is-trusted',
    wrong: 'F6: a volatile op is reused',
    edits: [{ file: REUSE, from: "!== 'auto' || step.op.volatile) return false;", to: "!== 'auto') return false;" }],
    killers: histories(TOGETHER),
  },
  {
    name: 'together-taken-apart',
    wrong: 'D8: of outputs that belong together, one of an older execution stands beside one of a newer',
    edits: [{ file: EVENTS, from: 'if (!step.op.outputsTogether || outcome', to: "if (step.op.name !== '' || outcome" }],
    killers: corners('D8 together'),
  },
  {
    name: 'materialize-reuses-what-is-selected',
    wrong: 'F4: materialize does not run what it was asked to run',
    edits: [
      { file: REUSE, from: "if (mode === 'refresh') return true;", to: "if (mode === 'refresh' || mode === 'materialize') return true;" },
    ],
    killers: histories(KEPT),
  },
  {
    name: 'lost-value-is-not-made-again',
    wrong: 'F2: a step is reused though the store has lost the value that has to be recorded',
    edits: [{ file: REUSE, from: 'if (gone.length === 0) return traces;', to: 'if (gone.length >= 0) return traces;' }],
    killers: corners('F2 lost'),
  },
  {
    name: 'a-value-of-one-run-is-trusted',
    wrong: 'R6: a step that read a value which was never kept is reused, as if it would be given the same again',
    edits: [
      {
        file: TRACE,
        from: "state.state === 'value' && state.version.startsWith('run:')",
        to: "state.state === 'value' && state.version.startsWith('none')",
      },
    ],
    killers: histories('with values that pass by reference'),
  },
  {
    name: 'acknowledge-before-it-is-read',
    wrong: 'L2: the cursor of a tail is written ahead of what its reader has asked past, so that a crash loses an event',
    edits: [
      {
        file: 'lib/events/tail-reader.ts',
        from: '        this.#held = true;\n        yield event;',
        to: '        this.#held = true;\n        this.#cursor?.pass(event.position);\n        await this.#cursor?.save();\n        yield event;',
      },
    ],
    killers: tail('is written as the tail starts', 'a tail gives every event once'),
  },
  {
    name: 'minus-zero-is-zero',
    wrong: 'I21: two values that differ have one version, and the one that was stored is not the one that is read',
    edits: [{ file: 'lib/kernel/value/canonical.ts', from: ' || Object.is(value, -0)) out.float', to: ') out.float' }],
    killers: values('gives back what was stored'),
  },
];
