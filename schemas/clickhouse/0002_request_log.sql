-- Which calls arrived. With call_log it shows those that never ended; it is kept as long as that matters.
CREATE TABLE IF NOT EXISTS request_log
(
    project LowCardinality(String) COMMENT 'Project that the call belongs to',
    received_at DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge' CODEC(Delta(8), ZSTD(1)),
    request_id String COMMENT 'UUID of the call: the client''s own, or the edge''s' CODEC(ZSTD(1)),
    user_id String COMMENT 'End user, empty if none was named' CODEC(ZSTD(1)),
    key_id LowCardinality(String) COMMENT 'Public id of the gateway key, never the key',
    session_id String COMMENT 'Session (agent run)' CODEC(ZSTD(1)),
    session_name LowCardinality(String) COMMENT 'Name of the session',
    session_path LowCardinality(String) COMMENT 'Step within the session, as /plan/search',
    prompt_id LowCardinality(String) COMMENT 'Groups calls by prompt',
    prompt_version LowCardinality(String) COMMENT 'Version of the prompt',
    properties Map(LowCardinality(String), String) COMMENT 'Custom properties by name in lower case' CODEC(ZSTD(1)),
    property_names Array(LowCardinality(String)) COMMENT 'Names of the properties as sent, in the order of the map' CODEC(ZSTD(1)),
    method LowCardinality(String) COMMENT 'HTTP method',
    path String COMMENT 'Path as called, without its query string' CODEC(ZSTD(1)),
    endpoint LowCardinality(String) COMMENT 'API operation, as chat/completions or messages',
    model_requested LowCardinality(String) COMMENT 'Model as the caller asked for it',
    stream Bool COMMENT 'Whether the answer was asked for as a stream',
    request_bytes Nullable(UInt64) COMMENT 'Length of the request''s body, NULL if the caller did not say' CODEC(ZSTD(1)),
    source_partition UInt32 COMMENT 'Partition of the log that the row came from',
    source_offset UInt64 COMMENT 'Offset in that partition' CODEC(Delta(8), ZSTD(1)),
    origin_edge LowCardinality(String) COMMENT 'Edge whose outbox wrote the event',
    origin_seq UInt64 COMMENT 'The event''s number in that outbox' CODEC(Delta(8), ZSTD(1)),
    PROJECTION high_water
    (
        SELECT source_partition, origin_edge, max(origin_seq)
        GROUP BY source_partition, origin_edge
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project, received_at, request_id)
TTL toDateTime(received_at) + INTERVAL 30 DAY
SETTINGS lightweight_mutation_projection_mode = 'rebuild', non_replicated_deduplication_window = 0;
