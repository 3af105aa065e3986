import { corners, histories, incremental, recorder, subset } from './killers.ts';
import type { Mutant } from './mutant.ts';

const GATHER = 'operators/run/gather.ts';
const OUTPUTS = 'operators/step/outputs.ts';
const STEPS = 'operators/run/run-steps.ts';
const WORLDS = 'on random worlds of several definitions';
const SMALL = 'on every world of 2 steps';

/** What a step reads, what becomes of its emissions, and where failures go. */
export const stepMutants: readonly Mutant[] = [
  {
    name: 'absent-as-undefined',
    wrong: 'X3: a body is called with undefined for a required input that did not come, instead of being skipped',
    edits: [{ file: GATHER, from: "if (state === 'absent') absent += 1;", to: "if (state === 'absent') absent += 0;" }],
    killers: [...subset(SMALL, 'S18', WORLDS), ...incremental('I1')],
  },
  {
    name: 'skipped-before-blocked',
    wrong: 'X2: a step with one input absent and another one failed is skipped, not blocked',
    edits: [{ file: GATHER, from: 'absent === entries.length) skipped = true;', to: "absent === entries.length) return 'skipped';" }],
    killers: [...subset(WORLDS), ...corners('X2 before X3')],
  },
  {
    name: 'optional-input-skips',
    wrong: 'X3: an optional input that did not come skips its step too',
    edits: [{ file: GATHER, from: 'if (!optional && entries.length > 0', to: 'if (entries.length > 0' }],
    killers: subset('S18', WORLDS),
  },
  {
    name: 'fan-in-order-lost',
    wrong: 'X4: a list is given in another order than the one wired',
    edits: [{ file: GATHER, from: 'Object.freeze(values)', to: 'Object.freeze(values.reverse())' }],
    killers: [...subset(WORLDS), ...incremental('I2')],
  },
  {
    name: 'fan-in-drops-what-is-loaded',
    wrong: 'N6: where the graph is cut, the list is shorter (as in Dagster)',
    edits: [
      {
        file: GATHER,
        from: "if (stateOfEntry(entry, readable).state === 'value') values.push",
        to: "if (stateOfEntry(entry, readable).state === 'value' && (kind !== 'list' || entry.from === 'step' || entry.source)) values.push",
      },
    ],
    killers: subset(WORLDS),
  },
  {
    name: 'one-stored-value-in-every-slot',
    wrong: 'X4: every entry that is loaded reads the value of the first one (as in Dagster)',
    edits: [{ file: GATHER, from: 'return stored.get(entry.key);', to: 'return [...stored.values()][0];' }],
    killers: subset(WORLDS),
  },
  {
    name: 'policy-ignored',
    wrong: 'X7: "error" is taken for "discard"',
    edits: [
      { file: OUTPUTS, from: "else if (unselected === 'discard') onDiscard", to: "else if (unselected !== 'materialize') onDiscard" },
    ],
    killers: subset('S16', WORLDS),
  },
  {
    name: 'gate-after-record',
    wrong: 'X7: what a step emits beyond the selection is recorded before anybody asks whether it may',
    edits: [
      {
        file: OUTPUTS,
        from: "if (selectedOutputs.has(output) || unselected === 'materialize') this.#accept",
        to: "if (selectedOutputs.has(output) || unselected !== 'error') this.#accept",
      },
      {
        file: 'operators/run/settled-events.ts',
        from: "if (unexpected && !(slot.state === 'value' && scope.plan.policies.unselectedOutputs === 'materialize')) return undefined;",
        to: "if (unexpected && slot.state !== 'value') return undefined;",
      },
    ],
    killers: subset('S1 soundness', 'S4', 'S16', 'S22'),
  },
  {
    name: 'used-assets-are-recorded',
    wrong: 'X7: an asset that was only used is recorded, as if it were selected',
    edits: [
      {
        file: 'operators/run/settled-events.ts',
        from: "if (unexpected && !(slot.state === 'value' && scope.plan.policies.unselectedOutputs === 'materialize')) return undefined;",
        to: "if (unexpected && slot.state !== 'value') return undefined;",
      },
    ],
    killers: subset('S1 soundness', 'S22', SMALL),
  },
  {
    name: 'discards-without-a-word',
    wrong: 'X7: what goes nowhere is not told',
    edits: [
      { file: OUTPUTS, from: "else if (unselected === 'discard') onDiscard(output);", to: "else if (unselected === 'discard') return;" },
    ],
    killers: subset('S16'),
  },
  {
    name: 'required-though-not-in-need',
    wrong: 'X6: a required output that nothing needs has to be emitted all the same (as in Dagster)',
    edits: [{ file: OUTPUTS, from: 'for (const output of selectedOutputs) {', to: 'for (const output of Object.keys(op.outputs)) {' }],
    killers: subset('S17', WORLDS),
  },
  {
    name: 'missing-output-is-absent',
    wrong: 'X6: a required output that did not come is absent, and its step has succeeded',
    edits: [
      {
        file: OUTPUTS,
        from: 'if (op.outputs[output]?.required !== true || this.#passed.has(output)) continue;',
        to: "if (op.outputs[output]?.required !== true || this.#passed.has(output) || output !== '') continue;",
      },
    ],
    killers: subset('S17', WORLDS),
  },
  {
    name: 'last-emission-wins',
    wrong: 'X5: a second emission on one output takes the place of the first',
    edits: [{ file: OUTPUTS, from: 'if (this.#emitted.has(output)) {', to: "if (this.#emitted.has(output) && output === '') {" }],
    killers: subset(WORLDS),
  },
  {
    name: 'undefined-is-a-value',
    wrong: 'X11: undefined on a declared output is emitted',
    edits: [
      { file: OUTPUTS, from: '    if (value === undefined) return;\n', to: '' },
      { file: OUTPUTS, from: '    if (value === undefined && op.declaresOutputs) return;\n', to: '' },
    ],
    killers: subset(WORLDS),
  },
  {
    name: 'null-is-nothing',
    wrong: 'X11: null on a declared output is not emitted',
    edits: [
      { file: OUTPUTS, from: '    if (value === undefined) return;\n', to: '    if (value === undefined || value === null) return;\n' },
    ],
    killers: subset(WORLDS),
  },
  {
    name: 'failure-is-absence',
    wrong: 'X2: what is downstream of a failed step is skipped, as if the step had chosen not to emit',
    edits: [
      {
        file: 'operators/run/settled-step.ts',
        from: 'sameForAll(planned, FAILED), error: end.error',
        to: 'sameForAll(planned, ABSENT), error: end.error',
      },
    ],
    killers: subset('S19 error cone', SMALL),
  },
  {
    name: 'one-failure-blocks-all',
    wrong: 'X9: once a step has failed, everything that comes after it is blocked, whatever it reads',
    edits: [
      {
        file: STEPS,
        from: 'const verdict = judge(planned, this.#readable);',
        to: "const verdict = this.#slots.some((slots) => [...(slots?.values() ?? [])].some(({ state }) => state === 'failed')) ? 'blocked' : judge(planned, this.#readable);",
      },
    ],
    killers: subset('S19 error cone', SMALL),
  },
  {
    name: 'recursion-in-the-pump',
    wrong: 'X1: a step that settles starts the next one from inside, so that a long chain takes all of the stack',
    edits: [
      { file: STEPS, from: 'if (this.#pumping || this.#turn', to: 'if (this.#turn' },
      {
        file: STEPS,
        from: 'if (waiting !== undefined) this.#resume(waiting);\n',
        to: 'if (waiting !== undefined) this.#resume(waiting);\n    this.#pump();\n',
      },
    ],
    killers: corners('X1 a chain'),
  },
  {
    name: 'lineage-names-the-wrong-event',
    wrong: 'R2: an entry that was loaded names the head of the log, and not the event that it came from',
    edits: [
      {
        file: 'operators/run/settled-events.ts',
        from: 'return scope.readable.supply.get(entry.key)?.position ?? null;',
        to: 'return scope.readable.supply.has(entry.key) ? 1 : null;',
      },
    ],
    killers: subset('lineage is closed'),
  },
  {
    name: 'acknowledge-before-append',
    wrong: 'X8: the promise of a run resolves before its last steps are recorded',
    edits: [
      {
        file: 'operators/run/recorder.ts',
        from: 'const first = await this.#appendEnd(group, eventsAt);',
        to: 'const first = this.#last + 1;\n    void this.#appendEnd(group, eventsAt);',
      },
      { file: 'operators/run/recorder.ts', from: '    await this.#tail;\n', to: '    await Promise.resolve();\n' },
    ],
    killers: recorder('what is downstream may start before the append'),
  },
  {
    name: 'values-in-a-second-append',
    wrong: 'X8: values are written behind the events that refer to them, so that a crash between the two loses them',
    edits: [
      {
        file: 'operators/run/recorder.ts',
        from: 'const { first } = await this.#recording.port.append({ events: all, values, at: undisturbed + 1 });',
        to: 'const { first } = await this.#recording.port.append({ events: all, values: [], at: undisturbed + 1 });\n        await this.#recording.port.append({ events: [], values });',
      },
    ],
    killers: recorder('all outputs of a step are recorded in one append'),
  },
  {
    name: 'a-step-in-two-appends',
    wrong: 'X8: a group that is too large for one append is cut in the middle of a step',
    edits: [
      {
        file: 'operators/run/recorder.ts',
        from: 'const { first } = await this.#recording.port.append({ events: all, values, at: undisturbed + 1 });',
        to: 'const { first } = await this.#recording.port.append({ events: all.slice(0, 1), values, at: undisturbed + 1 });\n        await this.#recording.port.append({ events: all.slice(1), values: [] });',
      },
    ],
    killers: recorder('all outputs of a step are recorded in one append'),
  },
  {
    name: 'completion-decides',
    wrong: 'I12: how many bodies run at a time decides what comes out',
    edits: [
      {
        file: GATHER,
        from: "if (state === 'failed' || state === 'blocked') return 'blocked';",
        to: "if ((state === 'failed' || state === 'blocked') && readable.slots.filter(Boolean).length % 2 === 0) return 'blocked';",
      },
    ],
    killers: [...subset('confluence', 'S19 error cone'), ...histories('I12')],
  },
];
