import { Random } from './random.ts';

const PAGE = 4096;

/** Something that happens to a file. */
export type Damage =
  | { readonly what: 'flip'; readonly at: number; readonly bit: number }
  | { readonly what: 'header'; readonly page: number; readonly at: number; readonly byte: number }
  | { readonly what: 'zero'; readonly page: number }
  | { readonly what: 'swap' | 'repeat'; readonly page: number; readonly other: number }
  | { readonly what: 'noise'; readonly at: number; readonly size: number; readonly seed: number }
  | { readonly what: 'cut' | 'stretch'; readonly to: number };

/** Some damage, of which much hits what LMDB itself needs. */
export function anyDamage(size: number, random: Random): Damage {
  const page = (): number => random.below(Math.floor(size / PAGE));
  const what = random.pick([
    'flip',
    'flip',
    'flip',
    'flip',
    'header',
    'header',
    'header',
    'zero',
    'swap',
    'repeat',
    'noise',
    'cut',
    'stretch',
  ] as const);
  switch (what) {
    case 'flip':
      return { what, at: random.below(size), bit: random.below(8) };
    case 'header':
      return { what, page: page(), at: random.below(64), byte: random.below(256) };
    case 'zero':
      return { what, page: page() };
    case 'swap':
    case 'repeat':
      return { what, page: page(), other: page() };
    case 'noise':
      return { what, at: 512 * random.below(Math.floor(size / 512)), size: 512, seed: random.below(2 ** 31) };
    case 'cut':
      return { what, to: random.below(size) };
    case 'stretch':
      return { what, to: size + random.below(4 * PAGE) };
  }
}

/** A file after something has happened to it. */
export function damaged(whole: Buffer, damage: Damage): Buffer {
  const bytes = Buffer.from(whole);
  const page = (number: number): Buffer => bytes.subarray(number * PAGE, (number + 1) * PAGE);
  switch (damage.what) {
    case 'flip':
      bytes[damage.at] = (bytes[damage.at] ?? 0) ^ (1 << damage.bit);
      return bytes;
    case 'header':
      page(damage.page)[damage.at] = damage.byte;
      return bytes;
    case 'zero':
      page(damage.page).fill(0);
      return bytes;
    case 'noise':
      noise(damage.seed, damage.size).copy(bytes, damage.at);
      return bytes;
    case 'cut':
      return bytes.subarray(0, damage.to);
    case 'stretch':
      return Buffer.concat([bytes, noise(damage.to, damage.to - bytes.length)]);
    case 'swap':
    case 'repeat': {
      const kept = Buffer.from(page(damage.page));
      page(damage.other).copy(page(damage.page));
      if (damage.what === 'swap') kept.copy(page(damage.other));
      return bytes;
    }
  }
}

function noise(seed: number, size: number): Buffer {
  const random = new Random(seed);
  return Buffer.from(Array.from({ length: size }, () => random.below(256)));
}
