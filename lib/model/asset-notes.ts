import { checkOptions, optionalRecord, optionalString, type Fields } from './options.ts';

/** What people want to know of an asset beside its value. None of it changes what runs. */
export interface AssetNotes {
  readonly group?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

const NOTE_FIELDS: Fields<AssetNotes> = { group: true, description: true, metadata: true };

/**
 * Refuses notes that are none.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function checkNotes(notes: AssetNotes, where: string): void {
  checkOptions(notes, NOTE_FIELDS, where);
  optionalString(notes.group, 'group', where);
  optionalString(notes.description, 'description', where);
  optionalRecord(notes.metadata, 'metadata', where);
}
