-- One wide row per call: its attempts, bodies and rollups are in the same part, so that one insert of one
-- block is atomic for all of them.
--
-- The partition is the month in which the call ended: an edge writes its events in that order, so a batch in
-- sequence order crosses a month's border once, even if long calls that began before it end after it.
CREATE TABLE IF NOT EXISTS call_log
(
    project LowCardinality(String) COMMENT 'Project that the call belongs to',
    received_at DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge' CODEC(Delta(8), ZSTD(1)),
    request_id String COMMENT 'UUID of the call: the client''s own, or the edge''s' CODEC(ZSTD(1)),
    ended_at DateTime64(6, 'UTC') COMMENT 'When the last byte was sent, or the call failed' CODEC(Delta(8), ZSTD(1)),
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
    model LowCardinality(String) COMMENT 'Model that answered, as the provider names it',
    provider LowCardinality(String) COMMENT 'Provider that answered',
    provider_request_id String COMMENT 'The provider''s own id of the request' CODEC(ZSTD(1)),
    status UInt16 COMMENT 'HTTP status sent to the caller; 499 if the caller left first',
    outcome LowCardinality(String) COMMENT 'ok, provider_error, timeout, client_cancelled, rejected or cache_hit',
    error_code LowCardinality(String) COMMENT 'Stable code of what went wrong',
    error_message String COMMENT 'What went wrong' CODEC(ZSTD(1)),
    stream Bool COMMENT 'Whether the answer was asked for as a stream',
    input_tokens UInt64 COMMENT 'All input tokens, cached, written to a cache and audio included' CODEC(T64, ZSTD(1)),
    output_tokens UInt64 COMMENT 'All output tokens, reasoning and audio included' CODEC(T64, ZSTD(1)),
    cached_input_tokens UInt64 COMMENT 'Input tokens read from the provider''s cache' CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 COMMENT 'Input tokens written to the provider''s cache' CODEC(T64, ZSTD(1)),
    reasoning_tokens UInt64 COMMENT 'Output tokens spent on reasoning' CODEC(T64, ZSTD(1)),
    input_audio_tokens UInt64 COMMENT 'Input tokens of audio' CODEC(T64, ZSTD(1)),
    output_audio_tokens UInt64 COMMENT 'Output tokens of audio' CODEC(T64, ZSTD(1)),
    token_source LowCardinality(String) COMMENT 'Who counted: provider, estimated or none',
    priced Bool COMMENT 'False: tokens were used and no price is known',
    cost_nanos Nullable(Int64) COMMENT 'Cost in nano-dollars (1 USD is 1000000000); NULL exactly if not priced' CODEC(ZSTD(1)),
    input_cost_nanos Nullable(Int64) COMMENT 'Input''s share of the cost, nano-dollars' CODEC(ZSTD(1)),
    output_cost_nanos Nullable(Int64) COMMENT 'Output''s share of the cost, nano-dollars' CODEC(ZSTD(1)),
    cache_saved_nanos Nullable(Int64) COMMENT 'What an answer from the gateway''s cache would have cost, nano-dollars; NULL if it is none, or can''t be priced' CODEC(ZSTD(1)),
    price_ref LowCardinality(String) COMMENT 'Price list, its version and the model priced as',
    service_tier LowCardinality(String) COMMENT 'Service tier as the provider reported it',
    latency_us UInt64 COMMENT 'Microseconds from the request''s arrival to the last byte sent' CODEC(T64, ZSTD(1)),
    ttft_us Nullable(UInt64) COMMENT 'Microseconds to the first byte of the answer; NULL if there was none' CODEC(ZSTD(1)),
    cache LowCardinality(String) COMMENT 'hit, miss, or empty if the gateway''s cache was not asked',
    attempt Nested
    (
        provider LowCardinality(String),
        model LowCardinality(String),
        status UInt16,
        error LowCardinality(String),
        started_at DateTime64(6, 'UTC'),
        latency_us UInt64,
        delay_us UInt64
    ) COMMENT 'Every try of every provider, in order',
    rate_limit Map(LowCardinality(String), String) COMMENT 'The provider''s rate-limit headers, names in lower case' CODEC(ZSTD(1)),
    prompt String COMMENT 'The request''s body; removed after 90 days' CODEC(ZSTD(3)) TTL toDateTime(received_at) + INTERVAL 90 DAY,
    response String COMMENT 'The answer''s body, of a stream the message put together; removed after 90 days' CODEC(ZSTD(3)) TTL toDateTime(received_at) + INTERVAL 90 DAY,
    prompt_bytes UInt64 COMMENT 'Size of the request''s body on the wire' CODEC(T64, ZSTD(1)),
    response_bytes UInt64 COMMENT 'Size of the answer''s body on the wire' CODEC(T64, ZSTD(1)),
    prompt_truncated Bool COMMENT 'Whether only the beginning of the prompt is stored',
    response_truncated Bool COMMENT 'Whether only the beginning of the response is stored',
    source_partition UInt32 COMMENT 'Partition of the log that the row came from',
    source_offset UInt64 COMMENT 'Offset in that partition' CODEC(Delta(8), ZSTD(1)),
    origin_edge LowCardinality(String) COMMENT 'Edge whose outbox wrote the event',
    origin_seq UInt64 COMMENT 'The event''s number in that outbox' CODEC(Delta(8), ZSTD(1)),
    INDEX by_request_id request_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 2,
    INDEX by_user_id user_id TYPE bloom_filter(0.01) GRANULARITY 2,
    INDEX by_property_name mapKeys(properties) TYPE bloom_filter(0.01) GRANULARITY 2,
    INDEX by_property_value mapValues(properties) TYPE bloom_filter(0.01) GRANULARITY 2,
    PROJECTION hourly
    (
        SELECT
            project,
            toStartOfHour(received_at),
            provider,
            model,
            key_id,
            endpoint,
            outcome,
            count(),
            countIf(NOT priced),
            sum(cost_nanos),
            sum(input_cost_nanos),
            sum(output_cost_nanos),
            sum(input_tokens),
            sum(output_tokens),
            sum(cached_input_tokens),
            sum(cache_write_tokens),
            sum(reasoning_tokens),
            sum(input_audio_tokens),
            sum(output_audio_tokens),
            sum(latency_us),
            max(latency_us)
        GROUP BY project, toStartOfHour(received_at), provider, model, key_id, endpoint, outcome
    ),
    PROJECTION daily_by_user
    (
        SELECT
            project,
            toStartOfDay(received_at),
            user_id,
            provider,
            model,
            outcome,
            count(),
            countIf(NOT priced),
            sum(cost_nanos),
            sum(input_cost_nanos),
            sum(output_cost_nanos),
            sum(input_tokens),
            sum(output_tokens),
            sum(cached_input_tokens),
            sum(cache_write_tokens),
            sum(reasoning_tokens),
            sum(input_audio_tokens),
            sum(output_audio_tokens),
            sum(latency_us),
            max(latency_us)
        GROUP BY project, toStartOfDay(received_at), user_id, provider, model, outcome
    ),
    PROJECTION high_water
    (
        SELECT source_partition, origin_edge, max(origin_seq)
        GROUP BY source_partition, origin_edge
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ended_at)
ORDER BY (project, received_at, request_id)
SETTINGS lightweight_mutation_projection_mode = 'rebuild', non_replicated_deduplication_window = 0;
