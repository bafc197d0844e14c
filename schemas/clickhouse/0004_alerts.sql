-- What was told of rules: one row per alert. Its one writer asks which ids are there before it inserts.
CREATE TABLE IF NOT EXISTS alert_log
(
    project LowCardinality(String) COMMENT 'Project that the rule belongs to',
    raised_at DateTime64(6, 'UTC') COMMENT 'When it was noticed' CODEC(Delta(8), ZSTD(1)),
    alert_id String COMMENT 'UUID; a resolved alert has one of its own',
    rule_id LowCardinality(String) COMMENT 'Id of the rule',
    name LowCardinality(String) COMMENT 'Name of the rule then',
    state LowCardinality(String) COMMENT 'firing or resolved',
    kind LowCardinality(String) COMMENT 'threshold, projected or anomaly',
    metric LowCardinality(String) COMMENT 'What was measured',
    direction LowCardinality(String) COMMENT 'above or below',
    action LowCardinality(String) COMMENT 'notify, warn or block',
    group_by LowCardinality(String) COMMENT 'What the group is a value of: empty, user, key, model, provider or property.<name>',
    group_value String COMMENT 'The group' CODEC(ZSTD(1)),
    period_start DateTime64(6, 'UTC') COMMENT 'Start of the period, or of the sliding window',
    period_end DateTime64(6, 'UTC') COMMENT 'Its end',
    time_window LowCardinality(String) COMMENT 'hour, day, week or month; of a sliding window its length, as 3600s',
    time_zone LowCardinality(String) COMMENT 'Whose hours, days, weeks and months',
    threshold Int64 COMMENT 'What was crossed, in the metric''s unit: nano-dollars, a number, microseconds or parts per million',
    threshold_percent UInt32 COMMENT 'The same as a part of the limit; of an anomaly, of the baseline',
    limit_value Nullable(Int64) COMMENT 'The rule''s limit; NULL of an anomaly',
    value Int64 COMMENT 'The metric''s value',
    projected Nullable(Int64) COMMENT 'Of projected: the value at the period''s end, if it went on so',
    baseline Nullable(Int64) COMMENT 'Of anomaly: the same hour''s mean over past weeks',
    requests UInt64 COMMENT 'Calls in the window',
    notify Bool COMMENT 'False: the rule was muted, or its ends are not told',
    resolves String COMMENT 'Of a resolved alert, the id of the firing one'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(raised_at)
ORDER BY (project, raised_at, alert_id)
SETTINGS non_replicated_deduplication_window = 0;

-- One row per alert.
CREATE OR REPLACE VIEW alerts
(
    alert_id String COMMENT 'UUID; a resolved alert has one of its own',
    raised_at DateTime64(6, 'UTC') COMMENT 'When it was noticed',
    project LowCardinality(String) COMMENT 'Project that the rule belongs to',
    rule_id LowCardinality(String) COMMENT 'Id of the rule',
    name LowCardinality(String) COMMENT 'Name of the rule then',
    state LowCardinality(String) COMMENT 'firing or resolved',
    kind LowCardinality(String) COMMENT 'threshold, projected or anomaly',
    metric LowCardinality(String) COMMENT 'What was measured',
    direction LowCardinality(String) COMMENT 'above or below',
    action LowCardinality(String) COMMENT 'notify, warn or block',
    group_by LowCardinality(String) COMMENT 'What the group is a value of: empty, user, key, model, provider or property.<name>',
    group_value String COMMENT 'The group',
    period_start DateTime64(6, 'UTC') COMMENT 'Start of the period, or of the sliding window',
    period_end DateTime64(6, 'UTC') COMMENT 'Its end',
    time_window LowCardinality(String) COMMENT 'hour, day, week or month; of a sliding window its length, as 3600s',
    time_zone LowCardinality(String) COMMENT 'Whose hours, days, weeks and months',
    threshold Int64 COMMENT 'What was crossed, in the metric''s unit: nano-dollars, a number, microseconds or parts per million',
    threshold_percent UInt32 COMMENT 'The same as a part of the limit; of an anomaly, of the baseline',
    limit_value Nullable(Int64) COMMENT 'The rule''s limit; NULL of an anomaly',
    value Int64 COMMENT 'The metric''s value',
    projected Nullable(Int64) COMMENT 'Of projected: the value at the period''s end, if it went on so',
    baseline Nullable(Int64) COMMENT 'Of anomaly: the same hour''s mean over past weeks',
    requests UInt64 COMMENT 'Calls in the window',
    notify Bool COMMENT 'False: the rule was muted, or its ends are not told',
    resolves String COMMENT 'Of a resolved alert, the id of the firing one'
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
