-- The schema that the migrations lead to, as ClickHouse tells it; a test compares them.
-- Written by
--     python -m tests.schemas.clickhouse.describe

CREATE TABLE alert_log
(
    `project` LowCardinality(String) COMMENT 'Project that the rule belongs to',
    `raised_at` DateTime64(6, 'UTC') COMMENT 'When it was noticed' CODEC(Delta(8), ZSTD(1)),
    `alert_id` String COMMENT 'UUID; a resolved alert has one of its own',
    `rule_id` LowCardinality(String) COMMENT 'Id of the rule',
    `name` LowCardinality(String) COMMENT 'Name of the rule then',
    `state` LowCardinality(String) COMMENT 'firing or resolved',
    `kind` LowCardinality(String) COMMENT 'threshold, projected or anomaly',
    `metric` LowCardinality(String) COMMENT 'What was measured',
    `direction` LowCardinality(String) COMMENT 'above or below',
    `action` LowCardinality(String) COMMENT 'notify, warn or block',
    `group_by` LowCardinality(String) COMMENT 'What the group is a value of: empty, user, key, model, provider or property.<name>',
    `group_value` String COMMENT 'The group' CODEC(ZSTD(1)),
    `period_start` DateTime64(6, 'UTC') COMMENT 'Start of the period, or of the sliding window',
    `period_end` DateTime64(6, 'UTC') COMMENT 'Its end',
    `time_window` LowCardinality(String) COMMENT 'hour, day, week or month; of a sliding window its length, as 3600s',
    `time_zone` LowCardinality(String) COMMENT 'Whose hours, days, weeks and months',
    `threshold` Int64 COMMENT 'What was crossed, in the metric\'s unit: nano-dollars, a number, microseconds or parts per million',
    `threshold_percent` UInt32 COMMENT 'The same as a part of the limit; of an anomaly, of the baseline',
    `limit_value` Nullable(Int64) COMMENT 'The rule\'s limit; NULL of an anomaly',
    `value` Int64 COMMENT 'The metric\'s value',
    `projected` Nullable(Int64) COMMENT 'Of projected: the value at the period\'s end, if it went on so',
    `baseline` Nullable(Int64) COMMENT 'Of anomaly: the same hour\'s mean over past weeks',
    `requests` UInt64 COMMENT 'Calls in the window',
    `notify` Bool COMMENT 'False: the rule was muted, or its ends are not told',
    `resolves` String COMMENT 'Of a resolved alert, the id of the firing one'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(raised_at)
ORDER BY (project, raised_at, alert_id)
SETTINGS non_replicated_deduplication_window = 0, index_granularity = 8192;

CREATE TABLE call_log
(
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge' CODEC(Delta(8), ZSTD(1)),
    `request_id` String COMMENT 'UUID of the call: the client\'s own, or the edge\'s' CODEC(ZSTD(1)),
    `ended_at` DateTime64(6, 'UTC') COMMENT 'When the last byte was sent, or the call failed' CODEC(Delta(8), ZSTD(1)),
    `user_id` String COMMENT 'End user, empty if none was named' CODEC(ZSTD(1)),
    `key_id` LowCardinality(String) COMMENT 'Public id of the gateway key, never the key',
    `session_id` String COMMENT 'Session (agent run)' CODEC(ZSTD(1)),
    `session_name` LowCardinality(String) COMMENT 'Name of the session',
    `session_path` LowCardinality(String) COMMENT 'Step within the session, as /plan/search',
    `prompt_id` LowCardinality(String) COMMENT 'Groups calls by prompt',
    `prompt_version` LowCardinality(String) COMMENT 'Version of the prompt',
    `properties` Map(LowCardinality(String), String) COMMENT 'Custom properties by name in lower case' CODEC(ZSTD(1)),
    `property_names` Array(LowCardinality(String)) COMMENT 'Names of the properties as sent, in the order of the map' CODEC(ZSTD(1)),
    `method` LowCardinality(String) COMMENT 'HTTP method',
    `path` String COMMENT 'Path as called, without its query string' CODEC(ZSTD(1)),
    `endpoint` LowCardinality(String) COMMENT 'API operation, as chat/completions or messages',
    `model_requested` LowCardinality(String) COMMENT 'Model as the caller asked for it',
    `model` LowCardinality(String) COMMENT 'Model that answered, as the provider names it',
    `provider` LowCardinality(String) COMMENT 'Provider that answered',
    `provider_request_id` String COMMENT 'The provider\'s own id of the request' CODEC(ZSTD(1)),
    `status` UInt16 COMMENT 'HTTP status sent to the caller; 499 if the caller left first',
    `outcome` LowCardinality(String) COMMENT 'ok, provider_error, timeout, client_cancelled, rejected or cache_hit',
    `error_code` LowCardinality(String) COMMENT 'Stable code of what went wrong',
    `error_message` String COMMENT 'What went wrong' CODEC(ZSTD(1)),
    `stream` Bool COMMENT 'Whether the answer was asked for as a stream',
    `input_tokens` UInt64 COMMENT 'All input tokens, cached, written to a cache and audio included' CODEC(T64, ZSTD(1)),
    `output_tokens` UInt64 COMMENT 'All output tokens, reasoning and audio included' CODEC(T64, ZSTD(1)),
    `cached_input_tokens` UInt64 COMMENT 'Input tokens read from the provider\'s cache' CODEC(T64, ZSTD(1)),
    `cache_write_tokens` UInt64 COMMENT 'Input tokens written to the provider\'s cache' CODEC(T64, ZSTD(1)),
    `reasoning_tokens` UInt64 COMMENT 'Output tokens spent on reasoning' CODEC(T64, ZSTD(1)),
    `input_audio_tokens` UInt64 COMMENT 'Input tokens of audio' CODEC(T64, ZSTD(1)),
    `output_audio_tokens` UInt64 COMMENT 'Output tokens of audio' CODEC(T64, ZSTD(1)),
    `token_source` LowCardinality(String) COMMENT 'Who counted: provider, estimated or none',
    `priced` Bool COMMENT 'False: tokens were used and no price is known',
    `cost_nanos` Nullable(Int64) COMMENT 'Cost in nano-dollars (1 USD is 1000000000); NULL exactly if not priced' CODEC(ZSTD(1)),
    `input_cost_nanos` Nullable(Int64) COMMENT 'Input\'s share of the cost, nano-dollars' CODEC(ZSTD(1)),
    `output_cost_nanos` Nullable(Int64) COMMENT 'Output\'s share of the cost, nano-dollars' CODEC(ZSTD(1)),
    `cache_saved_nanos` Nullable(Int64) COMMENT 'What an answer from the gateway\'s cache would have cost, nano-dollars; NULL if it is none, or can\'t be priced' CODEC(ZSTD(1)),
    `price_ref` LowCardinality(String) COMMENT 'Price list, its version and the model priced as',
    `service_tier` LowCardinality(String) COMMENT 'Service tier as the provider reported it',
    `latency_us` UInt64 COMMENT 'Microseconds from the request\'s arrival to the last byte sent' CODEC(T64, ZSTD(1)),
    `ttft_us` Nullable(UInt64) COMMENT 'Microseconds to the first byte of the answer; NULL if there was none' CODEC(ZSTD(1)),
    `cache` LowCardinality(String) COMMENT 'hit, miss, or empty if the gateway\'s cache was not asked',
    `attempt.provider` Array(LowCardinality(String)) COMMENT 'Every try of every provider, in order',
    `attempt.model` Array(LowCardinality(String)) COMMENT 'Every try of every provider, in order',
    `attempt.status` Array(UInt16) COMMENT 'Every try of every provider, in order',
    `attempt.error` Array(LowCardinality(String)) COMMENT 'Every try of every provider, in order',
    `attempt.started_at` Array(DateTime64(6, 'UTC')) COMMENT 'Every try of every provider, in order',
    `attempt.latency_us` Array(UInt64) COMMENT 'Every try of every provider, in order',
    `attempt.delay_us` Array(UInt64) COMMENT 'Every try of every provider, in order',
    `rate_limit` Map(LowCardinality(String), String) COMMENT 'The provider\'s rate-limit headers, names in lower case' CODEC(ZSTD(1)),
    `prompt` String COMMENT 'The request\'s body; removed after 90 days' CODEC(ZSTD(3)) TTL toDateTime(received_at) + toIntervalDay(90),
    `response` String COMMENT 'The answer\'s body, of a stream the message put together; removed after 90 days' CODEC(ZSTD(3)) TTL toDateTime(received_at) + toIntervalDay(90),
    `prompt_bytes` UInt64 COMMENT 'Size of the request\'s body on the wire' CODEC(T64, ZSTD(1)),
    `response_bytes` UInt64 COMMENT 'Size of the answer\'s body on the wire' CODEC(T64, ZSTD(1)),
    `prompt_truncated` Bool COMMENT 'Whether only the beginning of the prompt is stored',
    `response_truncated` Bool COMMENT 'Whether only the beginning of the response is stored',
    `source_partition` UInt32 COMMENT 'Partition of the log that the row came from',
    `source_offset` UInt64 COMMENT 'Offset in that partition' CODEC(Delta(8), ZSTD(1)),
    `origin_edge` LowCardinality(String) COMMENT 'Edge whose outbox wrote the event',
    `origin_seq` UInt64 COMMENT 'The event\'s number in that outbox' CODEC(Delta(8), ZSTD(1)),
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
        GROUP BY
            project,
            toStartOfHour(received_at),
            provider,
            model,
            key_id,
            endpoint,
            outcome
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
        GROUP BY
            project,
            toStartOfDay(received_at),
            user_id,
            provider,
            model,
            outcome
    ),
    PROJECTION high_water
    (
        SELECT
            source_partition,
            origin_edge,
            max(origin_seq)
        GROUP BY
            source_partition,
            origin_edge
    ),
    PROJECTION hourly_calls
    (
        SELECT
            project,
            toStartOfHour(received_at),
            provider,
            model,
            outcome,
            cache,
            count(),
            countIf(NOT priced),
            sum(cost_nanos),
            sum(cache_saved_nanos),
            sum(input_tokens),
            sum(output_tokens),
            sum(cached_input_tokens),
            sum(cache_write_tokens),
            sum(reasoning_tokens),
            sum(latency_us),
            max(latency_us)
        GROUP BY
            project,
            toStartOfHour(received_at),
            provider,
            model,
            outcome,
            cache
    ),
    PROJECTION hourly_latency
    (
        SELECT
            project,
            toStartOfHour(received_at),
            count(),
            quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(latency_us),
            quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(ttft_us)
        GROUP BY
            project,
            toStartOfHour(received_at)
    ),
    PROJECTION daily_models
    (
        SELECT
            project,
            toStartOfDay(received_at),
            provider,
            model,
            count(),
            countIf(NOT priced),
            sum(cost_nanos),
            sum(cache_saved_nanos),
            sum(input_tokens),
            sum(output_tokens),
            sum(cached_input_tokens),
            sum(cache_write_tokens),
            sum(reasoning_tokens),
            sum(latency_us),
            max(latency_us),
            countIf(outcome NOT IN ('ok', 'cache_hit')),
            min(received_at),
            max(received_at),
            uniqCombined(user_id),
            quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(latency_us),
            quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(ttft_us),
            sumIf(output_tokens, stream AND (ttft_us < latency_us)),
            sumIf(latency_us - ifNull(ttft_us, 0), stream AND (ttft_us < latency_us))
        GROUP BY
            project,
            toStartOfDay(received_at),
            provider,
            model
    ),
    PROJECTION daily_users
    (
        SELECT
            project,
            toStartOfDay(received_at),
            user_id,
            count(),
            countIf(NOT priced),
            sum(cost_nanos),
            sum(cache_saved_nanos),
            sum(input_tokens),
            sum(output_tokens),
            sum(cached_input_tokens),
            sum(cache_write_tokens),
            sum(reasoning_tokens),
            sum(latency_us),
            max(latency_us),
            countIf(outcome NOT IN ('ok', 'cache_hit')),
            min(received_at),
            max(received_at),
            uniqCombined(user_id),
            quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(latency_us),
            quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(ttft_us),
            sumIf(output_tokens, stream AND (ttft_us < latency_us)),
            sumIf(latency_us - ifNull(ttft_us, 0), stream AND (ttft_us < latency_us))
        GROUP BY
            project,
            toStartOfDay(received_at),
            user_id
    ),
    PROJECTION daily_properties
    (
        SELECT
            project,
            toStartOfDay(received_at),
            properties,
            property_names,
            count(),
            countIf(NOT priced),
            sum(cost_nanos),
            sum(cache_saved_nanos),
            sum(input_tokens),
            sum(output_tokens),
            sum(cached_input_tokens),
            sum(cache_write_tokens),
            sum(reasoning_tokens),
            sum(latency_us),
            max(latency_us),
            countIf(outcome NOT IN ('ok', 'cache_hit')),
            min(received_at),
            max(received_at),
            uniqCombined(user_id),
            quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(latency_us),
            quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(ttft_us),
            sumIf(output_tokens, stream AND (ttft_us < latency_us)),
            sumIf(latency_us - ifNull(ttft_us, 0), stream AND (ttft_us < latency_us))
        GROUP BY
            project,
            toStartOfDay(received_at),
            properties,
            property_names
    ),
    PROJECTION daily_sessions
    (
        SELECT
            project,
            toStartOfDay(received_at),
            session_id,
            count(),
            countIf(NOT priced),
            sum(cost_nanos),
            sum(cache_saved_nanos),
            sum(input_tokens),
            sum(output_tokens),
            sum(cached_input_tokens),
            sum(cache_write_tokens),
            sum(reasoning_tokens),
            sum(latency_us),
            max(latency_us),
            countIf(outcome NOT IN ('ok', 'cache_hit')),
            min(received_at),
            max(ended_at),
            uniq(session_path),
            max(session_name),
            max(user_id)
        GROUP BY
            project,
            toStartOfDay(received_at),
            session_id
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ended_at)
ORDER BY (project, received_at, request_id)
SETTINGS lightweight_mutation_projection_mode = 'rebuild', non_replicated_deduplication_window = 0, index_granularity = 8192, materialize_projections_on_insert = 0, materialize_projections_on_merge = 1;

CREATE TABLE call_restated
(
    `restatement` LowCardinality(String) COMMENT 'Name of the restatement',
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge' CODEC(Delta(8), ZSTD(1)),
    `request_id` String COMMENT 'UUID of the call' CODEC(ZSTD(1)),
    `provider` LowCardinality(String) COMMENT 'Provider that answered',
    `model` LowCardinality(String) COMMENT 'Model that answered, as the provider names it',
    `priced` Bool COMMENT 'False: tokens were used and these prices do not say what they cost',
    `cost_nanos` Nullable(Int64) COMMENT 'Cost by these prices, nano-dollars; NULL exactly if not priced' CODEC(ZSTD(1)),
    `price_ref` LowCardinality(String) COMMENT 'Price list, its version and the model priced as',
    `source_partition` UInt32 COMMENT 'Partition of the log that the event came from',
    `source_offset` UInt64 COMMENT 'Offset in that partition' CODEC(Delta(8), ZSTD(1)),
    `origin_edge` LowCardinality(String) COMMENT 'Edge whose outbox wrote the event',
    `origin_seq` UInt64 COMMENT 'The event\'s number in that outbox' CODEC(Delta(8), ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY restatement
ORDER BY (project, received_at, request_id)
SETTINGS index_granularity = 8192;

CREATE TABLE feedback_log
(
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge' CODEC(Delta(8), ZSTD(1)),
    `request_id` String COMMENT 'UUID of the call' CODEC(ZSTD(1)),
    `given_by` String COMMENT 'Who says so, empty if that was not told' CODEC(ZSTD(1)),
    `rating` Int8 COMMENT '1 for good, -1 for bad, 0 if it was taken back',
    `comment` String COMMENT 'In words' CODEC(ZSTD(1)),
    `given_at` DateTime64(6, 'UTC') COMMENT 'When it was said' CODEC(Delta(8), ZSTD(1)),
    `model` LowCardinality(String) COMMENT 'Model that answered',
    `provider` LowCardinality(String) COMMENT 'Provider that answered',
    `user_id` String COMMENT 'End user of the call' CODEC(ZSTD(1)),
    `prompt_id` LowCardinality(String) COMMENT 'Groups calls by prompt',
    `prompt_version` LowCardinality(String) COMMENT 'Version of the prompt'
)
ENGINE = ReplacingMergeTree(given_at)
ORDER BY (project, received_at, request_id, given_by)
SETTINGS index_granularity = 8192;

CREATE TABLE request_log
(
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge' CODEC(Delta(8), ZSTD(1)),
    `request_id` String COMMENT 'UUID of the call: the client\'s own, or the edge\'s' CODEC(ZSTD(1)),
    `user_id` String COMMENT 'End user, empty if none was named' CODEC(ZSTD(1)),
    `key_id` LowCardinality(String) COMMENT 'Public id of the gateway key, never the key',
    `session_id` String COMMENT 'Session (agent run)' CODEC(ZSTD(1)),
    `session_name` LowCardinality(String) COMMENT 'Name of the session',
    `session_path` LowCardinality(String) COMMENT 'Step within the session, as /plan/search',
    `prompt_id` LowCardinality(String) COMMENT 'Groups calls by prompt',
    `prompt_version` LowCardinality(String) COMMENT 'Version of the prompt',
    `properties` Map(LowCardinality(String), String) COMMENT 'Custom properties by name in lower case' CODEC(ZSTD(1)),
    `property_names` Array(LowCardinality(String)) COMMENT 'Names of the properties as sent, in the order of the map' CODEC(ZSTD(1)),
    `method` LowCardinality(String) COMMENT 'HTTP method',
    `path` String COMMENT 'Path as called, without its query string' CODEC(ZSTD(1)),
    `endpoint` LowCardinality(String) COMMENT 'API operation, as chat/completions or messages',
    `model_requested` LowCardinality(String) COMMENT 'Model as the caller asked for it',
    `stream` Bool COMMENT 'Whether the answer was asked for as a stream',
    `request_bytes` Nullable(UInt64) COMMENT 'Length of the request\'s body, NULL if the caller did not say' CODEC(ZSTD(1)),
    `source_partition` UInt32 COMMENT 'Partition of the log that the row came from',
    `source_offset` UInt64 COMMENT 'Offset in that partition' CODEC(Delta(8), ZSTD(1)),
    `origin_edge` LowCardinality(String) COMMENT 'Edge whose outbox wrote the event',
    `origin_seq` UInt64 COMMENT 'The event\'s number in that outbox' CODEC(Delta(8), ZSTD(1)),
    PROJECTION high_water
    (
        SELECT
            source_partition,
            origin_edge,
            max(origin_seq)
        GROUP BY
            source_partition,
            origin_edge
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project, received_at, request_id)
TTL toDateTime(received_at) + toIntervalDay(30)
SETTINGS lightweight_mutation_projection_mode = 'rebuild', non_replicated_deduplication_window = 0, index_granularity = 8192;

CREATE TABLE score_log
(
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge' CODEC(Delta(8), ZSTD(1)),
    `request_id` String COMMENT 'UUID of the call' CODEC(ZSTD(1)),
    `name` LowCardinality(String) COMMENT 'What was scored',
    `value` Float64 COMMENT 'The score; 1 and 0 for true and false',
    `comment` String COMMENT 'In words' CODEC(ZSTD(1)),
    `given_at` DateTime64(6, 'UTC') COMMENT 'When it was said' CODEC(Delta(8), ZSTD(1)),
    `model` LowCardinality(String) COMMENT 'Model that answered',
    `provider` LowCardinality(String) COMMENT 'Provider that answered',
    `user_id` String COMMENT 'End user of the call' CODEC(ZSTD(1)),
    `prompt_id` LowCardinality(String) COMMENT 'Groups calls by prompt',
    `prompt_version` LowCardinality(String) COMMENT 'Version of the prompt'
)
ENGINE = ReplacingMergeTree(given_at)
ORDER BY (project, received_at, request_id, name)
SETTINGS index_granularity = 8192;

CREATE VIEW alerts
(
    `alert_id` String COMMENT 'UUID; a resolved alert has one of its own',
    `raised_at` DateTime64(6, 'UTC') COMMENT 'When it was noticed',
    `project` LowCardinality(String) COMMENT 'Project that the rule belongs to',
    `rule_id` LowCardinality(String) COMMENT 'Id of the rule',
    `name` LowCardinality(String) COMMENT 'Name of the rule then',
    `state` LowCardinality(String) COMMENT 'firing or resolved',
    `kind` LowCardinality(String) COMMENT 'threshold, projected or anomaly',
    `metric` LowCardinality(String) COMMENT 'What was measured',
    `direction` LowCardinality(String) COMMENT 'above or below',
    `action` LowCardinality(String) COMMENT 'notify, warn or block',
    `group_by` LowCardinality(String) COMMENT 'What the group is a value of: empty, user, key, model, provider or property.<name>',
    `group_value` String COMMENT 'The group',
    `period_start` DateTime64(6, 'UTC') COMMENT 'Start of the period, or of the sliding window',
    `period_end` DateTime64(6, 'UTC') COMMENT 'Its end',
    `time_window` LowCardinality(String) COMMENT 'hour, day, week or month; of a sliding window its length, as 3600s',
    `time_zone` LowCardinality(String) COMMENT 'Whose hours, days, weeks and months',
    `threshold` Int64 COMMENT 'What was crossed, in the metric\'s unit: nano-dollars, a number, microseconds or parts per million',
    `threshold_percent` UInt32 COMMENT 'The same as a part of the limit; of an anomaly, of the baseline',
    `limit_value` Nullable(Int64) COMMENT 'The rule\'s limit; NULL of an anomaly',
    `value` Int64 COMMENT 'The metric\'s value',
    `projected` Nullable(Int64) COMMENT 'Of projected: the value at the period\'s end, if it went on so',
    `baseline` Nullable(Int64) COMMENT 'Of anomaly: the same hour\'s mean over past weeks',
    `requests` UInt64 COMMENT 'Calls in the window',
    `notify` Bool COMMENT 'False: the rule was muted, or its ends are not told',
    `resolves` String COMMENT 'Of a resolved alert, the id of the firing one'
)
AS SELECT
    alert_id,
    raised_at,
    project,
    rule_id,
    name,
    state,
    kind,
    metric,
    direction,
    action,
    group_by,
    group_value,
    period_start,
    period_end,
    time_window,
    time_zone,
    threshold,
    threshold_percent,
    limit_value,
    value,
    projected,
    baseline,
    requests,
    notify,
    resolves
FROM alert_log;

CREATE VIEW attempts
(
    `request_id` String COMMENT 'UUID of the call: the client\'s own, or the edge\'s',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge',
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `attempt` UInt32 COMMENT 'Number of the try, from 1',
    `provider` LowCardinality(String) COMMENT 'Provider that was tried',
    `model` LowCardinality(String) COMMENT 'Model that was asked for there',
    `status` UInt16 COMMENT 'HTTP status, 0 if there was no response',
    `error` LowCardinality(String) COMMENT 'Empty, or connect, timeout, status, closed, protocol',
    `started_at` DateTime64(6, 'UTC') COMMENT 'When the try began',
    `latency_ms` Float64 COMMENT 'Milliseconds to the response\'s last byte, or to the failure',
    `delay_ms` Float64 COMMENT 'Milliseconds waited before the try'
)
AS SELECT
    request_id,
    received_at,
    project,
    position AS attempt,
    attempt.provider AS provider,
    attempt.model AS model,
    attempt.status AS status,
    attempt.error AS error,
    attempt.started_at AS started_at,
    attempt.latency_us / 1000 AS latency_ms,
    attempt.delay_us / 1000 AS delay_ms
FROM call_log
ARRAY JOIN
    attempt,
    arrayEnumerate(attempt.provider) AS position;

CREATE VIEW bodies
(
    `request_id` String COMMENT 'UUID of the call: the client\'s own, or the edge\'s',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge',
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `prompt` String COMMENT 'The request\'s body; removed after 90 days',
    `response` String COMMENT 'The answer\'s body, of a stream the message put together; removed after 90 days',
    `prompt_bytes` UInt64 COMMENT 'Size of the request\'s body on the wire',
    `response_bytes` UInt64 COMMENT 'Size of the answer\'s body on the wire',
    `prompt_truncated` Bool COMMENT 'Whether only the beginning of the prompt is stored',
    `response_truncated` Bool COMMENT 'Whether only the beginning of the response is stored'
)
AS SELECT
    request_id,
    received_at,
    project,
    prompt,
    response,
    prompt_bytes,
    response_bytes,
    prompt_truncated,
    response_truncated
FROM call_log;

CREATE VIEW calls
(
    `request_id` String COMMENT 'UUID of the call: the client\'s own, or the edge\'s',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge',
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `user_id` String COMMENT 'End user, empty if none was named',
    `key_id` LowCardinality(String) COMMENT 'Public id of the gateway key, never the key',
    `session_id` String COMMENT 'Session (agent run)',
    `session_path` LowCardinality(String) COMMENT 'Step within the session, as /plan/search',
    `properties` Map(LowCardinality(String), String) COMMENT 'Custom properties by name in lower case',
    `endpoint` LowCardinality(String) COMMENT 'API operation, as chat/completions or messages',
    `model_requested` LowCardinality(String) COMMENT 'Model as the caller asked for it',
    `model` LowCardinality(String) COMMENT 'Model that answered, as the provider names it',
    `provider` LowCardinality(String) COMMENT 'Provider that answered',
    `status` UInt16 COMMENT 'HTTP status sent to the caller; 499 if the caller left first',
    `outcome` LowCardinality(String) COMMENT 'ok, provider_error, timeout, client_cancelled, rejected or cache_hit',
    `stream` Bool COMMENT 'Whether the answer was asked for as a stream',
    `input_tokens` UInt64 COMMENT 'All input tokens, cached, written to a cache and audio included',
    `output_tokens` UInt64 COMMENT 'All output tokens, reasoning and audio included',
    `cached_input_tokens` UInt64 COMMENT 'Input tokens read from the provider\'s cache',
    `cache_write_tokens` UInt64 COMMENT 'Input tokens written to the provider\'s cache',
    `reasoning_tokens` UInt64 COMMENT 'Output tokens spent on reasoning',
    `cost_nanos` Nullable(Int64) COMMENT 'Cost in nano-dollars (1 USD is 1000000000); NULL exactly if not priced',
    `priced` Bool COMMENT 'False: tokens were used and no price is known',
    `token_source` LowCardinality(String) COMMENT 'Who counted: provider, estimated or none',
    `latency_ms` Float64 COMMENT 'Milliseconds from the request\'s arrival to the last byte sent',
    `ttft_ms` Nullable(Float64) COMMENT 'Milliseconds to the first byte of the answer; NULL if there was none',
    `cache` LowCardinality(String) COMMENT 'hit, miss, or empty if the gateway\'s cache was not asked',
    `attempts` UInt64 COMMENT 'Number of tries, the first included',
    `prompt` String COMMENT 'The request\'s body; removed after 90 days',
    `response` String COMMENT 'The answer\'s body, of a stream the message put together; removed after 90 days',
    `ended_at` DateTime64(6, 'UTC') COMMENT 'When the last byte was sent, or the call failed',
    `session_name` LowCardinality(String) COMMENT 'Name of the session',
    `prompt_id` LowCardinality(String) COMMENT 'Groups calls by prompt',
    `prompt_version` LowCardinality(String) COMMENT 'Version of the prompt',
    `property_names` Array(LowCardinality(String)) COMMENT 'Names of the properties as sent, in the order of the map',
    `method` LowCardinality(String) COMMENT 'HTTP method',
    `path` String COMMENT 'Path as called, without its query string',
    `provider_request_id` String COMMENT 'The provider\'s own id of the request',
    `error_code` LowCardinality(String) COMMENT 'Stable code of what went wrong',
    `error_message` String COMMENT 'What went wrong',
    `cost_usd` Nullable(Decimal(38, 9)) COMMENT 'Cost in US dollars, exact; NULL exactly if not priced',
    `input_cost_nanos` Nullable(Int64) COMMENT 'Input\'s share of the cost, nano-dollars',
    `output_cost_nanos` Nullable(Int64) COMMENT 'Output\'s share of the cost, nano-dollars',
    `cache_saved_nanos` Nullable(Int64) COMMENT 'What an answer from the gateway\'s cache would have cost, nano-dollars; NULL if it is none, or can\'t be priced',
    `price_ref` LowCardinality(String) COMMENT 'Price list, its version and the model priced as',
    `service_tier` LowCardinality(String) COMMENT 'Service tier as the provider reported it',
    `input_audio_tokens` UInt64 COMMENT 'Input tokens of audio',
    `output_audio_tokens` UInt64 COMMENT 'Output tokens of audio',
    `rate_limit` Map(LowCardinality(String), String) COMMENT 'The provider\'s rate-limit headers, names in lower case',
    `prompt_bytes` UInt64 COMMENT 'Size of the request\'s body on the wire',
    `response_bytes` UInt64 COMMENT 'Size of the answer\'s body on the wire',
    `prompt_truncated` Bool COMMENT 'Whether only the beginning of the prompt is stored',
    `response_truncated` Bool COMMENT 'Whether only the beginning of the response is stored',
    `latency_us` UInt64 COMMENT 'Microseconds from the request\'s arrival to the last byte sent',
    `ttft_us` Nullable(UInt64) COMMENT 'Microseconds to the first byte of the answer; NULL if there was none',
    `source_partition` UInt32 COMMENT 'Partition of the log that the row came from',
    `source_offset` UInt64 COMMENT 'Offset in that partition',
    `origin_edge` LowCardinality(String) COMMENT 'Edge whose outbox wrote the event',
    `origin_seq` UInt64 COMMENT 'The event\'s number in that outbox'
)
AS SELECT
    request_id,
    received_at,
    project,
    user_id,
    key_id,
    session_id,
    session_path,
    properties,
    endpoint,
    model_requested,
    model,
    provider,
    status,
    outcome,
    stream,
    input_tokens,
    output_tokens,
    cached_input_tokens,
    cache_write_tokens,
    reasoning_tokens,
    cost_nanos,
    priced,
    token_source,
    latency_us / 1000 AS latency_ms,
    ttft_us / 1000 AS ttft_ms,
    cache,
    length(attempt.provider) AS attempts,
    prompt,
    response,
    ended_at,
    session_name,
    prompt_id,
    prompt_version,
    property_names,
    method,
    path,
    provider_request_id,
    error_code,
    error_message,
    CAST(cost_nanos, 'Nullable(Decimal(38, 9))') / 1000000000 AS cost_usd,
    input_cost_nanos,
    output_cost_nanos,
    cache_saved_nanos,
    price_ref,
    service_tier,
    input_audio_tokens,
    output_audio_tokens,
    rate_limit,
    prompt_bytes,
    response_bytes,
    prompt_truncated,
    response_truncated,
    latency_us,
    ttft_us,
    source_partition,
    source_offset,
    origin_edge,
    origin_seq
FROM call_log;

CREATE VIEW feedback
(
    `request_id` String COMMENT 'UUID of the call',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge',
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `given_by` String COMMENT 'Who says so, empty if that was not told',
    `rating` Int8 COMMENT '1 for good, -1 for bad, 0 if it was taken back',
    `comment` String COMMENT 'In words',
    `given_at` DateTime64(6, 'UTC') COMMENT 'When it was said',
    `model` LowCardinality(String) COMMENT 'Model that answered',
    `provider` LowCardinality(String) COMMENT 'Provider that answered',
    `user_id` String COMMENT 'End user of the call',
    `prompt_id` LowCardinality(String) COMMENT 'Groups calls by prompt',
    `prompt_version` LowCardinality(String) COMMENT 'Version of the prompt'
)
AS SELECT
    request_id,
    received_at,
    project,
    given_by,
    rating,
    comment,
    given_at,
    model,
    provider,
    user_id,
    prompt_id,
    prompt_version
FROM feedback_log
FINAL;

CREATE VIEW rate_limits
(
    `request_id` String COMMENT 'UUID of the call: the client\'s own, or the edge\'s',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge',
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `provider` LowCardinality(String) COMMENT 'Provider that answered',
    `model` LowCardinality(String) COMMENT 'Model that answered, as the provider names it',
    `key_id` LowCardinality(String) COMMENT 'Public id of the gateway key, never the key',
    `user_id` String COMMENT 'End user, empty if none was named',
    `status` UInt16 COMMENT 'HTTP status sent to the caller; 499 if the caller left first',
    `throttled` UInt64 COMMENT 'Tries that a provider answered with 429',
    `throttled_by` Array(LowCardinality(String)) COMMENT 'The providers of those tries',
    `refused` Bool COMMENT 'Whether the gateway\'s own limits refused the call',
    `limit_requests` Nullable(UInt64) COMMENT 'Requests that the provider lets through in its window',
    `remaining_requests` Nullable(UInt64) COMMENT 'Requests that are left in it',
    `limit_tokens` Nullable(UInt64) COMMENT 'Tokens that the provider lets through in its window',
    `remaining_tokens` Nullable(UInt64) COMMENT 'Tokens that are left in it',
    `reset_requests` String COMMENT 'When requests are full again: a duration (OpenAI) or a time (Anthropic)',
    `reset_tokens` String COMMENT 'When tokens are full again: a duration (OpenAI) or a time (Anthropic)',
    `retry_after` String COMMENT 'The provider\'s retry-after, seconds or a date'
)
AS SELECT
    request_id,
    received_at,
    project,
    provider,
    model,
    key_id,
    user_id,
    status,
    countEqual(attempt.status, 429) AS throttled,
    arrayFilter((name, code) -> (code = 429), attempt.provider, attempt.status) AS throttled_by,
    toBool((outcome = 'rejected') AND (error_code = 'rate_limited')) AS refused,
    coalesce(toUInt64OrNull(rate_limit['x-ratelimit-limit-requests']), toUInt64OrNull(rate_limit['anthropic-ratelimit-requests-limit'])) AS limit_requests,
    coalesce(toUInt64OrNull(rate_limit['x-ratelimit-remaining-requests']), toUInt64OrNull(rate_limit['anthropic-ratelimit-requests-remaining'])) AS remaining_requests,
    coalesce(toUInt64OrNull(rate_limit['x-ratelimit-limit-tokens']), toUInt64OrNull(rate_limit['anthropic-ratelimit-tokens-limit'])) AS limit_tokens,
    coalesce(toUInt64OrNull(rate_limit['x-ratelimit-remaining-tokens']), toUInt64OrNull(rate_limit['anthropic-ratelimit-tokens-remaining'])) AS remaining_tokens,
    concat(rate_limit['x-ratelimit-reset-requests'], rate_limit['anthropic-ratelimit-requests-reset']) AS reset_requests,
    concat(rate_limit['x-ratelimit-reset-tokens'], rate_limit['anthropic-ratelimit-tokens-reset']) AS reset_tokens,
    rate_limit['retry-after'] AS retry_after
FROM call_log
WHERE notEmpty(rate_limit) OR has(attempt.status, 429) OR ((outcome = 'rejected') AND (error_code = 'rate_limited'));

CREATE VIEW requests
(
    `request_id` String COMMENT 'UUID of the call: the client\'s own, or the edge\'s',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge',
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `user_id` String COMMENT 'End user, empty if none was named',
    `key_id` LowCardinality(String) COMMENT 'Public id of the gateway key, never the key',
    `session_id` String COMMENT 'Session (agent run)',
    `session_name` LowCardinality(String) COMMENT 'Name of the session',
    `session_path` LowCardinality(String) COMMENT 'Step within the session, as /plan/search',
    `prompt_id` LowCardinality(String) COMMENT 'Groups calls by prompt',
    `prompt_version` LowCardinality(String) COMMENT 'Version of the prompt',
    `properties` Map(LowCardinality(String), String) COMMENT 'Custom properties by name in lower case',
    `property_names` Array(LowCardinality(String)) COMMENT 'Names of the properties as sent, in the order of the map',
    `method` LowCardinality(String) COMMENT 'HTTP method',
    `path` String COMMENT 'Path as called, without its query string',
    `endpoint` LowCardinality(String) COMMENT 'API operation, as chat/completions or messages',
    `model_requested` LowCardinality(String) COMMENT 'Model as the caller asked for it',
    `stream` Bool COMMENT 'Whether the answer was asked for as a stream',
    `request_bytes` Nullable(UInt64) COMMENT 'Length of the request\'s body, NULL if the caller did not say'
)
AS SELECT
    request_id,
    received_at,
    project,
    user_id,
    key_id,
    session_id,
    session_name,
    session_path,
    prompt_id,
    prompt_version,
    properties,
    property_names,
    method,
    path,
    endpoint,
    model_requested,
    stream,
    request_bytes
FROM request_log;

CREATE VIEW restated
(
    `restatement` LowCardinality(String) COMMENT 'Name of the restatement, as given to tallygate replay',
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge',
    `request_id` String COMMENT 'UUID of the call',
    `provider` LowCardinality(String) COMMENT 'Provider that answered',
    `model` LowCardinality(String) COMMENT 'Model that answered, as the provider names it',
    `priced` Bool COMMENT 'False: tokens were used and these prices do not say what they cost',
    `cost_nanos` Nullable(Int64) COMMENT 'Cost by these prices, nano-dollars; NULL exactly if not priced',
    `price_ref` LowCardinality(String) COMMENT 'Price list, its version and the model priced as'
)
AS SELECT
    restatement,
    project,
    received_at,
    request_id,
    provider,
    model,
    priced,
    cost_nanos,
    price_ref
FROM call_restated;

CREATE VIEW scores
(
    `request_id` String COMMENT 'UUID of the call',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge',
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `name` LowCardinality(String) COMMENT 'What was scored',
    `value` Float64 COMMENT 'The score; 1 and 0 for true and false',
    `comment` String COMMENT 'In words',
    `given_at` DateTime64(6, 'UTC') COMMENT 'When it was said',
    `model` LowCardinality(String) COMMENT 'Model that answered',
    `provider` LowCardinality(String) COMMENT 'Provider that answered',
    `user_id` String COMMENT 'End user of the call',
    `prompt_id` LowCardinality(String) COMMENT 'Groups calls by prompt',
    `prompt_version` LowCardinality(String) COMMENT 'Version of the prompt'
)
AS SELECT
    request_id,
    received_at,
    project,
    name,
    value,
    comment,
    given_at,
    model,
    provider,
    user_id,
    prompt_id,
    prompt_version
FROM score_log
FINAL;

CREATE VIEW sessions
(
    `session_id` String COMMENT 'Session (agent run)',
    `project` LowCardinality(String) COMMENT 'Project that the calls belong to',
    `session_name` LowCardinality(String) COMMENT 'Name of the session, as one of its calls tells it',
    `user_ids` Array(String) COMMENT 'End users, at most ten',
    `models` Array(String) COMMENT 'Models that answered, at most ten',
    `first_at` DateTime64(6, 'UTC') COMMENT 'When the first request arrived at the edge',
    `last_at` DateTime64(6, 'UTC') COMMENT 'When the last call ended',
    `steps` UInt64 COMMENT 'Different session paths',
    `requests` UInt64 COMMENT 'Calls',
    `errors` UInt64 COMMENT 'Calls that failed or were refused',
    `unpriced` UInt64 COMMENT 'Calls whose cost is not known',
    `cost_nanos` Nullable(Int64) COMMENT 'Cost of the priced calls, nano-dollars',
    `input_tokens` UInt64 COMMENT 'All input tokens, cached, written to a cache and audio included',
    `output_tokens` UInt64 COMMENT 'All output tokens, reasoning and audio included',
    `latency_us` UInt64 COMMENT 'Sum of the calls\' latencies, microseconds'
)
AS SELECT
    session_id,
    project,
    anyLast(call_log.session_name) AS session_name,
    groupUniqArrayIf(10)(user_id, user_id != '') AS user_ids,
    groupUniqArrayIf(10)(model, model != '') AS models,
    min(received_at) AS first_at,
    max(ended_at) AS last_at,
    uniqExact(session_path) AS steps,
    count() AS requests,
    countIf(outcome NOT IN ('ok', 'cache_hit')) AS errors,
    countIf(NOT priced) AS unpriced,
    sum(call_log.cost_nanos) AS cost_nanos,
    sum(call_log.input_tokens) AS input_tokens,
    sum(call_log.output_tokens) AS output_tokens,
    sum(call_log.latency_us) AS latency_us
FROM call_log
WHERE session_id != ''
GROUP BY
    project,
    session_id;

CREATE VIEW unanswered
(
    `request_id` String COMMENT 'UUID of the call: the client\'s own, or the edge\'s',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge',
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `user_id` String COMMENT 'End user, empty if none was named',
    `key_id` LowCardinality(String) COMMENT 'Public id of the gateway key, never the key',
    `session_id` String COMMENT 'Session (agent run)',
    `session_name` LowCardinality(String) COMMENT 'Name of the session',
    `session_path` LowCardinality(String) COMMENT 'Step within the session, as /plan/search',
    `prompt_id` LowCardinality(String) COMMENT 'Groups calls by prompt',
    `prompt_version` LowCardinality(String) COMMENT 'Version of the prompt',
    `properties` Map(LowCardinality(String), String) COMMENT 'Custom properties by name in lower case',
    `property_names` Array(LowCardinality(String)) COMMENT 'Names of the properties as sent, in the order of the map',
    `method` LowCardinality(String) COMMENT 'HTTP method',
    `path` String COMMENT 'Path as called, without its query string',
    `endpoint` LowCardinality(String) COMMENT 'API operation, as chat/completions or messages',
    `model_requested` LowCardinality(String) COMMENT 'Model as the caller asked for it',
    `stream` Bool COMMENT 'Whether the answer was asked for as a stream',
    `request_bytes` Nullable(UInt64) COMMENT 'Length of the request\'s body, NULL if the caller did not say',
    `age_s` Int64 COMMENT 'Seconds since the call arrived'
)
AS SELECT
    request_log.request_id AS request_id,
    request_log.received_at AS received_at,
    request_log.project AS project,
    request_log.user_id AS user_id,
    request_log.key_id AS key_id,
    request_log.session_id AS session_id,
    request_log.session_name AS session_name,
    request_log.session_path AS session_path,
    request_log.prompt_id AS prompt_id,
    request_log.prompt_version AS prompt_version,
    request_log.properties AS properties,
    request_log.property_names AS property_names,
    request_log.method AS method,
    request_log.path AS path,
    request_log.endpoint AS endpoint,
    request_log.model_requested AS model_requested,
    request_log.stream AS stream,
    request_log.request_bytes AS request_bytes,
    dateDiff('second', request_log.received_at, now64(6, 'UTC')) AS age_s
FROM request_log
ANTI LEFT JOIN
(
    SELECT
        project,
        request_id
    FROM call_log
    WHERE received_at >= (
        SELECT min(received_at)
        FROM request_log
    )
) AS ended ON (request_log.project = ended.project) AND (request_log.request_id = ended.request_id);

CREATE VIEW usage_daily
(
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `day` DateTime('UTC') COMMENT 'Day in which the calls arrived, UTC',
    `user_id` String COMMENT 'End user, empty if none was named',
    `provider` LowCardinality(String) COMMENT 'Provider that answered',
    `model` LowCardinality(String) COMMENT 'Model that answered, as the provider names it',
    `outcome` LowCardinality(String) COMMENT 'ok, provider_error, timeout, client_cancelled, rejected or cache_hit',
    `requests` UInt64 COMMENT 'Calls',
    `errors` UInt64 COMMENT 'Calls that failed or were refused',
    `unpriced` UInt64 COMMENT 'Calls whose cost is not known',
    `cost_nanos` Nullable(Int64) COMMENT 'Cost of the priced calls, nano-dollars',
    `input_cost_nanos` Nullable(Int64) COMMENT 'Input\'s share of the cost, nano-dollars',
    `output_cost_nanos` Nullable(Int64) COMMENT 'Output\'s share of the cost, nano-dollars',
    `input_tokens` UInt64 COMMENT 'All input tokens, cached, written to a cache and audio included',
    `output_tokens` UInt64 COMMENT 'All output tokens, reasoning and audio included',
    `cached_input_tokens` UInt64 COMMENT 'Input tokens read from the provider\'s cache',
    `cache_write_tokens` UInt64 COMMENT 'Input tokens written to the provider\'s cache',
    `reasoning_tokens` UInt64 COMMENT 'Output tokens spent on reasoning',
    `input_audio_tokens` UInt64 COMMENT 'Input tokens of audio',
    `output_audio_tokens` UInt64 COMMENT 'Output tokens of audio',
    `latency_us` UInt64 COMMENT 'Sum of the calls\' latencies, microseconds',
    `latency_us_max` UInt64 COMMENT 'The longest latency, microseconds'
)
AS SELECT
    project,
    toStartOfDay(received_at) AS day,
    user_id,
    provider,
    model,
    outcome,
    count() AS requests,
    if((outcome IN ('ok', 'cache_hit')), 0, count()) AS errors,
    countIf(NOT priced) AS unpriced,
    sum(call_log.cost_nanos) AS cost_nanos,
    sum(call_log.input_cost_nanos) AS input_cost_nanos,
    sum(call_log.output_cost_nanos) AS output_cost_nanos,
    sum(call_log.input_tokens) AS input_tokens,
    sum(call_log.output_tokens) AS output_tokens,
    sum(call_log.cached_input_tokens) AS cached_input_tokens,
    sum(call_log.cache_write_tokens) AS cache_write_tokens,
    sum(call_log.reasoning_tokens) AS reasoning_tokens,
    sum(call_log.input_audio_tokens) AS input_audio_tokens,
    sum(call_log.output_audio_tokens) AS output_audio_tokens,
    sum(call_log.latency_us) AS latency_us,
    max(call_log.latency_us) AS latency_us_max
FROM call_log
GROUP BY
    project,
    toStartOfDay(received_at),
    user_id,
    provider,
    model,
    outcome;

CREATE VIEW usage_hourly
(
    `project` LowCardinality(String) COMMENT 'Project that the call belongs to',
    `hour` DateTime('UTC') COMMENT 'Hour in which the calls arrived, UTC',
    `provider` LowCardinality(String) COMMENT 'Provider that answered',
    `model` LowCardinality(String) COMMENT 'Model that answered, as the provider names it',
    `key_id` LowCardinality(String) COMMENT 'Public id of the gateway key, never the key',
    `endpoint` LowCardinality(String) COMMENT 'API operation, as chat/completions or messages',
    `outcome` LowCardinality(String) COMMENT 'ok, provider_error, timeout, client_cancelled, rejected or cache_hit',
    `requests` UInt64 COMMENT 'Calls',
    `errors` UInt64 COMMENT 'Calls that failed or were refused',
    `unpriced` UInt64 COMMENT 'Calls whose cost is not known',
    `cost_nanos` Nullable(Int64) COMMENT 'Cost of the priced calls, nano-dollars',
    `input_cost_nanos` Nullable(Int64) COMMENT 'Input\'s share of the cost, nano-dollars',
    `output_cost_nanos` Nullable(Int64) COMMENT 'Output\'s share of the cost, nano-dollars',
    `input_tokens` UInt64 COMMENT 'All input tokens, cached, written to a cache and audio included',
    `output_tokens` UInt64 COMMENT 'All output tokens, reasoning and audio included',
    `cached_input_tokens` UInt64 COMMENT 'Input tokens read from the provider\'s cache',
    `cache_write_tokens` UInt64 COMMENT 'Input tokens written to the provider\'s cache',
    `reasoning_tokens` UInt64 COMMENT 'Output tokens spent on reasoning',
    `input_audio_tokens` UInt64 COMMENT 'Input tokens of audio',
    `output_audio_tokens` UInt64 COMMENT 'Output tokens of audio',
    `latency_us` UInt64 COMMENT 'Sum of the calls\' latencies, microseconds',
    `latency_us_max` UInt64 COMMENT 'The longest latency, microseconds'
)
AS SELECT
    project,
    toStartOfHour(received_at) AS hour,
    provider,
    model,
    key_id,
    endpoint,
    outcome,
    count() AS requests,
    if((outcome IN ('ok', 'cache_hit')), 0, count()) AS errors,
    countIf(NOT priced) AS unpriced,
    sum(call_log.cost_nanos) AS cost_nanos,
    sum(call_log.input_cost_nanos) AS input_cost_nanos,
    sum(call_log.output_cost_nanos) AS output_cost_nanos,
    sum(call_log.input_tokens) AS input_tokens,
    sum(call_log.output_tokens) AS output_tokens,
    sum(call_log.cached_input_tokens) AS cached_input_tokens,
    sum(call_log.cache_write_tokens) AS cache_write_tokens,
    sum(call_log.reasoning_tokens) AS reasoning_tokens,
    sum(call_log.input_audio_tokens) AS input_audio_tokens,
    sum(call_log.output_audio_tokens) AS output_audio_tokens,
    sum(call_log.latency_us) AS latency_us,
    max(call_log.latency_us) AS latency_us_max
FROM call_log
GROUP BY
    project,
    toStartOfHour(received_at),
    provider,
    model,
    key_id,
    endpoint,
    outcome;
