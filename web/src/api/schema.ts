// Written by `npm run types` from the server's models.

export interface paths {
    "/api/catalog": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Catalog
         * @description What may be named in SQL, for completion.
         */
        get: operations["catalog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Overview
         * @description Everything that the first page shows; asking keeps the rates sampled every two seconds.
         */
        get: operations["overview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/queries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Queries
         * @description Queries that run, then those that ended, newest first.
         */
        get: operations["list_queries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/queries/{query_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Query
         * @description How a query is doing, or did.
         */
        get: operations["get_query"];
        put?: never;
        post?: never;
        /**
         * Cancel Query
         * @description End a query; one's own, or as an admin anybody's.
         */
        delete: operations["cancel_query"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/schema/{kind}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Schema
         * @description The JSON Schema of a kind of file: stream, source, table or platform.
         */
        get: operations["get_schema"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Session
         * @description Who is signed in, and what a page needs to know first.
         */
        get: operations["get_session"];
        put?: never;
        /**
         * Sign In
         * @description Sign in with name and password; sets the cookie. 429 after five failures.
         */
        post: operations["sign_in"];
        /**
         * Sign Out
         * @description End the session.
         */
        delete: operations["sign_out"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Set Password
         * @description Set one's own password; ends one's other sessions.
         */
        put: operations["set_password"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/sql": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run Sql
         * @description Run a query and stream its result; a client that leaves cancels it.
         */
        post: operations["run_sql"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Status
         * @description Health, problems, disk, roles and the project.
         */
        get: operations["status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/streams": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Streams
         * @description All streams, with how they flow.
         */
        get: operations["list_streams"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/streams/{stream}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Stream
         * @description A stream in full.
         */
        get: operations["get_stream"];
        /**
         * Put Stream
         * @description Write a stream's file into the project and open it: it takes records when this answers.
         */
        put: operations["put_stream"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/streams/{stream}/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Dead Letters
         * @description Records that could not become rows, newest first.
         */
        get: operations["list_dead_letters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/streams/{stream}/dead-letters/summary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sum Up Dead Letters
         * @description Why records died, most frequent first.
         */
        get: operations["sum_up_dead_letters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/streams/{stream}/records": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Records
         * @description Records from an offset on, the earliest, or (by default) the newest.
         */
        get: operations["get_records"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/streams/{stream}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replay
         * @description Append dead letters to their stream again; by default those that were not yet.
         */
        post: operations["replay"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/streams/{stream}/tail": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Tail
         * @description New records as they are acknowledged, as server-sent events.
         */
        get: operations["tail"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tables": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Tables
         * @description All tables with their sizes.
         */
        get: operations["list_tables"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tables/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Table
         * @description A table with its columns, history, days and files.
         */
        get: operations["get_table"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Tokens
         * @description Tokens, newest first.
         */
        get: operations["list_tokens"];
        put?: never;
        /**
         * Create Token
         * @description Make a token; its secret is shown this once.
         */
        post: operations["create_token"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tokens/{token_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete Token
         * @description Revoke a token; it stops working within five seconds everywhere, here at once.
         */
        delete: operations["delete_token"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Users
         * @description Everybody.
         */
        get: operations["list_users"];
        put?: never;
        /**
         * Create User
         * @description Add a user.
         */
        post: operations["create_user"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/users/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete User
         * @description Remove a user with their sessions and tokens.
         */
        delete: operations["delete_user"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Healthz
         * @description Answers ``ok`` while the process runs.
         */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ingest/{stream}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ingest
         * @description Append a body's records; answered when all of them are on disk.
         */
        post: operations["ingest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Login
         * @description Sign in with a one-time link: sets the cookie and goes to the first page.
         */
        get: operations["login"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics
         * @description Madang's own metrics in Prometheus' text format.
         */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Readyz
         * @description Whether the platform accepts and answers; 503 where it does not.
         */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * CancelAnswer
         * @description A query that is being ended.
         */
        CancelAnswer: {
            /**
             * Query Id
             * @description Names it.
             */
            query_id: string;
        };
        /**
         * CatalogAnswer
         * @description What may be named in SQL.
         */
        CatalogAnswer: {
            /**
             * Functions
             * @description By name.
             */
            functions: string[];
            /**
             * Tables
             * @description By name.
             */
            tables: components["schemas"]["CatalogTable"][];
        };
        /**
         * CatalogTable
         * @description A table for completion.
         */
        CatalogTable: {
            /**
             * Columns
             * @description In order.
             */
            columns: components["schemas"]["SqlColumn"][];
            /**
             * Name
             * @description ``<namespace>.<table>``.
             */
            name: string;
        };
        /**
         * CheckAnswer
         * @description One condition.
         */
        CheckAnswer: {
            /**
             * Message
             * @description Why not, or that it does.
             */
            message: string;
            /**
             * Ok
             * @description Whether it holds.
             */
            ok: boolean;
        };
        /**
         * ColumnRow
         * @description A column.
         */
        ColumnRow: {
            /**
             * Added At
             * @description The first snapshot that had it; null: the table always had it, as far as is known.
             */
            added_at: string | null;
            /**
             * Description
             * @description What it means.
             */
            description: string;
            /**
             * Name
             * @description Its name.
             */
            name: string;
            /**
             * Nullable
             * @description Whether it may be null.
             */
            nullable: boolean;
            /**
             * Type
             * @description Its Iceberg type.
             */
            type: string;
        };
        /**
         * ColumnType
         * @description Types of a declared column, as Iceberg names them.
         * @enum {string}
         */
        ColumnType: "boolean" | "long" | "double" | "string" | "timestamp" | "date" | "json";
        /**
         * ContentFormat
         * @description How a body holds its records.
         * @enum {string}
         */
        ContentFormat: "json" | "ndjson" | "csv" | "plain" | "arrow";
        /**
         * ContractSpec
         * @description A strict contract: records that break it become dead letters.
         */
        ContractSpec: {
            /**
             * Schema
             * @description A JSON Schema, or the path of a file (JSON or YAML) in the project that holds one. In a
             *     loaded project it is always the schema itself.
             */
            schema: {
                [key: string]: unknown;
            } | string;
        };
        /**
         * DeadLetterRow
         * @description A record that could not become a row.
         */
        DeadLetterRow: {
            /**
             * Attributes
             * @description Of the record.
             */
            attributes: {
                [key: string]: string;
            };
            /**
             * Code
             * @description Stable name of the reason.
             */
            code: string;
            /**
             * Encoding
             * @description How ``value`` is written.
             * @enum {string}
             */
            encoding: "utf8" | "base64";
            /**
             * Offset
             * @description Among the dead letters.
             */
            offset: number;
            /**
             * Partition
             * @description Where it lies there.
             */
            partition: number;
            /**
             * Reason
             * @description Why, with the values.
             */
            reason: string;
            /**
             * Size Bytes
             * @description The whole value's size.
             */
            size_bytes: number;
            /**
             * Source Offset
             * @description Where it lies there.
             */
            source_offset: number;
            /**
             * Stream
             * @description Where it came from.
             */
            stream: string;
            /**
             * Ts
             * @description When the record arrived.
             */
            ts: string;
            /**
             * Value
             * @description As received. Cut at 64 KiB.
             */
            value: string;
        };
        /**
         * DeadLettersAnswer
         * @description Dead letters.
         */
        DeadLettersAnswer: {
            /**
             * Letters
             * @description Newest first.
             */
            letters: components["schemas"]["DeadLetterRow"][];
            /**
             * Replayed To
             * @description Those before this offset were replayed.
             */
            replayed_to: number;
            /**
             * Total
             * @description How many there are.
             */
            total: number;
        };
        /**
         * DeliverSpec
         * @description The table that the stream fills.
         */
        DeliverSpec: {
            /**
             * Buffer Size
             * @description Commit when this much raw input is waiting, or when ``buffer_time`` is over.
             * @default 67108864
             * @example 64MiB
             * @example 10GB
             */
            buffer_size: string | number;
            /**
             * Buffer Time
             * @description The longest that an acknowledged record waits for its commit.
             * @default 10
             * @example 10s
             * @example 7d
             * @example 1h30m
             */
            buffer_time: string | number;
            /**
             * Sort By
             * @description Columns that rows are sorted by within a file; default: ``_time``.
             * @default []
             */
            sort_by: string[];
            /**
             * Table
             * @description ``<namespace>.<table>``; default: ``lake.<stream>``.
             */
            table?: string | null;
        };
        /**
         * DiskRow
         * @description The disk of the data directory.
         */
        DiskRow: {
            /**
             * Free Bytes
             * @description What is free.
             */
            free_bytes: number;
            /**
             * Min Free Bytes
             * @description With less than this, producers are refused.
             */
            min_free_bytes: number;
            /**
             * Total Bytes
             * @description Its size.
             */
            total_bytes: number;
        };
        /**
         * ErrorAnswer
         * @description The body of every answer that is an error.
         */
        ErrorAnswer: {
            /** @description What went wrong. */
            error: components["schemas"]["ErrorDetail"];
        };
        /**
         * ErrorDetail
         * @description What went wrong and what to do.
         */
        ErrorDetail: {
            /**
             * Code
             * @description Stable name of the kind of error; docs/errors.md lists them.
             */
            code: string;
            /**
             * Hint
             * @description What to do next, or the near match.
             */
            hint?: string | null;
            /**
             * Message
             * @description What is wrong, with the values.
             */
            message: string;
            /**
             * Retryable
             * @description Whether the same request may succeed later.
             * @default false
             */
            retryable: boolean;
            /** @description Where it is. */
            where?: components["schemas"]["ErrorPlace"] | null;
        };
        /**
         * ErrorPlace
         * @description Where an error is.
         */
        ErrorPlace: {
            /**
             * Column
             * @description From 1; 0: unknown.
             * @default 0
             */
            column: number;
            /**
             * Line
             * @description From 1; 0: unknown.
             * @default 0
             */
            line: number;
            /**
             * Name
             * @description A file, ``sql``, or the field of the request.
             */
            name: string;
        };
        /**
         * FileRow
         * @description A data file.
         */
        FileRow: {
            /**
             * Partition
             * @description Its day.
             */
            partition: string;
            /**
             * Path
             * @description Parquet.
             */
            path: string;
            /**
             * Rows
             * @description In it.
             */
            rows: number;
            /**
             * Size Bytes
             * @description On disk.
             */
            size_bytes: number;
        };
        /**
         * GroupRow
         * @description A consumer group.
         */
        GroupRow: {
            /**
             * Lag
             * @description Records behind them.
             */
            lag: number;
            /**
             * Name
             * @description ``lake`` is delivery.
             */
            name: string;
            /**
             * Offsets
             * @description Partition → next offset.
             */
            offsets: {
                [key: string]: number;
            };
        };
        /**
         * IngestAnswer
         * @description Everything in the body is on disk.
         */
        IngestAnswer: {
            /**
             * Duplicate
             * @description The Idempotency-Key was seen before: nothing was appended, the offsets are the first ones.
             */
            duplicate: boolean;
            /**
             * Partitions
             * @description Where the records lie.
             */
            partitions: components["schemas"]["PartitionRange"][];
            /**
             * Records
             * @description How many records.
             */
            records: number;
            /**
             * Stream
             * @description Where it went.
             */
            stream: string;
        };
        /**
         * MadeToken
         * @description A token just made.
         */
        MadeToken: {
            /**
             * Id
             * @description Names it when it is revoked.
             */
            id: string;
            /**
             * Name
             * @description What it is for.
             */
            name: string;
            /** @description What it may do. */
            scope: components["schemas"]["Scope"];
            /**
             * Token
             * @description The secret, shown this once.
             */
            token: string;
        };
        /**
         * NamedType
         * @description A column.
         */
        NamedType: {
            /**
             * Name
             * @description Its name.
             */
            name: string;
            /**
             * Type
             * @description Its type.
             */
            type: string;
        };
        /**
         * NewToken
         * @description A token to make.
         */
        NewToken: {
            /**
             * Expires In S
             * @description Seconds until it ends; none: never.
             */
            expires_in_s?: number | null;
            /**
             * Name
             * @description What it is for; 1 to 64 characters.
             */
            name: string;
            /** @description What it may do; not more than the one who asks. */
            scope: components["schemas"]["Scope"];
        };
        /**
         * NewUser
         * @description A user to add.
         */
        NewUser: {
            /**
             * Name
             * @description 1 to 64 letters, digits and ``. _ @ + -``.
             */
            name: string;
            /**
             * Password
             * @description 8 to 256 characters; without one they sign in by a one-time link.
             */
            password?: string | null;
            /** @description What they are. */
            role: components["schemas"]["Role"];
        };
        /**
         * OverviewAnswer
         * @description Everything that the first page shows.
         */
        OverviewAnswer: {
            /**
             * At
             * @description When it was looked at.
             */
            at: string;
            /** @description The data directory's. */
            disk: components["schemas"]["DiskRow"];
            /**
             * Health
             * @description ``down``: nothing is accepted.
             * @enum {string}
             */
            health: "ok" | "degraded" | "down";
            /**
             * Problems
             * @description What is wrong.
             */
            problems: components["schemas"]["ProblemRow"][];
            /**
             * Roles
             * @description The processes.
             */
            roles: components["schemas"]["RoleRow"][];
            /**
             * Streams
             * @description By name.
             */
            streams: components["schemas"]["StreamFlow"][];
            /**
             * Tables
             * @description By name.
             */
            tables: components["schemas"]["TableFlow"][];
        };
        /**
         * PartitionBounds
         * @description Where a partition stands.
         */
        PartitionBounds: {
            /**
             * Delivered
             * @description The next offset that is not in the table; null: no table.
             */
            delivered: number | null;
            /**
             * Earliest
             * @description First readable offset.
             */
            earliest: number;
            /**
             * End
             * @description Behind the last one.
             */
            end: number;
            /**
             * Partition
             * @description From 0.
             */
            partition: number;
            /**
             * Size Bytes
             * @description On disk.
             */
            size_bytes: number;
        };
        /**
         * PartitionRange
         * @description The offsets that records got.
         */
        PartitionRange: {
            /**
             * First Offset
             * @description Of the first record.
             */
            first_offset: number;
            /**
             * Last Offset
             * @description Of the last record.
             */
            last_offset: number;
            /**
             * Partition
             * @description From 0.
             */
            partition: number;
        };
        /**
         * PasswordChange
         * @description A new password.
         */
        PasswordChange: {
            /**
             * Current
             * @description The old one; may be missing behind a one-time link, or where none is set.
             */
            current?: string | null;
            /**
             * New
             * Format: password
             * @description 8 to 256 characters.
             */
            new: string;
        };
        /**
         * ProblemRow
         * @description Something that a person should do something about.
         */
        ProblemRow: {
            /**
             * Code
             * @description Stable name.
             */
            code: string;
            /**
             * Hint
             * @description What to do.
             */
            hint?: string | null;
            /**
             * Message
             * @description What, with the values.
             */
            message: string;
            /**
             * Severity
             * @description ``error``: something does not work.
             * @enum {string}
             */
            severity: "warning" | "error";
        };
        /**
         * PutStreamAnswer
         * @description A stream that was written and opened.
         */
        PutStreamAnswer: {
            /**
             * File
             * @description Its file, within the project directory.
             */
            file: string;
            /**
             * Name
             * @description The stream.
             */
            name: string;
            /**
             * Table
             * @description The table that it fills.
             */
            table: string | null;
            /**
             * Yaml
             * @description Its text.
             */
            yaml: string;
        };
        /**
         * QueriesAnswer
         * @description Queries.
         */
        QueriesAnswer: {
            /**
             * Queries
             * @description Those that run first, then the others, newest first.
             */
            queries: components["schemas"]["QueryRow"][];
        };
        /**
         * QueryRow
         * @description A query and how it is doing.
         */
        QueryRow: {
            /**
             * Bytes Read
             * @description Of table files and streams.
             */
            bytes_read: number;
            /**
             * Duration S
             * @description So far, or in all.
             */
            duration_s: number;
            /** @description Why it failed. */
            error: components["schemas"]["ErrorDetail"] | null;
            /**
             * Query Id
             * @description Names it.
             */
            query_id: string;
            /**
             * Rows
             * @description Of the result.
             */
            rows: number;
            /**
             * Sql
             * @description What was asked.
             */
            sql: string;
            /**
             * Started At
             * @description When it came in.
             */
            started_at: string;
            /**
             * State
             * @description Where it is on its way.
             * @enum {string}
             */
            state: "queued" | "running" | "done" | "failed" | "cancelled";
            /**
             * Truncated
             * @description Whether rows were cut.
             */
            truncated: boolean;
            /**
             * User
             * @description Who asked.
             */
            user: string;
        };
        /**
         * ReadyAnswer
         * @description Whether the platform takes and answers requests.
         */
        ReadyAnswer: {
            /**
             * Checks
             * @description By name.
             */
            checks: {
                [key: string]: components["schemas"]["CheckAnswer"];
            };
            /**
             * Ready
             * @description Whether every check holds.
             */
            ready: boolean;
        };
        /**
         * ReasonRow
         * @description Dead letters of one reason.
         */
        ReasonRow: {
            /**
             * Code
             * @description Stable name.
             */
            code: string;
            /**
             * Count
             * @description How many.
             */
            count: number;
            /**
             * Last At
             * @description When the latest arrived.
             */
            last_at: string;
            /**
             * Reason
             * @description The latest one's reason, with its values.
             */
            reason: string;
        };
        /**
         * ReasonsAnswer
         * @description Why records died.
         */
        ReasonsAnswer: {
            /**
             * Complete
             * @description Whether all were counted; of very many, only the newest are.
             */
            complete: boolean;
            /**
             * Reasons
             * @description Most frequent first.
             */
            reasons: components["schemas"]["ReasonRow"][];
        };
        /**
         * RecordFormat
         * @description How the raw bytes of a record are read into columns.
         * @enum {string}
         */
        RecordFormat: "json" | "logfmt" | "csv" | "regex" | "combined" | "syslog" | "plain" | "typed";
        /**
         * RecordRow
         * @description A record as it lies in the stream.
         */
        RecordRow: {
            /**
             * Attributes
             * @description Of its batch and of itself, such as ``source`` and ``path``.
             */
            attributes: {
                [key: string]: string;
            };
            /**
             * Encoding
             * @description How ``value`` is written.
             * @enum {string}
             */
            encoding: "utf8" | "base64";
            /**
             * Key
             * @description Its partition key.
             */
            key: string | null;
            /**
             * Offset
             * @description In the partition.
             */
            offset: number;
            /**
             * Partition
             * @description From 0.
             */
            partition: number;
            /**
             * Size Bytes
             * @description The whole value's size.
             */
            size_bytes: number;
            /**
             * Ts
             * @description When it arrived.
             */
            ts: string;
            /**
             * Value
             * @description As received; in a typed stream, the row as JSON. Cut at 64 KiB.
             */
            value: string;
        };
        /**
         * RecordsAnswer
         * @description Records.
         */
        RecordsAnswer: {
            /**
             * Next
             * @description Partition → the offset to go on from.
             */
            next: {
                [key: string]: number;
            };
            /**
             * Records
             * @description In order of arrival.
             */
            records: components["schemas"]["RecordRow"][];
        };
        /**
         * ReplayAnswer
         * @description What was appended again.
         */
        ReplayAnswer: {
            /**
             * From Offset
             * @description The first one that was looked at.
             */
            from_offset: number;
            /**
             * Replayed
             * @description How many.
             */
            replayed: number;
            /**
             * To Offset
             * @description Behind the last one.
             */
            to_offset: number;
        };
        /**
         * ReplayRequest
         * @description Which dead letters to append again; by default, those that were not yet.
         */
        ReplayRequest: {
            /**
             * Code
             * @description Only those with this code.
             */
            code?: string | null;
            /**
             * From Offset
             * @description The first one.
             */
            from_offset?: number | null;
            /**
             * To Offset
             * @description Behind the last one.
             */
            to_offset?: number | null;
        };
        /**
         * ResultFormat
         * @description How a result is written.
         * @enum {string}
         */
        ResultFormat: "json" | "ndjson" | "csv" | "parquet" | "arrow";
        /**
         * RetentionSpec
         * @description How long the stream keeps records; what is not delivered yet stays in any case.
         */
        RetentionSpec: {
            /**
             * Age
             * @description Records older than this go.
             * @default 604800
             * @example 10s
             * @example 7d
             * @example 1h30m
             */
            age: string | number;
            /**
             * Size
             * @description The oldest segments of a partition go when it is larger than this.
             * @default 10737418240
             * @example 64MiB
             * @example 10GB
             */
            size: string | number;
        };
        /**
         * Role
         * @description What a person is in Madang.
         * @enum {string}
         */
        Role: "admin" | "editor" | "viewer";
        /**
         * RoleRow
         * @description A process of the platform.
         */
        RoleRow: {
            /**
             * Memory Bytes
             * @description What it holds alone and shared (RSS).
             */
            memory_bytes: number;
            /**
             * Name
             * @description The role.
             */
            name: string;
            /**
             * Pid
             * @description The process, if it runs.
             */
            pid: number | null;
            /**
             * Restarts
             * @description How often it was restarted.
             */
            restarts: number;
            /**
             * Started At
             * @description When it was started last.
             */
            started_at: string | null;
            /**
             * State
             * @description ``starting``, ``ready``, ``dead``, …
             */
            state: string;
        };
        /**
         * Scope
         * @description What a token is for.
         * @enum {string}
         */
        Scope: "ingest" | "read" | "admin";
        /**
         * SessionAnswer
         * @description The session, and what a page needs to know first.
         */
        SessionAnswer: {
            /**
             * Must Set Password
             * @description The user has no password yet.
             */
            must_set_password: boolean;
            /**
             * Platform
             * @description The platform's name.
             */
            platform: string;
            /**
             * Time Zone
             * @description IANA zone of days and crons.
             */
            time_zone: string;
            user: components["schemas"]["SessionUser"];
            /**
             * Version
             * @description Madang's version.
             */
            version: string;
        };
        /**
         * SessionUser
         * @description Who is signed in.
         */
        SessionUser: {
            /**
             * Name
             * @description The user's name.
             */
            name: string;
            /** @description What they are. */
            role: components["schemas"]["Role"];
        };
        /**
         * SignIn
         * @description Name and password.
         */
        SignIn: {
            /**
             * Name
             * @description The user's name, in any case.
             */
            name: string;
            /**
             * Password
             * Format: password
             * @description The password.
             */
            password: string;
        };
        /**
         * SnapshotRow
         * @description A state in the table's history.
         */
        SnapshotRow: {
            /**
             * Added Rows
             * @description Added by it.
             */
            added_rows: number;
            /**
             * At
             * @description When it was committed.
             */
            at: string;
            /**
             * Files
             * @description In the table then.
             */
            files: number;
            /**
             * Id
             * @description For ``FOR SYSTEM_VERSION AS OF``; text, since it has 64 bits.
             */
            id: string;
            /**
             * Operation
             * @description ``append``, ``replace``, …
             */
            operation: string;
            /**
             * Rows
             * @description In the table then.
             */
            rows: number;
            /**
             * Summary
             * @description Everything that the commit noted.
             */
            summary: {
                [key: string]: string;
            };
        };
        /**
         * SqlAnswer
         * @description The answer with ``format=json``.
         */
        SqlAnswer: {
            /**
             * Columns
             * @description In order.
             */
            columns: components["schemas"]["SqlColumn"][];
            /**
             * Query Id
             * @description Names it.
             */
            query_id: string;
            /**
             * Row Count
             * @description How many rows.
             */
            row_count: number;
            /**
             * Rows
             * @description Integers beyond 2^53 are text.
             */
            rows: unknown[][];
            /** @description What it did. */
            stats: components["schemas"]["SqlStats"];
            /**
             * Truncated
             * @description Whether rows were cut.
             */
            truncated: boolean;
        };
        /**
         * SqlColumn
         * @description A column of a result.
         */
        SqlColumn: {
            /**
             * Name
             * @description Its name.
             */
            name: string;
            /**
             * Type
             * @description As DuckDB writes it.
             */
            type: string;
        };
        /**
         * SqlRequest
         * @description A query.
         */
        SqlRequest: {
            /**
             * Fresh
             * @description Join what streams hold beyond the tables.
             * @default true
             */
            fresh: boolean;
            /**
             * Max Rows
             * @description More rows are cut, and the answer says so.
             */
            max_rows?: number | null;
            /**
             * Params
             * @description Values for ``$name`` (an object) or ``?`` (an array).
             */
            params?: {
                [key: string]: unknown;
            } | unknown[] | null;
            /**
             * Query Id
             * @description To cancel it by, before the answer begins; default: a new one.
             */
            query_id?: string | null;
            /**
             * Sql
             * @description One SELECT statement.
             */
            sql: string;
            /**
             * Timeout S
             * @description The platform's is the longest.
             */
            timeout_s?: number | null;
        };
        /**
         * SqlStats
         * @description What a query did.
         */
        SqlStats: {
            /**
             * Bytes Read
             * @description Of table files and streams.
             */
            bytes_read: number;
            /**
             * Duration S
             * @description From when a worker took it.
             */
            duration_s: number;
            /**
             * Fresh Rows
             * @description Rows that came from streams.
             */
            fresh_rows: number;
            /**
             * Rows
             * @description Of the result.
             */
            rows: number;
            /**
             * Tables
             * @description What it read.
             */
            tables: string[];
        };
        /**
         * StatusAnswer
         * @description Health and the project.
         */
        StatusAnswer: {
            /** @description The data directory's. */
            disk: components["schemas"]["DiskRow"];
            /**
             * Health
             * @description ``down``: nothing is accepted.
             * @enum {string}
             */
            health: "ok" | "degraded" | "down";
            /**
             * Problems
             * @description What is wrong.
             */
            problems: components["schemas"]["ProblemRow"][];
            /** @description What is in force. */
            project: components["schemas"]["StatusProject"];
            /**
             * Roles
             * @description The processes.
             */
            roles: components["schemas"]["RoleRow"][];
        };
        /**
         * StatusProject
         * @description The project directory.
         */
        StatusProject: {
            /**
             * Directory
             * @description Its path.
             */
            directory: string;
            /**
             * Errors
             * @description What is wrong with the files as they stand now; empty when they are in force.
             */
            errors: components["schemas"]["ErrorDetail"][];
            /**
             * Loaded At
             * @description When that state was published.
             */
            loaded_at: string | null;
            /**
             * Version
             * @description Digest of the state that is in force.
             */
            version: string;
        };
        /**
         * StreamAnswer
         * @description A stream in full.
         */
        StreamAnswer: {
            /**
             * Bytes Per S
             * @description Appended lately, as they lie on disk.
             */
            bytes_per_s: number;
            /**
             * Dead Letters
             * @description Records that could not become rows.
             */
            dead_letters: number;
            /**
             * Description
             * @description What the records are.
             */
            description: string;
            /**
             * Editable
             * @description Whether it is the project's; Madang's own are not.
             */
            editable: boolean;
            /**
             * File
             * @description The file, within the project directory; empty for Madang's own.
             */
            file: string;
            /** @description How its records are read. */
            format: components["schemas"]["RecordFormat"];
            /**
             * Freshness S
             * @description Age of the oldest record that is not in the table yet; 0: all are; null: no table, or no
             *     record ever.
             */
            freshness_s: number | null;
            /**
             * Groups
             * @description Who reads it.
             */
            groups: components["schemas"]["GroupRow"][];
            /**
             * History
             * @description Records per second, one value per 2 s, oldest first, at most 60.
             */
            history: number[];
            /**
             * Lag Records
             * @description Not in the table yet.
             */
            lag_records: number;
            /**
             * Last Append At
             * @description The last acknowledgement.
             */
            last_append_at: string | null;
            /**
             * Name
             * @description The stream.
             */
            name: string;
            /**
             * Owner
             * @description Who answers questions about it.
             */
            owner: string;
            /**
             * Partition Bounds
             * @description One per partition.
             */
            partition_bounds: components["schemas"]["PartitionBounds"][];
            /**
             * Partitions
             * @description How many.
             */
            partitions: number;
            /**
             * Records Per S
             * @description Appended lately.
             */
            records_per_s: number;
            /**
             * Records Total
             * @description Ever appended.
             */
            records_total: number;
            /**
             * Schema
             * @description Columns of its records in the log.
             */
            schema: components["schemas"]["NamedType"][];
            /**
             * Size Bytes
             * @description On disk.
             */
            size_bytes: number;
            /** @description What its file says, with defaults. */
            spec: components["schemas"]["StreamSpec"];
            /**
             * Table
             * @description The table that it fills.
             */
            table: string | null;
            /**
             * Time Zone
             * @description Zone of times that carry none.
             */
            time_zone: string;
            /**
             * Yaml
             * @description The file's text; empty for Madang's own.
             */
            yaml: string;
        };
        /**
         * StreamFlow
         * @description How a stream flows.
         */
        StreamFlow: {
            /**
             * Bytes Per S
             * @description Appended lately, as they lie on disk.
             */
            bytes_per_s: number;
            /**
             * Dead Letters
             * @description Records that could not become rows.
             */
            dead_letters: number;
            /**
             * Freshness S
             * @description Age of the oldest record that is not in the table yet; 0: all are; null: no table, or no
             *     record ever.
             */
            freshness_s: number | null;
            /**
             * History
             * @description Records per second, one value per 2 s, oldest first, at most 60.
             */
            history: number[];
            /**
             * Lag Records
             * @description Not in the table yet.
             */
            lag_records: number;
            /**
             * Last Append At
             * @description The last acknowledgement.
             */
            last_append_at: string | null;
            /**
             * Name
             * @description The stream.
             */
            name: string;
            /**
             * Records Per S
             * @description Appended lately.
             */
            records_per_s: number;
            /**
             * Records Total
             * @description Ever appended.
             */
            records_total: number;
            /**
             * Size Bytes
             * @description On disk.
             */
            size_bytes: number;
            /**
             * Table
             * @description The table that it fills.
             */
            table: string | null;
        };
        /**
         * StreamSpec
         * @description A durable, partitioned, ordered log of records.
         */
        StreamSpec: {
            /**
             * Columns
             * @description Types of columns that must not be inferred from the data.
             */
            columns?: {
                [key: string]: components["schemas"]["ColumnType"];
            };
            /** @description Records that break it become dead letters instead of rows. */
            contract?: components["schemas"]["ContractSpec"] | null;
            /**
             * Delimiter
             * @description For ``format: csv``: one character.
             * @default ,
             */
            delimiter: string;
            /**
             * Deliver
             * @description The table that the stream fills; ``false`` for none.
             * @default true
             */
            deliver: components["schemas"]["DeliverSpec"] | boolean;
            /**
             * Description
             * @description What the records are, in a line.
             * @default
             */
            description: string;
            /** @default json */
            format: components["schemas"]["RecordFormat"];
            /**
             * Header
             * @description For ``format: csv``: column names, where the input has no header line.
             * @default []
             */
            header: string[];
            /**
             * Key
             * @description Field whose value decides the partition: records with one key keep their order.
             */
            key?: string | null;
            /**
             * Max Record Size
             * @description A larger record is refused (HTTP) or becomes a dead letter (files).
             * @default 1048576
             * @example 64MiB
             * @example 10GB
             */
            max_record_size: string | number;
            /**
             * Name
             * @description Given by the file's name; need not be written.
             * @default
             */
            name: string;
            /**
             * Owner
             * @description Who answers questions about it.
             * @default
             */
            owner: string;
            /**
             * Partitions
             * @description Number of partitions; may grow later, never shrink.
             * @default 1
             */
            partitions: number;
            /**
             * Pattern
             * @description For ``format: regex``: the regular expression (RE2) with named groups.
             */
            pattern?: string | null;
            /**
             * @description How long records stay in the stream; tables have their own.
             * @default {
             *       "age": 604800,
             *       "size": 10737418240
             *     }
             */
            retention: components["schemas"]["RetentionSpec"];
            /** @description Where the event time stands; default: the arrival time. */
            time?: components["schemas"]["TimeSpec"] | null;
        };
        /**
         * StreamSummary
         * @description A stream in a list.
         */
        StreamSummary: {
            /**
             * Bytes Per S
             * @description Appended lately, as they lie on disk.
             */
            bytes_per_s: number;
            /**
             * Dead Letters
             * @description Records that could not become rows.
             */
            dead_letters: number;
            /**
             * Description
             * @description What the records are.
             */
            description: string;
            /**
             * Editable
             * @description Whether it is the project's; Madang's own are not.
             */
            editable: boolean;
            /** @description How its records are read. */
            format: components["schemas"]["RecordFormat"];
            /**
             * Freshness S
             * @description Age of the oldest record that is not in the table yet; 0: all are; null: no table, or no
             *     record ever.
             */
            freshness_s: number | null;
            /**
             * History
             * @description Records per second, one value per 2 s, oldest first, at most 60.
             */
            history: number[];
            /**
             * Lag Records
             * @description Not in the table yet.
             */
            lag_records: number;
            /**
             * Last Append At
             * @description The last acknowledgement.
             */
            last_append_at: string | null;
            /**
             * Name
             * @description The stream.
             */
            name: string;
            /**
             * Owner
             * @description Who answers questions about it.
             */
            owner: string;
            /**
             * Partitions
             * @description How many.
             */
            partitions: number;
            /**
             * Records Per S
             * @description Appended lately.
             */
            records_per_s: number;
            /**
             * Records Total
             * @description Ever appended.
             */
            records_total: number;
            /**
             * Size Bytes
             * @description On disk.
             */
            size_bytes: number;
            /**
             * Table
             * @description The table that it fills.
             */
            table: string | null;
            /**
             * Time Zone
             * @description Zone of times that carry none.
             */
            time_zone: string;
        };
        /**
         * StreamsAnswer
         * @description All streams.
         */
        StreamsAnswer: {
            /**
             * Streams
             * @description By name.
             */
            streams: components["schemas"]["StreamSummary"][];
        };
        /**
         * TableAnswer
         * @description A table in full.
         */
        TableAnswer: {
            /**
             * Columns
             * @description In order.
             */
            columns: components["schemas"]["ColumnRow"][];
            /**
             * Description
             * @description What a row is.
             */
            description: string;
            /**
             * Files
             * @description Data files.
             */
            files: number;
            /**
             * Files Sample
             * @description The newest days' files, at most 200.
             */
            files_sample: components["schemas"]["FileRow"][];
            /**
             * Last Commit At
             * @description The last snapshot.
             */
            last_commit_at: string | null;
            /**
             * Location
             * @description The table's folder.
             */
            location: string;
            /**
             * Name
             * @description ``<namespace>.<table>``.
             */
            name: string;
            /**
             * Namespace
             * @description ``lake``, ``system``, …
             */
            namespace: string;
            /**
             * Partitions
             * @description Newest first.
             */
            partitions: components["schemas"]["TablePartition"][];
            /**
             * Rows
             * @description Committed.
             */
            rows: number;
            /**
             * Size Bytes
             * @description Of its data files.
             */
            size_bytes: number;
            /**
             * Snapshots
             * @description Newest first, at most 100.
             */
            snapshots: components["schemas"]["SnapshotRow"][];
            /**
             * Stream
             * @description The stream that fills it.
             */
            stream: string | null;
        };
        /**
         * TableFlow
         * @description A table's size.
         */
        TableFlow: {
            /**
             * Files
             * @description Data files.
             */
            files: number;
            /**
             * Last Commit At
             * @description The last snapshot.
             */
            last_commit_at: string | null;
            /**
             * Name
             * @description ``<namespace>.<table>``.
             */
            name: string;
            /**
             * Rows
             * @description Committed.
             */
            rows: number;
            /**
             * Size Bytes
             * @description Of its data files.
             */
            size_bytes: number;
        };
        /**
         * TablePartition
         * @description A day of a table.
         */
        TablePartition: {
            /**
             * Files
             * @description In it.
             */
            files: number;
            /**
             * Partition
             * @description The day, or empty where the table has none.
             */
            partition: string;
            /**
             * Rows
             * @description In it.
             */
            rows: number;
            /**
             * Size Bytes
             * @description Of its files.
             */
            size_bytes: number;
        };
        /**
         * TableSummary
         * @description A table in a list.
         */
        TableSummary: {
            /**
             * Description
             * @description What a row is.
             */
            description: string;
            /**
             * Files
             * @description Data files.
             */
            files: number;
            /**
             * Last Commit At
             * @description The last snapshot.
             */
            last_commit_at: string | null;
            /**
             * Name
             * @description ``<namespace>.<table>``.
             */
            name: string;
            /**
             * Namespace
             * @description ``lake``, ``system``, …
             */
            namespace: string;
            /**
             * Rows
             * @description Committed.
             */
            rows: number;
            /**
             * Size Bytes
             * @description Of its data files.
             */
            size_bytes: number;
            /**
             * Stream
             * @description The stream that fills it.
             */
            stream: string | null;
        };
        /**
         * TablesAnswer
         * @description All tables.
         */
        TablesAnswer: {
            /**
             * Tables
             * @description By name.
             */
            tables: components["schemas"]["TableSummary"][];
        };
        /**
         * TimeSpec
         * @description Where the event time of a record stands; without it, the arrival time counts.
         */
        TimeSpec: {
            /**
             * Field
             * @description The column that holds the time, such as ``ts``; a dotted path reaches into objects.
             */
            field: string;
            /**
             * Format
             * @description ``auto``, ``iso8601``, ``epoch_s``, ``epoch_ms``, ``epoch_us``, ``epoch_ns``, or a strptime
             *     pattern such as ``%d/%b/%Y:%H:%M:%S %z``.
             * @default auto
             */
            format: string;
            /**
             * Zone
             * @description IANA zone of times that carry none; default: the project's zone.
             */
            zone?: string | null;
        };
        /**
         * TokenRow
         * @description A token, without its secret.
         */
        TokenRow: {
            /**
             * Created At
             * @description When it was made.
             */
            created_at: string;
            /**
             * Expires At
             * @description When it ends.
             */
            expires_at: string | null;
            /**
             * Id
             * @description Names it when it is revoked.
             */
            id: string;
            /**
             * Last Used At
             * @description Its last use, to within half a minute.
             */
            last_used_at: string | null;
            /**
             * Name
             * @description What it is for.
             */
            name: string;
            /**
             * Owner
             * @description Who made it; it never may more than they.
             */
            owner: string;
            /** @description What it may do. */
            scope: components["schemas"]["Scope"];
        };
        /**
         * TokensAnswer
         * @description Tokens.
         */
        TokensAnswer: {
            /**
             * Tokens
             * @description Newest first; an admin sees everybody's.
             */
            tokens: components["schemas"]["TokenRow"][];
        };
        /**
         * UserRow
         * @description A user.
         */
        UserRow: {
            /**
             * Created At
             * @description When they were added.
             */
            created_at: string;
            /**
             * Last Seen At
             * @description Their last request, to within half a minute.
             */
            last_seen_at: string | null;
            /**
             * Name
             * @description The user's name.
             */
            name: string;
            /** @description What they are. */
            role: components["schemas"]["Role"];
        };
        /**
         * UsersAnswer
         * @description Everybody.
         */
        UsersAnswer: {
            /**
             * Users
             * @description By name.
             */
            users: components["schemas"]["UserRow"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    catalog: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CatalogAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Too much at once; see Retry-After. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A part is not up. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    overview: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OverviewAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    list_queries: {
        parameters: {
            query?: {
                limit?: number;
                /** @description Only one's own; others' need an admin. */
                mine?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QueriesAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    get_query: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                query_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QueryRow"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    cancel_query: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                query_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CancelAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    get_schema: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                kind: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    get_session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    sign_in: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignIn"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionAnswer"];
                };
            };
            /** @description The request is not what was expected; where names the field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Too many failures; see Retry-After. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    sign_out: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    set_password: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordChange"];
            };
        };
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is not what was expected; where names the field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    run_sql: {
        parameters: {
            query?: {
                /** @description Default: by Accept, else json. */
                format?: components["schemas"]["ResultFormat"] | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SqlRequest"];
            };
        };
        responses: {
            /** @description The result; `X-Madang-Query-Id` names the query. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SqlAnswer"];
                    "application/vnd.apache.arrow.stream": unknown;
                    "application/vnd.apache.parquet": unknown;
                    "application/x-ndjson": unknown;
                    "text/csv": unknown;
                };
            };
            /** @description The request is not what was expected; where names the field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description It took longer than its time-out. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Too much at once; see Retry-After. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description It was cancelled. */
            499: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A part is not up. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    status: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StatusAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    list_streams: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StreamsAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    get_stream: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                stream: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StreamAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    put_stream: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                stream: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    [key: string]: unknown;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PutStreamAnswer"];
                };
            };
            /** @description The stream is new. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PutStreamAnswer"];
                };
            };
            /** @description The request is not what was expected; where names the field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The project's files are broken elsewhere. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    list_dead_letters: {
        parameters: {
            query?: {
                limit?: number;
                /** @description Only those below it. */
                before?: number | null;
            };
            header?: never;
            path: {
                stream: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeadLettersAnswer"];
                };
            };
            /** @description The request is not what was expected; where names the field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    sum_up_dead_letters: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                stream: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReasonsAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    get_records: {
        parameters: {
            query?: {
                /** @description Default: all. */
                partition?: number | null;
                /** @description Needs partition. */
                offset?: number | null;
                from?: "latest" | "earliest";
                limit?: number;
            };
            header?: never;
            path: {
                stream: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RecordsAnswer"];
                };
            };
            /** @description The request is not what was expected; where names the field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    replay: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                stream: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReplayRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReplayAnswer"];
                };
            };
            /** @description The request is not what was expected; where names the field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A replay is under way. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Too much at once; see Retry-After. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A part is not up. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The disk is full. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    tail: {
        parameters: {
            query?: never;
            header?: {
                "last-event-id"?: string | null;
            };
            path: {
                stream: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events `records` (an array of RecordRow, at most 200) and `dropped` (`{"count"}`); an event's id resumes behind it. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": unknown;
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Too much at once; see Retry-After. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A part is not up. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    list_tables: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TablesAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    get_table: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TableAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    list_tokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokensAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    create_token: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MadeToken"];
                };
            };
            /** @description The request is not what was expected; where names the field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    delete_token: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                token_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    list_users: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UsersAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    create_user: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewUser"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserRow"];
                };
            };
            /** @description The request is not what was expected; where names the field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The name is taken. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    delete_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The last admin stays. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    ingest: {
        parameters: {
            query?: {
                /** @description Wins over Content-Type. */
                format?: components["schemas"]["ContentFormat"] | null;
                /** @description Key of all records. */
                key?: string | null;
            };
            header?: {
                /** @description Sent again, nothing is appended twice. */
                "idempotency-key"?: string | null;
            };
            path: {
                stream: string;
            };
            cookie?: never;
        };
        /** @description Records; Content-Encoding gzip, deflate and zstd are understood. */
        requestBody: {
            content: {
                "application/json": string;
                "application/vnd.apache.arrow.stream": string;
                "application/x-ndjson": string;
                "text/csv": string;
                "text/plain": string;
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IngestAnswer"];
                };
            };
            /** @description The request is not what was expected; where names the field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Nobody, or nobody known, asks. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The permission is lacking, or the header X-Madang-Request. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description No such thing; the hint has the near match. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The body, or its only record, is over its limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The body's type or encoding cannot be read. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description Too much at once; see Retry-After. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A bug of ours; the message has an id that stands in the log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description A part is not up. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
            /** @description The disk is full; nothing was accepted. See Retry-After. */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorAnswer"];
                };
            };
        };
    };
    login: {
        parameters: {
            query?: {
                code?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            303: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadyAnswer"];
                };
            };
            /** @description Service Unavailable */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadyAnswer"];
                };
            };
        };
    };
}
