import { inspect } from 'node:util';

/** A value that can be stored, as an expression that makes it. */
export function sourceCode(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return inspect(value);
  if (Array.isArray(value)) return `[${value.map(sourceCode).join(', ')}]`;
  if (value instanceof Date) return `new Date(${value.getTime()})`;
  if (value instanceof Map) return `new Map([${[...value].map((entry) => sourceCode(entry)).join(', ')}])`;
  if (value instanceof Set) return `new Set(${sourceCode([...value])})`;
  if (value instanceof ArrayBuffer) return `new Uint8Array([${new Uint8Array(value).join(', ')}]).buffer`;
  if (ArrayBuffer.isView(value)) {
    const own = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return `new ${value.constructor.name}(new Uint8Array([${own.join(', ')}]).buffer)`;
  }
  const entries = Object.entries(value).map(([key, each]) => `${keyCode(key)}: ${sourceCode(each)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

function keyCode(key: string): string {
  // Written plainly, it would be the prototype.
  if (key === '__proto__') return "['__proto__']";
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
}
