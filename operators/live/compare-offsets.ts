const PARTS = /\d+|\D+/g;
const DIGITS = /^\d/;

/**
 * Which of two offsets comes first, as most origins count: what are digits in both is compared as a number, everything else by its
 * characters. So `9` is before `10`, and `1526919030474-9` before `1526919030474-10`. Negative, 0 or positive, as for `sort`.
 */
export function compareOffsets(a: string, b: string): number {
  const [left, right] = [a.match(PARTS) ?? [], b.match(PARTS) ?? []];
  for (const [index, part] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const order = compareParts(part, other);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareParts(a: string, b: string): number {
  if (!DIGITS.test(a) || !DIGITS.test(b)) return compareText(a, b);
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  return left.length - right.length || compareText(left, right);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
