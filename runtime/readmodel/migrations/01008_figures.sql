-- +goose Up

-- Figures that processes measure and no log holds (topic figures): how soon devices have messages, and how platforms answer pushes.

-- Which records of a process are counted, so that none is counted twice: every one up to head; beyond holds first and last of each range beyond a
-- gap. last_at is the newest minute of any. A source of long ago is forgotten, and records as old are not counted.
CREATE TABLE analytics_sources (
    tenant  text COLLATE "C" NOT NULL,
    source  text COLLATE "C" NOT NULL,
    head    bigint           NOT NULL,
    beyond  bigint[]         NOT NULL,
    last_at timestamptz      NOT NULL,
    PRIMARY KEY (tenant, source)
) WITH (fillfactor = 80);

CREATE INDEX analytics_sources_by_time ON analytics_sources (last_at);

-- delivery_latency is a DDSketch in milliseconds, like read_latency; deliveries is how many it holds.
ALTER TABLE analytics_rollups
    ADD COLUMN deliveries       bigint NOT NULL DEFAULT 0,
    ADD COLUMN delivery_p50_ms  double precision,
    ADD COLUMN delivery_p90_ms  double precision,
    ADD COLUMN delivery_p99_ms  double precision,
    ADD COLUMN delivery_latency bytea;

CREATE TABLE analytics_pushes (
    tenant  text COLLATE "C" NOT NULL,
    step    text             NOT NULL CHECK (step IN ('minute', 'hour', 'day')),
    start   timestamptz      NOT NULL,
    channel text COLLATE "C" NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    pushes  bigint           NOT NULL,
    PRIMARY KEY (tenant, step, start, channel, outcome)
);

CREATE INDEX analytics_pushes_by_time ON analytics_pushes (step, start);
