import { DefinitionError } from '../kernel/errors.ts';
import { frozenMap } from '../kernel/frozen-collections.ts';
import { kindOf, quote } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import { notCallable, readMethods, type MethodsOf } from './methods.ts';
import { checkName } from './name.ts';
import { checkOptions, optionalString, type Fields } from './options.ts';

declare const holds: unique symbol;

/** What a factory is told when it opens a resource. */
export interface ResourceContext {
  /** Aborted when the run is cancelled: nobody will use the resource any longer. */
  readonly signal: AbortSignal;
  readonly runId: string;
}

/** How to make a resource when it is first used, and how to let go of it: a record, or an instance of a class with these methods. */
export interface ResourceFactory<T> {
  /** Called at most once a run while it succeeds; a failed opening is tried again by the next step, or attempt, that needs it. */
  open(context: ResourceContext): T | Promise<T>;
  /**
   * Called once for each value that was opened, when the run is over: after failure and cancellation too, in the reverse order of opening.
   * Left out, the value's own `Symbol.asyncDispose` or `Symbol.dispose` is called, if it has one.
   */
  dispose?(value: T): void | Promise<void>;
  /** Changes when what the resource gives changes its meaning: part of the code version of the ops that need it. */
  readonly version?: string;
}

/** What may be said of a value that is provided as it is. */
export interface ProvisionOptions {
  /** As of a factory. */
  readonly version?: string;
}

/** Something outside that ops talk to: a client, a connection, a folder. Made by {@link resource}. */
export interface Resource<T = unknown> {
  readonly kind: 'resource';
  readonly name: string;
  readonly description: string | undefined;
  /**
   * Provides a value that is there already. It stays yours: no run disposes it.
   *
   * @throws DefinitionError INVALID_DEFINITION
   */
  value(value: T, options?: ProvisionOptions): Provision;
  /**
   * Provides a value that each run opens on first use and disposes when it is over.
   *
   * @throws DefinitionError INVALID_DEFINITION
   */
  factory<Opened extends T>(factory: ResourceFactory<Opened>): Provision;
  readonly [holds]?: T;
}

/** A resource with where it comes from: what `resources` lists take, of `define` and of every verb that runs. */
export interface Provision {
  readonly kind: 'provision';
  readonly resource: Resource;
  readonly version: string | undefined;
  readonly from:
    { readonly form: 'value'; readonly value: unknown } | { readonly form: 'factory'; readonly factory: ResourceFactory<unknown> };
}

/** The resources that an op needs, by the names that its body calls them. */
export type Needs = Readonly<Record<string, Resource>>;

/** No resources: what is inferred where none are declared. */
export type NoNeeds = Readonly<Record<never, never>>;

/** What a body gets for its resources. */
export type Held<N extends Needs> = { readonly [K in keyof N]: N[K] extends Resource<infer T> ? T : never };

/** Options of {@link resource}. */
export interface ResourceOptions {
  readonly description?: string;
}

const RESOURCE_FIELDS: Fields<ResourceOptions> = { description: true };
const FACTORY_METHODS: Fields<Omit<ResourceFactory<unknown>, 'version'>> = { open: true, dispose: true };
const PROVISION_FIELDS: Fields<ProvisionOptions> = { version: true };

/**
 * Declares something outside that ops talk to, by name and type. Ops list it in `resources`; `define` or the run provides it.
 *
 * @throws DefinitionError INVALID_NAME, INVALID_DEFINITION
 */
export function resource<T>(name: string, options: ResourceOptions = {}): Resource<T> {
  checkName('resource', name, 'in resource()');
  const where = `resource "${name}"`;
  checkOptions(options, RESOURCE_FIELDS, where);
  const self: Resource<T> = Object.freeze({
    kind: 'resource',
    name,
    description: optionalString(options.description, 'description', where),
    value: (value: T, said: ProvisionOptions = {}): Provision => {
      checkOptions(said, PROVISION_FIELDS, `${where}: value()`);
      return provision(self, { form: 'value', value }, optionalString(said.version, 'version', `${where}: value()`));
    },
    factory: <Opened extends T>(factory: ResourceFactory<Opened>): Provision => {
      const read = readFactory(factory, { what: 'factory()', where });
      return provision(self, { form: 'factory', factory: read }, optionalString(factory.version, 'version', `${where}: factory()`));
    },
  });
  return self;
}

