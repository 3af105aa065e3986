const POLYNOMIAL = 0xedb88320;
/** So many bytes are taken at once. */
const STRIDE = 8;

// For each byte of a stride and each of its values, what it adds to the checksum.
const TABLES = new Int32Array(STRIDE * 256);
for (let value = 0; value < 256; value += 1) {
  let sum = value;
  for (let bit = 0; bit < 8; bit += 1) sum = (sum & 1) === 0 ? sum >>> 1 : POLYNOMIAL ^ (sum >>> 1);
  TABLES[value] = sum;
}
for (let at = 256; at < TABLES.length; at += 1) {
  const before = TABLES[at - 256] ?? 0;
  TABLES[at] = (before >>> 8) ^ (TABLES[before & 0xff] ?? 0);
}

/** What a byte adds that has so many bytes of its stride behind it. */
function part(behind: number, byte: number): number {
  return TABLES[(behind << 8) | (byte & 0xff)] ?? 0;
}

/**
 * The crc32 of a stretch, after bytes whose crc32 is `before`, as a signed integer. As `crc32` of node:zlib, which takes longer for a few hundred bytes
 * in the middle of many: it wants a view of its own for them, and to be called costs as much as fifty bytes do.
 */
export function crc32Of(bytes: Uint8Array, start: number, end: number, before: number): number {
  let sum = ~before;
  let at = start;
  for (; at + STRIDE <= end; at += STRIDE) {
    sum =
      part(7, sum ^ (bytes[at] ?? 0)) ^
      part(6, (sum >>> 8) ^ (bytes[at + 1] ?? 0)) ^
      part(5, (sum >>> 16) ^ (bytes[at + 2] ?? 0)) ^
      part(4, (sum >>> 24) ^ (bytes[at + 3] ?? 0)) ^
      part(3, bytes[at + 4] ?? 0) ^
      part(2, bytes[at + 5] ?? 0) ^
      part(1, bytes[at + 6] ?? 0) ^
      part(0, bytes[at + 7] ?? 0);
  }
  for (; at < end; at += 1) sum = part(0, sum ^ (bytes[at] ?? 0)) ^ (sum >>> 8);
  return ~sum;
}
