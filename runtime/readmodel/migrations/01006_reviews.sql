-- +goose Up

-- What moderators review: a row for each message that a verdict was given on. It says what the conversation's log says, and follows from that.
CREATE TABLE reviews (
    tenant        text COLLATE "C" NOT NULL,
    conversation  text COLLATE "C" NOT NULL,
    seq           bigint           NOT NULL,
    -- opened_at_ms is when the first verdict was given: it never changes, so pages by it stay what they are.
    opened_at_ms  bigint           NOT NULL,
    -- author is who wrote the message, empty where that is not known any more.
    author        text COLLATE "C" NOT NULL,
    state         text             NOT NULL CHECK (state IN ('open', 'confirmed', 'reverted')),
    -- The verdict that is to be reviewed, or was: who gave it first, and the seq of the entry that says it.
    action        text             NOT NULL,
    processor     text             NOT NULL,
    reason        text             NOT NULL,
    verdict_seq   bigint           NOT NULL,
    body_at       bigint           NOT NULL,
    -- decided_seq is the seq of the decision's entry, 0 while there is none.
    decided_by    text COLLATE "C" NOT NULL,
    decided_seq   bigint           NOT NULL,
    decided_at_ms bigint           NOT NULL,
    PRIMARY KEY (tenant, conversation, seq)
) WITH (fillfactor = 80);

CREATE INDEX reviews_queue ON reviews (tenant, state, opened_at_ms, conversation, seq);
CREATE INDEX reviews_author ON reviews (tenant, author);
CREATE INDEX reviews_decided ON reviews (tenant, decided_by) WHERE decided_by <> '';
CREATE INDEX reviews_opened ON reviews (opened_at_ms);
