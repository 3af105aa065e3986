import { checkOptions, optionalRecord, optionalString, type Fields } from './options.ts';

/** What people want to know of an asset beside its value. None of it changes what runs. */
export interface AssetNotes {
  readonly group?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

const NOTE_FIELDS: Fields<AssetNotes> = { group: true, description: true, metadata: true };

/**
 * Reads notes, after checking them.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function readNotes(given: unknown, where: string): AssetNotes {
  checkOptions(given, NOTE_FIELDS, where);
  // A record with these fields at most, as was just checked; what they hold is checked here.
  const notes = given as AssetNotes;
  optionalString(notes.group, 'group', where);
  optionalString(notes.description, 'description', where);
  optionalRecord(notes.metadata, 'metadata', where);
  return notes;
}
