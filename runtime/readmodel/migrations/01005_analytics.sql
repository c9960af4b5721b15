-- +goose Up

-- Analytics (package analytics): what is counted of each conversation's log, so that no entry is counted twice, and the rollups.

CREATE TABLE analytics_conversations (
    tenant       text COLLATE "C" NOT NULL,
    conversation text COLLATE "C" NOT NULL,
    -- Every entry up to head is counted; beyond holds first and last seq of each range that is counted beyond a gap.
    head         bigint           NOT NULL,
    beyond       bigint[]         NOT NULL,
    PRIMARY KEY (tenant, conversation)
) WITH (fillfactor = 80);

CREATE TABLE analytics_reads (
    tenant       text COLLATE "C" NOT NULL,
    user_id      text COLLATE "C" NOT NULL,
    conversation text COLLATE "C" NOT NULL,
    read_seq     bigint           NOT NULL,
    PRIMARY KEY (tenant, user_id, conversation)
) WITH (fillfactor = 80);

-- Reads whose messages the read model may not have yet: after from_seq, up to seq, at at_ms.
CREATE TABLE analytics_waiting (
    tenant       text COLLATE "C" NOT NULL,
    conversation text COLLATE "C" NOT NULL,
    user_id      text COLLATE "C" NOT NULL,
    seq          bigint           NOT NULL,
    from_seq     bigint           NOT NULL,
    at_ms        bigint           NOT NULL,
    waits_since  timestamptz      NOT NULL,
    PRIMARY KEY (tenant, conversation, user_id, seq)
);

-- start is the beginning of the minute, hour or day (UTC). Sketches are users and conversations (HyperLogLog) and read_latency (DDSketch, in
-- milliseconds); the columns beside them are what they say.
CREATE TABLE analytics_rollups (
    tenant                text COLLATE "C" NOT NULL,
    step                  text             NOT NULL CHECK (step IN ('minute', 'hour', 'day')),
    start                 timestamptz      NOT NULL,
    messages              bigint           NOT NULL DEFAULT 0,
    edits                 bigint           NOT NULL DEFAULT 0,
    deletions             bigint           NOT NULL DEFAULT 0,
    reactions             bigint           NOT NULL DEFAULT 0,
    conversations_started bigint           NOT NULL DEFAULT 0,
    flagged               bigint           NOT NULL DEFAULT 0,
    masked                bigint           NOT NULL DEFAULT 0,
    hidden                bigint           NOT NULL DEFAULT 0,
    reverted              bigint           NOT NULL DEFAULT 0,
    reads                 bigint           NOT NULL DEFAULT 0,
    active_users          bigint           NOT NULL DEFAULT 0,
    active_conversations  bigint           NOT NULL DEFAULT 0,
    read_p50_ms           double precision,
    read_p90_ms           double precision,
    read_p99_ms           double precision,
    users                 bytea,
    conversations         bytea,
    read_latency          bytea,
    PRIMARY KEY (tenant, step, start)
);

CREATE INDEX analytics_rollups_by_time ON analytics_rollups (step, start);
