import { isDate } from 'node:util/types';
import { kindOf, printValue, quote } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import { fixValue } from '../kernel/value/fix.ts';

/** The field that tells these values from ordinary data. Stores keep it: neither it nor what it holds may change. */
const MARK = 'sluice:metadata';

/** A link to something that is elsewhere, made by {@link link}. */
export interface MetadataLink {
  readonly 'sluice:metadata': 'link';
  /** An absolute URL. */
  readonly url: string;
  /** What to show in place of the URL, where that was given. */
  readonly text?: string;
}

/** Text in Markdown, made by {@link markdown}. */
export interface MetadataMarkdown {
  readonly 'sluice:metadata': 'markdown';
  readonly text: string;
}

/** What a cell of a table may hold. */
export type MetadataCell = string | number | boolean | null | bigint | Date;

/** Rows and their columns, made by {@link table}. */
export interface MetadataTable {
  readonly 'sluice:metadata': 'table';
  /** The columns, in the order in which to show them. */
  readonly columns: readonly string[];
  /** By column. A row does not have the columns in which it holds nothing. */
  readonly rows: readonly Readonly<Record<string, MetadataCell>>[];
}

/** How to show a value of metadata: `json` is all that has no way of its own. */
export type MetadataKind = 'number' | 'text' | 'boolean' | 'date' | 'link' | 'markdown' | 'table' | 'json';

/** URLs of these run as programs, or show as pages, in the place of whoever shows the link. */
const UNSAFE = new Set(['javascript:', 'vbscript:', 'data:']);

/**
 * A metadata value that is shown as a link: `metadata: { report: link('https://example.com/report') }`.
 *
 * @throws TypeError where the URL is not absolute or would run a program, or something is no string
 */
export function link(url: string | URL, text?: string): MetadataLink {
  const given = url instanceof URL ? url.href : url;
  const problem = problemOfUrl(given);
  if (problem !== undefined) throw new TypeError(`link() was given ${printValue(url)} as its URL, which is ${problem}.`);
  if (text !== undefined && typeof text !== 'string') {
    throw new TypeError(`link(${quote(given)}) was given ${printValue(text)} as its text. Give a string, or leave it out.`);
  }
  return fixed(text === undefined ? { [MARK]: 'link', url: given } : { [MARK]: 'link', url: given, text });
}

/**
 * A metadata value that is shown as Markdown.
 *
 * @throws TypeError where the text is no string
 */
export function markdown(text: string): MetadataMarkdown {
  if (typeof text !== 'string') throw new TypeError(`markdown() was given ${printValue(text)} as its text. Give a string.`);
  return fixed({ [MARK]: 'markdown', text });
}

/**
 * A metadata value that is shown as a table, copied from the rows. Its columns are the keys of all rows, in the order in which they are
 * first seen; or else `columns`, and other cells are left out then. A cell that is `undefined` is left empty.
 *
 * @throws TypeError where a row is no record, a cell is nothing that a table shows, or a column is no string or is given twice
 */
export function table<Row extends object & Partial<Record<keyof Row, MetadataCell | undefined>>>(
  rows: readonly Row[],
  columns?: readonly string[],
): MetadataTable {
  if (!Array.isArray(rows)) throw new TypeError(`table() was given ${printValue(rows)} as its rows. Give a list of records.`);
  const wanted = columns === undefined ? undefined : columnsOf(columns);
  const seen = new Set<string>();
  // By index: a list may have holes, and a hole is no record.
  const copied = Array.from(rows, (row: unknown, index) => copyRow(row, { index, wanted, seen }));
  return fixed({ [MARK]: 'table', columns: [...(wanted ?? seen)], rows: copied });
}

/** How to show a value of metadata, be it as it was given or as it was read back from a store. */
export function metadataKind(value: unknown): MetadataKind {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return 'number';
    case 'string':
      return 'text';
    case 'boolean':
      return 'boolean';
    default:
      if (isDate(value)) return 'date';
      return isRecord(value) ? kindOfRecord(value) : 'json';
  }
}

/** Everything is looked at, not the mark alone: whoever shows a link or table relies on what is in it, and anybody can write a mark. */
function kindOfRecord(record: Readonly<Record<string, unknown>>): MetadataKind {
  switch (record[MARK]) {
    case 'link':
      return problemOfUrl(record['url']) === undefined && isTextOrNone(record['text']) ? 'link' : 'json';
    case 'markdown':
      return typeof record['text'] === 'string' ? 'markdown' : 'json';
    case 'table':
      return isListOf(record['columns'], isText) && isListOf(record['rows'], isRow) ? 'table' : 'json';
    default:
      return 'json';
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || isText(value);
}

function isRow(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every(isCell);
}

function isListOf(value: unknown, isMember: (member: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isMember);
}

/** Completes the sentence "the URL is …"; `undefined` for one that can be shown. */
function problemOfUrl(url: unknown): string | undefined {
  if (typeof url !== 'string') return 'no string. Give an absolute URL, such as "https://example.com/report"';
  if (!URL.canParse(url)) return 'no absolute URL. Give one with its scheme, such as "https://example.com/report"';
  const { protocol } = new URL(url);
  return UNSAFE.has(protocol) ? `unsafe to follow: ${quote(protocol)} runs where it is shown. Give the URL of a page or file` : undefined;
}

function columnsOf(columns: readonly unknown[]): ReadonlySet<string> {
  if (!Array.isArray(columns)) throw new TypeError(`table() was given ${printValue(columns)} as its columns. Give a list of strings.`);
  const wanted = new Set<string>();
  for (const column of columns) {
    if (typeof column !== 'string') throw new TypeError(`table() was given the column ${printValue(column)}. Give strings.`);
    if (wanted.has(column)) throw new TypeError(`table() was given the column ${quote(column)} twice. Give each column once.`);
    wanted.add(column);
  }
  return wanted;
}

interface RowPlace {
  readonly index: number;
  readonly wanted: ReadonlySet<string> | undefined;
  /** Gains the keys of the row. */
  readonly seen: Set<string>;
}

function copyRow(row: unknown, { index, wanted, seen }: RowPlace): Readonly<Record<string, MetadataCell>> {
  if (!isRecord(row)) {
    const cure = 'Give a plain record of cells; { ...row } makes one of an instance of a class.';
    throw new TypeError(`rows[${index}] of table() is ${kindOf(row)}, and no plain record. ${cure}`);
  }
  const cells: [string, MetadataCell][] = [];
  for (const [column, cell] of Object.entries(row)) {
    if (wanted !== undefined && !wanted.has(column)) continue;
    seen.add(column);
    if (cell !== undefined) cells.push([column, copyCell(cell, `rows[${index}] of table()`, column)]);
  }
  // From entries: a column may be called "__proto__".
  return Object.fromEntries(cells);
}

function isCell(value: unknown): value is MetadataCell {
  return value === null || ['string', 'number', 'boolean', 'bigint'].includes(typeof value) || isDate(value);
}

/** Dates are copied, so that nobody can change the one in the table, and so that instances of classes that extend Date can be kept. */
function copyCell(cell: unknown, place: string, column: string): MetadataCell {
  if (!isCell(cell)) {
    const cure = 'Give a string, number, boolean, bigint, Date or null; JSON.stringify makes text of plain data.';
    throw new TypeError(`The cell ${quote(column)} in ${place} is ${kindOf(cell)}. ${cure}`);
  }
  return isDate(cell) ? new Date(cell.getTime()) : cell;
}

/** Freezes what was made, all the way down, and has it remembered as frozen where it is: recording it costs nothing then. */
function fixed<Made extends object>(made: Made): Made {
  fixValue(made);
  return made;
}
