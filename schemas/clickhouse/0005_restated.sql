-- Calls priced by other prices than those that were in force: one row per call and restatement.
CREATE TABLE IF NOT EXISTS call_restated
(
    restatement LowCardinality(String) COMMENT 'Name of the restatement',
    project LowCardinality(String) COMMENT 'Project that the call belongs to',
    received_at DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge' CODEC(Delta(8), ZSTD(1)),
    request_id String COMMENT 'UUID of the call' CODEC(ZSTD(1)),
    provider LowCardinality(String) COMMENT 'Provider that answered',
    model LowCardinality(String) COMMENT 'Model that answered, as the provider names it',
    priced Bool COMMENT 'False: tokens were used and these prices do not say what they cost',
    cost_nanos Nullable(Int64) COMMENT 'Cost by these prices, nano-dollars; NULL exactly if not priced' CODEC(ZSTD(1)),
    price_ref LowCardinality(String) COMMENT 'Price list, its version and the model priced as',
    source_partition UInt32 COMMENT 'Partition of the log that the event came from',
    source_offset UInt64 COMMENT 'Offset in that partition' CODEC(Delta(8), ZSTD(1)),
    origin_edge LowCardinality(String) COMMENT 'Edge whose outbox wrote the event',
    origin_seq UInt64 COMMENT 'The event''s number in that outbox' CODEC(Delta(8), ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY restatement
ORDER BY (project, received_at, request_id);

-- The same for queries: joined with `calls` it tells what each call would have cost.
CREATE OR REPLACE VIEW restated
(
    restatement LowCardinality(String) COMMENT 'Name of the restatement, as given to tallygate replay',
    project LowCardinality(String) COMMENT 'Project that the call belongs to',
    received_at DateTime64(6, 'UTC') COMMENT 'When the request arrived at the edge',
    request_id String COMMENT 'UUID of the call',
    provider LowCardinality(String) COMMENT 'Provider that answered',
    model LowCardinality(String) COMMENT 'Model that answered, as the provider names it',
    priced Bool COMMENT 'False: tokens were used and these prices do not say what they cost',
    cost_nanos Nullable(Int64) COMMENT 'Cost by these prices, nano-dollars; NULL exactly if not priced',
    price_ref LowCardinality(String) COMMENT 'Price list, its version and the model priced as'
)
AS SELECT restatement, project, received_at, request_id, provider, model, priced, cost_nanos, price_ref
FROM call_restated;
