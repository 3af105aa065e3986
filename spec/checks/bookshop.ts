import { assetsFromGraph, define, emit, graph, input, list, op, optional, output, source, type Definitions } from '../../index.ts';

/** A line of an order. Books that cost nothing are gifts. */
export interface Line {
  readonly book: string;
  readonly copies: number;
  readonly price: number;
}

/** Mistakes that people make in ops. */
export const mistakes = ['together', 'counter', 'sorts', 'changes a map', 'forgets', 'leak', 'remembers', 'race'] as const;

/** One of them. */
export type Mistake = (typeof mistakes)[number];

type Stock = Readonly<Record<string, number>>;

/** A bookshop's day: what was sold, what has to be ordered, and what is printed about it. Right, or with one mistake in it. */
export function bookshop(mistake?: Mistake): Definitions {
  const has = (each: Mistake): boolean => each === mistake;
  // What ops with a mistake leave behind, outside of inputs and outputs.
  let calls = 0;
  let lastSold: readonly Line[] = [];
  let printer = '';
  let counted = { lines: -1, copies: 0 };

  const sort = op({
    name: 'sort',
    inputs: { orders: input<readonly Line[]>() },
    outputs: { sold: output<readonly Line[]>(), gifts: optional<readonly Line[]>() },
    *run({ orders }, { selectedOutputs }) {
      calls += 1;
      if (selectedOutputs.has('sold')) {
        const sold = orders.filter(({ price }) => price > 0);
        lastSold = sold;
        yield emit('sold', has('counter') ? [...sold, { book: 'receipt', copies: calls, price: 0 }] : sold);
      }
      const gifts = orders.filter(({ price }) => price === 0);
      if (selectedOutputs.has('gifts') && gifts.length > 0) yield emit('gifts', gifts);
    },
  });

  const copiesOf = op({
    name: 'copies_of',
    inputs: { sold: input<readonly Line[]>() },
    outputs: { by_book: output<ReadonlyMap<string, number>>(), turnover: output<number>() },
    run: ({ sold }, { selectedOutputs }) => {
      const lines = has('sorts') ? (sold as Line[]).sort((a, b) => b.price - a.price) : sold; // the mistake: it is given what it may not change
      const by_book = new Map<string, number>();
      for (const { book, copies } of lines) by_book.set(book, (by_book.get(book) ?? 0) + copies);
      const turnover = lines.reduce((sum, { copies, price }) => sum + copies * price, 0);
      const emitted = { by_book, turnover: has('together') && selectedOutputs.has('by_book') ? turnover + 1 : turnover };
      // What is not there is not emitted, and the compiler does not know of it.
      return has('forgets') && !selectedOutputs.has('by_book') ? ({ by_book } as typeof emitted) : emitted;
    },
  });

  const bestseller = op({
    name: 'bestseller',
    inputs: { by_book: input<ReadonlyMap<string, number>>() },
    run: async ({ by_book }) => {
      await Promise.resolve();
      if (has('race')) printer = 'best; ';
      const best = [...by_book].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0] ?? null;
      if (has('changes a map')) (by_book as Map<string, number>).clear(); // the mistake
      return best;
    },
  });

  const reorder = op({
    name: 'reorder',
    inputs: { by_book: input<ReadonlyMap<string, number>>(), stock: input<Stock>() },
    run: async ({ by_book, stock }) => {
      await Promise.resolve();
      if (has('race')) printer = 'reorder; ';
      const sold = has('leak') ? new Map(lastSold.map(({ book, copies }) => [book, copies] as const)) : by_book;
      // Maps of equal entries are equal, whatever their order: what is made of one must not depend on it.
      return [...sold].flatMap(([book, copies]) => (copies > (stock[book] ?? 0) ? [book] : [])).toSorted();
    },
  });

  const count = op({
    name: 'count',
    inputs: { lists: list<readonly Line[]>() },
    run: ({ lists }) => {
      const copies = lists.flat().reduce((sum, each) => sum + each.copies, 0);
      if (!has('remembers')) return copies;
      if (counted.lines !== lists.flat().length) counted = { lines: lists.flat().length, copies };
      return counted.copies;
    },
  });

  const slip = op({
    name: 'slip',
    inputs: { best: input<string | null>(), books: input<readonly string[]>() },
    run: ({ best, books }) => {
      const text = `${best ?? 'nothing'}; order ${books.join(', ')}`;
      return has('race') ? `${printer}${text}` : text;
    },
  });

  const sales = graph('sales', { inputs: { orders: input<readonly Line[]>() } }, ({ orders }) => {
    const { sold, gifts } = sort({ orders });
    const { by_book, turnover } = copiesOf({ sold });
    return { by_book, turnover, gifts, copies: count({ lists: [sold, gifts] }) };
  });
  const desk = graph('desk', { inputs: { by_book: input<ReadonlyMap<string, number>>(), stock: input<Stock>() } }, ({ by_book, stock }) => {
    const best = bestseller({ by_book });
    const books = reorder({ by_book, stock });
    return { best, slip: slip({ best, books }) };
  });
  const [orders, stock] = [source<readonly Line[]>('orders'), source<Stock>('stock')];
  return define({ assets: [orders, stock, assetsFromGraph(sales, { canSubset: true }), assetsFromGraph(desk, { canSubset: true })] });
}
