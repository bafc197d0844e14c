-- Rollups for what the pages ask of millions of calls. As projections they are in the same part as the calls that
-- they sum up, and can't differ from them.
--
-- They are made when parts are merged, not when they are inserted: an insert of a few calls would spend more on
-- them than on the calls. A part without them is read as it is, so that sums are right at any moment. This takes
-- ClickHouse 26.9.
ALTER TABLE call_log MODIFY SETTING materialize_projections_on_insert = 0, materialize_projections_on_merge = 1;

-- Sums by hour for what the overview shows: fewer rows than `hourly`, and what the cache did.
ALTER TABLE call_log ADD PROJECTION IF NOT EXISTS hourly_calls
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
    GROUP BY project, toStartOfHour(received_at), provider, model, outcome, cache
);

-- Latency by hour, all calls together: a state is large, and merging many of them is what costs.
ALTER TABLE call_log ADD PROJECTION IF NOT EXISTS hourly_latency
(
    SELECT
        project,
        toStartOfHour(received_at),
        count(),
        quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(latency_us),
        quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(ttft_us)
    GROUP BY project, toStartOfHour(received_at)
);

-- Models compared.
ALTER TABLE call_log ADD PROJECTION IF NOT EXISTS daily_models
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
        sumIf(output_tokens, stream AND ttft_us < latency_us),
        sumIf(latency_us - ifNull(ttft_us, 0), stream AND ttft_us < latency_us)
    GROUP BY project, toStartOfDay(received_at), provider, model
);

-- Users compared; `daily_by_user` has them by model, and so four times the rows.
ALTER TABLE call_log ADD PROJECTION IF NOT EXISTS daily_users
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
        sumIf(output_tokens, stream AND ttft_us < latency_us),
        sumIf(latency_us - ifNull(ttft_us, 0), stream AND ttft_us < latency_us)
    GROUP BY project, toStartOfDay(received_at), user_id
);

-- Calls that have the same properties: any one of these is then a sum over few rows.
ALTER TABLE call_log ADD PROJECTION IF NOT EXISTS daily_properties
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
        sumIf(output_tokens, stream AND ttft_us < latency_us),
        sumIf(latency_us - ifNull(ttft_us, 0), stream AND ttft_us < latency_us)
    GROUP BY project, toStartOfDay(received_at), properties, property_names
);

-- Sessions listed.
ALTER TABLE call_log ADD PROJECTION IF NOT EXISTS daily_sessions
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
    GROUP BY project, toStartOfDay(received_at), session_id
);

-- Calls that are there already: in the background. chDB would wait for it, and a start must not.
ALTER TABLE call_log
    MATERIALIZE PROJECTION hourly_calls,
    MATERIALIZE PROJECTION hourly_latency,
    MATERIALIZE PROJECTION daily_models,
    MATERIALIZE PROJECTION daily_users,
    MATERIALIZE PROJECTION daily_properties,
    MATERIALIZE PROJECTION daily_sessions
SETTINGS mutations_sync = 0;
