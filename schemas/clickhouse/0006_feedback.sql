-- What people and programs say of calls. It comes from the API and not from the log, so a replay leaves it alone.
-- The last word counts: rows of one key are one word, given again.
CREATE TABLE IF NOT EXISTS feedback_log
(
    project LowCardinality(String) COMMENT 'Project that the call belongs to',
    received_at DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge' CODEC(Delta(8), ZSTD(1)),
    request_id String COMMENT 'UUID of the call' CODEC(ZSTD(1)),
    given_by String COMMENT 'Who says so, empty if that was not told' CODEC(ZSTD(1)),
    rating Int8 COMMENT '1 for good, -1 for bad, 0 if it was taken back',
    comment String COMMENT 'In words' CODEC(ZSTD(1)),
    given_at DateTime64(6, 'UTC') COMMENT 'When it was said' CODEC(Delta(8), ZSTD(1)),
    model LowCardinality(String) COMMENT 'Model that answered',
    provider LowCardinality(String) COMMENT 'Provider that answered',
    user_id String COMMENT 'End user of the call' CODEC(ZSTD(1)),
    prompt_id LowCardinality(String) COMMENT 'Groups calls by prompt',
    prompt_version LowCardinality(String) COMMENT 'Version of the prompt'
)
ENGINE = ReplacingMergeTree(given_at)
ORDER BY (project, received_at, request_id, given_by);

CREATE TABLE IF NOT EXISTS score_log
(
    project LowCardinality(String) COMMENT 'Project that the call belongs to',
    received_at DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge' CODEC(Delta(8), ZSTD(1)),
    request_id String COMMENT 'UUID of the call' CODEC(ZSTD(1)),
    name LowCardinality(String) COMMENT 'What was scored',
    value Float64 COMMENT 'The score; 1 and 0 for true and false',
    comment String COMMENT 'In words' CODEC(ZSTD(1)),
    given_at DateTime64(6, 'UTC') COMMENT 'When it was said' CODEC(Delta(8), ZSTD(1)),
    model LowCardinality(String) COMMENT 'Model that answered',
    provider LowCardinality(String) COMMENT 'Provider that answered',
    user_id String COMMENT 'End user of the call' CODEC(ZSTD(1)),
    prompt_id LowCardinality(String) COMMENT 'Groups calls by prompt',
    prompt_version LowCardinality(String) COMMENT 'Version of the prompt'
)
ENGINE = ReplacingMergeTree(given_at)
ORDER BY (project, received_at, request_id, name);

-- FINAL leaves the last row of each key, whether or not parts have been merged.
CREATE OR REPLACE VIEW feedback
(
    request_id String COMMENT 'UUID of the call',
    received_at DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge',
    project LowCardinality(String) COMMENT 'Project that the call belongs to',
    given_by String COMMENT 'Who says so, empty if that was not told',
    rating Int8 COMMENT '1 for good, -1 for bad, 0 if it was taken back',
    comment String COMMENT 'In words',
    given_at DateTime64(6, 'UTC') COMMENT 'When it was said',
    model LowCardinality(String) COMMENT 'Model that answered',
    provider LowCardinality(String) COMMENT 'Provider that answered',
    user_id String COMMENT 'End user of the call',
    prompt_id LowCardinality(String) COMMENT 'Groups calls by prompt',
    prompt_version LowCardinality(String) COMMENT 'Version of the prompt'
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
FROM feedback_log FINAL;

CREATE OR REPLACE VIEW scores
(
    request_id String COMMENT 'UUID of the call',
    received_at DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge',
    project LowCardinality(String) COMMENT 'Project that the call belongs to',
    name LowCardinality(String) COMMENT 'What was scored',
    value Float64 COMMENT 'The score; 1 and 0 for true and false',
    comment String COMMENT 'In words',
    given_at DateTime64(6, 'UTC') COMMENT 'When it was said',
    model LowCardinality(String) COMMENT 'Model that answered',
    provider LowCardinality(String) COMMENT 'Provider that answered',
    user_id String COMMENT 'End user of the call',
    prompt_id LowCardinality(String) COMMENT 'Groups calls by prompt',
    prompt_version LowCardinality(String) COMMENT 'Version of the prompt'
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
FROM score_log FINAL;
