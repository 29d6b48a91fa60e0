/** Names for the shapes of the API, which `schema.ts` has from the server's own models. */
import type { components } from './schema';

type Schemas = components['schemas'];

export type Role = Schemas['Role'];
export type Scope = Schemas['Scope'];
export type ErrorBody = Schemas['ErrorDetail'];

export type Session = Schemas['SessionAnswer'];
export type User = Schemas['UserRow'];
export type Token = Schemas['TokenRow'];
export type NewToken = Schemas['MadeToken'];

export type Problem = Schemas['ProblemRow'];
export type RoleState = Schemas['RoleRow'];
export type StreamRow = Schemas['StreamFlow'];
export type TableRow = Schemas['TableFlow'];
export type Overview = Schemas['OverviewAnswer'];
export type Status = Schemas['StatusAnswer'];

export type StreamSummary = Schemas['StreamSummary'];
export type StreamDetail = Schemas['StreamAnswer'];
export type Column = Schemas['NamedType'];
export type PartitionBounds = Schemas['PartitionBounds'];
export type ConsumerGroup = Schemas['GroupRow'];
export type WrittenStream = Schemas['PutStreamAnswer'];
export type StreamRecord = Schemas['RecordRow'];
export type Encoding = StreamRecord['encoding'];
export type DeadLetter = Schemas['DeadLetterRow'];
export type DeadLetters = Schemas['DeadLettersAnswer'];
export type DeadReason = Schemas['ReasonRow'];
export type Replay = Schemas['ReplayAnswer'];

/** What a form writes: every setting may be left to its default. */
export type StreamSpec = {
  description?: string;
  owner?: string;
  partitions?: number;
  key?: string;
  format?: string;
  pattern?: string;
  header?: string[];
  time?: { field: string; format?: string };
  retention?: { age?: string; size?: string };
  deliver?: boolean | { table?: string };
};

export type TableSummary = Schemas['TableSummary'];
export type TableDetail = Schemas['TableAnswer'];
export type TableColumn = Schemas['ColumnRow'];
export type Snapshot = Schemas['SnapshotRow'];
export type TablePartition = Schemas['TablePartition'];
export type DataFile = Schemas['FileRow'];
export type Catalog = Schemas['CatalogAnswer'];

export type QueryInfo = Schemas['QueryRow'];
