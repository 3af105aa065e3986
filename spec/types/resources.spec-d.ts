import { map } from 'rxjs';
import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { asset, assetsFromGraph, define, emit, graph, input, materialize, op, output, plan, resource, testOp } from '../../index.ts';
import type { Provision, Resource, ResourceContext } from '../../index.ts';

interface Slack {
  send(text: string): Promise<void>;
}

interface Database extends AsyncDisposable {
  rows(): readonly number[];
}

const slack = resource<Slack>('slack');
const db = resource<Database>('db', { description: 'where rows are' });

declare const client: Slack;
declare const database: Database;

describe('what a body gets for its resources', () => {
  test('is the values by its own names, from the one literal of op', () => {
    op({
      name: 'a',
      inputs: { x: input<number>() },
      resources: { slack, rows: db },
      run: ({ x }, { resources }) => {
        expectTypeOf(resources).toEqualTypeOf<{ readonly slack: Slack; readonly rows: Database }>();
        return x + resources.rows.rows().length;
      },
    });
    op({
      name: 'a',
      outputs: { out: output<number>() },
      resources: { db },
      async *run(_, { resources }) {
        expectTypeOf(resources).toEqualTypeOf<{ readonly db: Database }>();
        yield emit('out', resources.db.rows().length);
      },
    });
  });

  test('in an operator, an asset, and beside config and a schema of the result', () => {
    op({
      name: 'a',
      resources: { db },
      operator: (frames, { resources }) => {
        expectTypeOf(resources).toEqualTypeOf<{ readonly db: Database }>();
        return frames.pipe(map(() => resources.db.rows()));
      },
    });
    asset({
      key: 'a',
      resources: { slack },
      run: (_, { resources }) => {
        expectTypeOf(resources).toEqualTypeOf<{ readonly slack: Slack }>();
        return resources.slack.send('x');
      },
    });
    asset({
      key: 'a',
      resources: { slack },
      operator: (frames, { resources }) => frames.pipe(map(() => resources.slack.send('x'))),
    });
    asset({
      key: 'a',
      config: z.number(),
      resources: { db },
      result: z.number(),
      run: (_, { config, resources }) => {
        expectTypeOf(config).toEqualTypeOf<number>();
        expectTypeOf(resources).toEqualTypeOf<{ readonly db: Database }>();
        return config + resources.db.rows().length;
      },
    });
  });

  test('is nothing for an op without', () => {
    op({
      name: 'a',
      run: (_, { resources }) => {
        expectTypeOf(resources).toEqualTypeOf<Readonly<Record<never, never>>>();
        // @ts-expect-error none is declared
        return resources.db;
      },
    });
  });

  test('is neither another one nor another type, and is not to be changed', () => {
    // @ts-expect-error not declared
    op({ name: 'a', resources: { slack }, run: (_, { resources }) => resources.db });
    // @ts-expect-error Slack has no rows
    op({ name: 'a', resources: { slack }, run: (_, { resources }) => resources.slack.rows() });
    op({
      name: 'a',
      resources: { slack },
      run: (_, { resources }) => {
        // @ts-expect-error readonly
        resources.slack = client;
      },
    });
  });

  test('are resources, not what provides them', () => {
    // @ts-expect-error a provision
    op({ name: 'a', resources: { slack: slack.value(client) }, run: () => 1 });
    // @ts-expect-error a client
    op({ name: 'a', resources: { slack: client }, run: () => 1 });
    // @ts-expect-error a list
    asset({ key: 'a', resources: [slack], run: () => 1 });
    // @ts-expect-error not called yet
    asset({ key: 'a', resources: { slack: resource }, run: () => 1 });
  });
});

describe('where a resource comes from', () => {
  test('is a value of its type', () => {
    expectTypeOf(slack).toEqualTypeOf<Resource<Slack>>();
    expectTypeOf(slack.value(client)).toEqualTypeOf<Provision>();
    slack.value({ send: async () => undefined });
    // @ts-expect-error a database is no Slack
    slack.value(database);
    // @ts-expect-error nor is a string
    slack.value('client');
    // @ts-expect-error a promise of one is none: that takes a factory
    slack.value(Promise.resolve(client));
  });

  test('or a factory of such values, which gets back what it opened', () => {
    slack.factory({ open: () => client });
    slack.factory({
      open: async (context) => {
        expectTypeOf(context).toEqualTypeOf<ResourceContext>();
        expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>();
        expectTypeOf(context.runId).toEqualTypeOf<string>();
        return client;
      },
      dispose: async (opened) => {
        expectTypeOf(opened).toEqualTypeOf<Slack>();
        await opened.send('bye');
      },
    });
    // @ts-expect-error a database is no Slack
    slack.factory({ open: () => database });
    // @ts-expect-error nor is a promise of one
    slack.factory({ open: async () => database });
    // @ts-expect-error it gives back a Slack
    slack.factory({ open: () => client, dispose: (opened: Database) => opened[Symbol.asyncDispose]() });
    // @ts-expect-error it opens nothing
    slack.factory({ dispose: () => undefined });
    // @ts-expect-error the function alone is no factory
    slack.factory(() => client);
    // @ts-expect-error dispose
    slack.factory({ open: () => client, close: () => undefined });
  });

  test('is listed by define and by the verbs that run', () => {
    const made = assetsFromGraph(graph('g', () => op({ name: 'a', resources: { slack }, run: () => 1 })()));
    const defs = define({ assets: [made], resources: [slack.value(client), db.factory({ open: () => database })], pools: { api: 3 } });
    plan(defs, { resources: [slack.value(client)], pools: { api: 1 } });
    void materialize(defs, { resources: [slack.factory({ open: () => client })] });
    // @ts-expect-error a resource provides nothing
    define({ assets: [made], resources: [slack] });
    // @ts-expect-error a list
    plan(defs, { resources: { slack: client } });
    // @ts-expect-error a client
    void materialize(defs, { resources: [client] });
    // @ts-expect-error a number
    define({ assets: [made], pools: { api: '3' } });
    // @ts-expect-error a number
    plan(defs, { pools: { api: undefined } });
  });

  test('is a value by the name that the body uses, where one op is tested', () => {
    const uses = op({ name: 'a', resources: { chat: slack }, run: (_, { resources }) => resources.chat.send('x') });
    void testOp(uses, { resources: { chat: client } });
    // @ts-expect-error it cannot run without
    void testOp(uses);
    // @ts-expect-error another type
    void testOp(uses, { resources: { chat: database } });
    // @ts-expect-error the name that the body uses
    void testOp(uses, { resources: { slack: client } });
  });
});
