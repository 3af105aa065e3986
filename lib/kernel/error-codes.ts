/** Codes of {@link DefinitionError}: something is written wrongly, and was refused where it is written. */
export type DefinitionCode =
  | 'INVALID_DEFINITION'
  | 'INVALID_NAME'
  | 'INVALID_KEY'
  | 'INVALID_WIRING'
  | 'OUTSIDE_GRAPH'
  | 'UNKNOWN_INPUT'
  | 'INPUT_NOT_FED'
  | 'INPUT_FED_TWICE'
  | 'DUPLICATE_FAN_IN_ENTRY'
  | 'FOREIGN_HANDLE'
  | 'NAME_CONFLICT'
  | 'INVOCATION_NAME_TAKEN'
  | 'UNUSED_GRAPH_INPUT'
  | 'GRAPH_INPUT_RETURNED'
  | 'GRAPH_WITHOUT_OUTPUTS'
  | 'LEAF_STEP'
  | 'KEY_MAP_MISMATCH'
  | 'OUTPUT_MAPPED_TWICE'
  | 'KEY_MAPPED_TWICE'
  | 'INVALID_INTERNAL_DEPS'
  | 'DUPLICATE_DEFINITION'
  | 'DUPLICATE_KEY'
  | 'ALIAS_CONFLICT'
  | 'UNKNOWN_UPSTREAM'
  | 'CYCLE'
  | 'OVERFLOW_UNDECLARED';

/** Codes of {@link SelectionError}: what was asked for cannot be planned, or cannot start. */
export type SelectionCode =
  | 'INVALID_SELECTION'
  | 'INVALID_OPTION'
  | 'UNKNOWN_ASSET'
  | 'UNKNOWN_SOURCE'
  | 'UNKNOWN_RESOURCE'
  | 'MISSING_RESOURCE'
  | 'UNKNOWN_POOL'
  | 'INVALID_CONFIG'
  | 'SOURCE_NOT_COMPUTED'
  | 'NOT_SUBSETTABLE'
  | 'MISSING_VALUE'
  | 'UNKNOWN_RUN'
  | 'RUN_MISMATCH'
  | 'SOURCE_READ_FAILED'
  | 'NO_VALUE'
  | 'SOURCE_FAILED'
  | 'INTAKE_FULL'
  | 'OBSERVER_BEHIND'
  | 'SERVICE_CLOSED'
  | 'ALREADY_SERVED'
  | 'OUTBOX_FAILED';

/** Codes of {@link StepError}: one step failed; everything that is not downstream of it went on. */
export type StepCode =
  | 'OP_THREW'
  | 'OP_BODY'
  | 'INPUT_INVALID'
  | 'OUTPUT_INVALID'
  | 'RESOURCE_FAILED'
  | 'OUTPUT_UNDECLARED'
  | 'OUTPUT_REPEATED'
  | 'OUTPUT_MISSING'
  | 'OUTPUT_NOT_SELECTED'
  | 'VALUE_NOT_STORABLE'
  | 'VALUE_TOO_LARGE'
  | 'STEP_TIMEOUT'
  | 'RUN_CANCELLED';

/** Codes of {@link StoreError}: the store refused, or the disk did. */
export type StoreCode =
  | 'STORE_CLOSED'
  | 'STORE_LOCKED'
  | 'STORE_BUSY'
  | 'STORE_READ_ONLY'
  | 'STORE_FORMAT'
  | 'STORE_CORRUPT'
  | 'STORE_FULL'
  | 'STORE_IO'
  | 'STORE_PATH'
  | 'VERSION_CONFLICT'
  | 'IDEMPOTENCY_CONFLICT'
  | 'VALUE_NOT_STORABLE'
  | 'VALUE_TOO_LARGE'
  | 'VALUE_REMOVED'
  | 'CODEC_UNKNOWN'
  | 'CODEC_FAILED';

/** Codes of {@link DeltaError}: keyed rows, or what is done to them, are not what they must be. */
export type DeltaCode =
  'ROW_KEY_INVALID' | 'ROW_KEY_REPEATED' | 'ROW_NOT_STORABLE' | 'DELTA_MISMATCH' | 'AGGREGATE_NOT_INVERTIBLE' | 'FLOW_MISUSED';

/** Code of CheckError in `sluice/testing`: a check of somebody's definitions found something. */
export type CheckCode = 'CHECK_FAILED';

/** Every code an error of Sluice can carry. Codes are stable, messages are not. */
export type ErrorCode = DefinitionCode | SelectionCode | StepCode | StoreCode | DeltaCode | CheckCode;