function provision(of: Resource, from: Provision['from'], version: string | undefined): Provision {
  return Object.freeze({ kind: 'provision', resource: of, version, from: Object.freeze(from) });
}

/** The methods of a factory as they are now, bound to it: it may be an instance of a class. */
function readFactory(given: object, of: MethodsOf): ResourceFactory<unknown> {
  // Functions by these names, as was checked. They are only ever given a context, and what `open` gave.
  const { open, dispose } = readMethods(methodsOf(given), FACTORY_METHODS, of) as Partial<ResourceFactory<unknown>>;
  if (open === undefined) throw notCallable(of, 'open', open);
  return Object.freeze({ open: open.bind(given), ...(dispose !== undefined && { dispose: dispose.bind(given) }) });
}

/** What a record may have beside methods is no method; an instance may have what it likes. */
function methodsOf(given: object): unknown {
  if (!isRecord(given)) return given;
  const { version: _, ...methods } = given;
  return methods;
}

/** Whether a value is a resource, for checks of what JavaScript users pass. */
export function isResource(value: unknown): value is Resource {
  return isRecord(value) && value['kind'] === 'resource' && typeof value['name'] === 'string' && typeof value['factory'] === 'function';
}

/** Whether a value provides a resource. */
export function isProvision(value: unknown): value is Provision {
  return isRecord(value) && value['kind'] === 'provision' && isResource(value['resource']);
}

/** A list of provisions by resource name, or what is wrong with it, as the rest of a sentence. */
export function readProvisions(given: unknown): { readonly provisions: ReadonlyMap<string, Provision> } | { readonly problem: string } {
  if (!Array.isArray(given)) return { problem: `is ${kindOf(given)}. Give a list: [db.value(…), slack.factory({ open })].` };
  const provisions = new Map<string, Provision>();
  for (const [index, entry] of given.entries()) {
    if (!isProvision(entry)) {
      const hint = isResource(entry) ? ` Say where ${quote(entry.name)} comes from: value(…) or factory({ open }).` : '';
      return {
        problem: `has ${kindOf(entry)} at ${index} that provides nothing.${hint || ' Make it with value() or factory() of a resource.'}`,
      };
    }
    const { name } = entry.resource;
    if (provisions.has(name)) return { problem: `provides ${quote(name)} twice. Keep one of them.` };
    provisions.set(name, entry);
  }
  return { provisions: frozenMap([...provisions]) };
}

/**
 * Copies the resources that an op needs, after checking them for JavaScript users.
 *
 * @throws DefinitionError INVALID_NAME, INVALID_DEFINITION
 */
export function checkNeeds(given: unknown, where: string): Needs {
  if (given === undefined) return Object.freeze({});
  if (!isRecord(given)) {
    throw new DefinitionError('INVALID_DEFINITION', `${where}: "resources" is ${kindOf(given)}. Write a record of name to resource.`, {
      details: { where },
    });
  }
  const needs = Object.entries(given).map(([name, value]) => {
    checkName('resource', name, where);
    if (name === 'then') {
      throw new DefinitionError(
        'INVALID_DEFINITION',
        `${where}: no resource can be called "then", which makes a promise of a record. Rename it.`,
        {
          details: { where, name },
        },
      );
    }
    if (isResource(value)) return [name, value] as const;
    const hint = isProvision(value) ? ' Declare the resource itself here, and provide it in define() or at the run.' : '';
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `${where}: resource ${quote(name)} is ${kindOf(value)}. Make it with resource('${name}').${hint}`,
      { details: { where, name } },
    );
  });
  return Object.freeze(Object.fromEntries(needs));
}
