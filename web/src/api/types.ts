/** The shapes of Madang's HTTP API. Times are ISO 8601 in UTC; sizes bytes; durations seconds. */

export type Role = 'admin' | 'editor' | 'viewer';
export type Scope = 'ingest' | 'read' | 'admin';

export type Place = { name: string; line: number | null; column: number | null };
export type ErrorBody = {
  code: string;
  message: string;
  hint: string | null;
  where: Place | null;
  retryable: boolean;
};

export type Session = {
  user: { name: string; role: Role };
  time_zone: string;
  platform: string;
  version: string;
  must_set_password: boolean;
};

export type User = { name: string; role: Role; created_at: string; last_seen_at: string | null };
export type Token = {
  id: string;
  name: string;
  scope: Scope;
  created_at: string;
  last_used_at: string | null;
  expires_at: string | null;
};
export type NewToken = { id: string; name: string; scope: Scope; token: string };

export type Health = 'ok' | 'degraded' | 'down';
export type Problem = {
  code: string;
  severity: 'warning' | 'error';
  message: string;
  hint: string | null;
};
export type Disk = { total_bytes: number; free_bytes: number; min_free_bytes: number };
export type RoleState = {
  name: string;
  pid: number | null;
  state: string;
  started_at: string | null;
  restarts: number;
  memory_bytes: number;
};
export type StreamRow = {
  name: string;
  records_per_s: number;
  bytes_per_s: number;
  records_total: number;
  lag_records: number;
  freshness_s: number | null;
  dead_letters: number;
  size_bytes: number;
  last_append_at: string | null;
  table: string | null;
  history: number[];
};
export type TableRow = {
  name: string;
  rows: number;
  size_bytes: number;
  files: number;
  last_commit_at: string | null;
};
export type Overview = {
  at: string;
  health: Health;
  problems: Problem[];
  disk: Disk;
  streams: StreamRow[];
  tables: TableRow[];
  roles: RoleState[];
};
export type Status = {
  health: Health;
  problems: Problem[];
  disk: Disk;
  roles: RoleState[];
  project: { directory: string; version: string; loaded_at: string; errors: ErrorBody[] };
};

export type StreamSummary = StreamRow & {
  description: string;
  owner: string;
  partitions: number;
  format: string;
  time_zone: string;
  editable: boolean;
};
export type Column = { name: string; type: string };
export type PartitionBounds = {
  partition: number;
  earliest: number;
  end: number;
  size_bytes: number;
  delivered: number | null;
};
export type ConsumerGroup = { name: string; offsets: Record<string, number>; lag: number };
export type StreamDetail = StreamSummary & {
  spec: Record<string, unknown>;
  yaml: string;
  file: string | null;
  schema: Column[];
  partition_bounds: PartitionBounds[];
  groups: ConsumerGroup[];
};
export type StreamSpec = {
  description?: string;
  owner?: string;
  partitions?: number;
  key?: string;
  format?: string;
  pattern?: string;
  header?: string[];
  delimiter?: string;
  time?: { field: string; format?: string; zone?: string };
  columns?: Record<string, string>;
  retention?: { age?: string; size?: string };
  deliver?: boolean | { table?: string };
};
export type WrittenStream = { name: string; file: string; yaml: string; table: string | null };
export type Encoding = 'utf8' | 'base64';
export type StreamRecord = {
  partition: number;
  offset: number;
  ts: string;
  key: string | null;
  value: string;
  encoding: Encoding;
  attributes: Record<string, unknown>;
};
export type DeadLetter = {
  offset: number;
  ts: string;
  stream: string;
  partition: number;
  source_offset: number;
  code: string;
  reason: string;
  value: string;
  encoding: Encoding;
  attributes: Record<string, unknown>;
};
export type DeadLetters = { total: number; replayed_to: number; letters: DeadLetter[] };
export type DeadReason = { code: string; reason: string; count: number; last_at: string };
export type Replay = { replayed: number; from_offset: number; to_offset: number };

export type TableSummary = TableRow & {
  namespace: string;
  description: string;
  stream: string | null;
};
export type TableColumn = Column & {
  nullable: boolean;
  description: string | null;
  added_at: string | null;
};
export type Snapshot = {
  id: string;
  at: string;
  operation: string;
  rows: number;
  added_rows: number;
  files: number;
  summary: Record<string, string>;
};
export type TablePartition = { partition: string; rows: number; files: number; size_bytes: number };
export type DataFile = { path: string; rows: number; size_bytes: number; partition: string };
export type TableDetail = TableSummary & {
  columns: TableColumn[];
  snapshots: Snapshot[];
  partitions: TablePartition[];
  files_sample: DataFile[];
  location: string;
};
export type Catalog = { tables: { name: string; columns: Column[] }[]; functions: string[] };

export type QueryState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
export type QueryInfo = {
  query_id: string;
  state: QueryState;
  user: string;
  sql: string;
  started_at: string;
  duration_s: number | null;
  rows: number | null;
  bytes_read: number | null;
  truncated: boolean;
  error: ErrorBody | null;
  tables?: string[];
  fresh_rows?: number | null;
};
