import { writeFlows, type WrittenFlows } from '../delta/program.ts';
import { DefinitionError } from '../kernel/errors.ts';
import { kindOf, quote, quoteList } from '../kernel/print.ts';
import { isKeyedInput, isKeyedOutput } from './keyed-port.ts';
import type { Inputs, Outputs } from './port.ts';

/** What the body of a `keyed` op is told beside its flows. */
export interface KeyedContext<C = unknown> {
  /** What the op's config schema made of what the run was given; `undefined` without a schema. */
  readonly config: C;
}

/** The body of an op that follows changes: gives its flows for a config. */
export interface KeyedBody {
  readonly form: 'keyed';
  readonly flowsFor: (config: unknown) => WrittenFlows;
}

interface Declared {
  readonly keyed: unknown;
  readonly inputs: Inputs;
  readonly outputs: Outputs;
  readonly single: boolean;
  /** Whether the flows depend on a config, and so are written when there is one. */
  readonly hasConfig: boolean;
  /** Names of options that the op has and a body that follows changes cannot have. */
  readonly unfit: readonly string[];
}

/**
 * Reads the option `keyed` of an op. Its flows are written at once where they depend on no config.
 *
 * @throws DefinitionError INVALID_DEFINITION, DeltaError FLOW_MISUSED
 */
export function keyedBody(declared: Declared, where: string): KeyedBody {
  const { keyed, inputs, outputs, single, hasConfig, unfit } = declared;
  if (typeof keyed !== 'function') throw refused(where, `"keyed" is ${kindOf(keyed)}. Give a function of flows.`);
  if (unfit.length > 0)
    throw refused(where, `it has "keyed" and ${quoteList(unfit)}. A body that follows changes has nothing but its inputs and a config.`);
  const names = Object.keys(inputs).filter((name) => inputs[name]?.kind !== 'nothing');
  checkPorts(names, { inputs, outputs, single }, where);
  const write = (config: unknown): WrittenFlows => {
    const written = writeFlows(names, (flows) => {
      // The types of flows and context were checked by the public signature.
      const made: unknown = Reflect.apply(keyed, undefined, [flows, Object.freeze({ config })]);
      return single ? { result: made } : made;
    });
    checkOutputs(written, outputs, where);
    return written;
  };
  if (hasConfig) return Object.freeze({ form: 'keyed', flowsFor: write });
  const written = write(undefined);
  return Object.freeze({ form: 'keyed', flowsFor: () => written });
}

function checkPorts(
  names: readonly string[],
  { inputs, outputs, single }: Pick<Declared, 'inputs' | 'outputs' | 'single'>,
  where: string,
): void {
  const plain = names.find((name) => inputs[name] !== undefined && !isKeyedInput(inputs[name]));
  if (plain !== undefined) throw refused(where, `its "keyed" body reads input ${quote(plain)}. Declare that with keyedInput().`);
  const other = Object.keys(outputs).find((name) => outputs[name] !== undefined && !isKeyedOutput(outputs[name]));
  if (!single && other !== undefined)
    throw refused(where, `its "keyed" body gives output ${quote(other)}. Declare that with keyedOutput().`);
}

function checkOutputs({ outputs: given }: WrittenFlows, outputs: Outputs, where: string): void {
  const missing = Object.keys(outputs).filter((name) => !given.includes(name));
  if (missing.length > 0) throw refused(where, `its "keyed" body gives no flow for ${quoteList(missing)}. Return one for each output.`);
  const unknown = given.filter((name) => !Object.hasOwn(outputs, name));
  if (unknown.length > 0)
    throw refused(where, `its "keyed" body gives ${quoteList(unknown)}, which is no output. Declare it, or leave it out.`);
}

function refused(where: string, problem: string): DefinitionError {
  return new DefinitionError('INVALID_DEFINITION', `${where}: ${problem}`, { details: { where, option: 'keyed' } });
}
