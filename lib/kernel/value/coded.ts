/**
 * Form of a value that a codec encoded: byte 2, the length of the codec's name in bytes (u8), the name in UTF-8, and what the codec gave.
 * No value in form c1 starts with byte 2. Written to disk and hashed into versions: no such value may ever be written otherwise.
 */
const FORM = 2;

/** Most bytes that the name of a codec takes. */
export const LONGEST_CODEC_NAME = 255;

/** Most bytes of any value. */
const MOST_BYTES = 2 ** 30;

/** Bytes that a codec gave, and its name. */
export interface CodedBytes {
  readonly codec: string;
  readonly bytes: Uint8Array;
}

/**
 * What is stored of a value: a copy, since what a codec gives may be a view of what it encoded.
 *
 * @throws RangeError where it takes more than 1 GiB, TypeError where the bytes were transferred away
 */
export function codedBytes({ codec, bytes }: CodedBytes): Uint8Array {
  const name = Buffer.from(codec);
  const start = 2 + name.length;
  if (start + bytes.length > MOST_BYTES) throw new RangeError('A value takes more than 1 GiB.');
  const whole = new Uint8Array(start + bytes.length);
  whole.set([FORM, name.length]);
  whole.set(name, 2);
  whole.set(bytes, start);
  return whole;
}

/** Whether stored bytes are those of a value that a codec encoded. */
export function isCoded(bytes: Uint8Array): boolean {
  return bytes[0] === FORM;
}

/**
 * Takes stored bytes apart. What is for the codec is a copy, which is nobody else's, and starts where its buffer does: numbers in it can be
 * read where they are.
 *
 * @throws Error if they have no whole name
 */
export function readCoded(bytes: Uint8Array): CodedBytes {
  const start = 2 + (bytes[1] ?? 0);
  if (start === 2 || bytes.length < start) throw new Error('Not a value of a codec: the name of the codec is not whole.');
  return { codec: Buffer.from(bytes.subarray(2, start)).toString('utf8'), bytes: new Uint8Array(bytes.subarray(start)) };
}
