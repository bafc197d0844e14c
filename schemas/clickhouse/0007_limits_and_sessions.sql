-- One row per call of which something is known of limits: headers of a provider, a throttled try, or a refusal
-- by the gateway's own limits. OpenAI's and Anthropic's names of the headers are read alike.
CREATE OR REPLACE VIEW rate_limits
(
    request_id String COMMENT 'UUID of the call: the client''s own, or the edge''s',
    received_at DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge',
    project LowCardinality(String) COMMENT 'Project that the call belongs to',
    provider LowCardinality(String) COMMENT 'Provider that answered',
    model LowCardinality(String) COMMENT 'Model that answered, as the provider names it',
    key_id LowCardinality(String) COMMENT 'Public id of the gateway key, never the key',
    user_id String COMMENT 'End user, empty if none was named',
    status UInt16 COMMENT 'HTTP status sent to the caller; 499 if the caller left first',
    throttled UInt64 COMMENT 'Tries that a provider answered with 429',
    throttled_by Array(LowCardinality(String)) COMMENT 'The providers of those tries',
    refused Bool COMMENT 'Whether the gateway''s own limits refused the call',
    limit_requests Nullable(UInt64) COMMENT 'Requests that the provider lets through in its window',
    remaining_requests Nullable(UInt64) COMMENT 'Requests that are left in it',
    limit_tokens Nullable(UInt64) COMMENT 'Tokens that the provider lets through in its window',
    remaining_tokens Nullable(UInt64) COMMENT 'Tokens that are left in it',
    reset_requests String COMMENT 'When requests are full again: a duration (OpenAI) or a time (Anthropic)',
    reset_tokens String COMMENT 'When tokens are full again: a duration (OpenAI) or a time (Anthropic)',
    retry_after String COMMENT 'The provider''s retry-after, seconds or a date'
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
    arrayFilter((name, code) -> code = 429, attempt.provider, attempt.status) AS throttled_by,
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

-- One row per session (agent run).
CREATE OR REPLACE VIEW sessions
(
    session_id String COMMENT 'Session (agent run)',
    project LowCardinality(String) COMMENT 'Project that the calls belong to',
    session_name LowCardinality(String) COMMENT 'Name of the session, as one of its calls tells it',
    user_ids Array(String) COMMENT 'End users, at most ten',
    models Array(String) COMMENT 'Models that answered, at most ten',
    first_at DateTime64(6, 'UTC') COMMENT 'When the first request arrived at the edge',
    last_at DateTime64(6, 'UTC') COMMENT 'When the last call ended',
    steps UInt64 COMMENT 'Different session paths',
    requests UInt64 COMMENT 'Calls',
    errors UInt64 COMMENT 'Calls that failed or were refused',
    unpriced UInt64 COMMENT 'Calls whose cost is not known',
    cost_nanos Nullable(Int64) COMMENT 'Cost of the priced calls, nano-dollars',
    input_tokens UInt64 COMMENT 'All input tokens, cached, written to a cache and audio included',
    output_tokens UInt64 COMMENT 'All output tokens, reasoning and audio included',
    latency_us UInt64 COMMENT 'Sum of the calls'' latencies, microseconds'
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
GROUP BY project, session_id;
