-- +goose Up

-- Ids compare by their bytes: the order never depends on a library's collation, and indexes survive its upgrades.

CREATE TABLE conversations (
    tenant       text COLLATE "C" NOT NULL,
    conversation text COLLATE "C" NOT NULL,
    kind         text             NOT NULL,
    title        text             NOT NULL,
    -- head is the last seq that is applied, count the countable messages up to it.
    head         bigint           NOT NULL,
    count        bigint           NOT NULL,
    -- The last countable message, or the conversation's first entry where there is none yet.
    last_seq     bigint           NOT NULL,
    last_at_ms   bigint           NOT NULL,
    last_sender  text             NOT NULL,
    last_preview text             NOT NULL,
    PRIMARY KEY (tenant, conversation)
) WITH (fillfactor = 80);

-- A user's place in a conversation; the key is the inbox's.
CREATE TABLE members (
    tenant       text COLLATE "C" NOT NULL,
    user_id      text COLLATE "C" NOT NULL,
    conversation text COLLATE "C" NOT NULL,
    role         text             NOT NULL,
    -- peer is the other user of a direct conversation.
    peer         text             NOT NULL,
    -- joined is 0 while only a read mark has come, left_seq while the user is a member.
    joined       bigint           NOT NULL,
    joined_at_ms bigint           NOT NULL,
    left_seq     bigint           NOT NULL,
    -- left_title is the conversation's title when the user left: later ones are not the user's to see.
    left_title   text             NOT NULL,
    -- changed is the seq of the last entry that changed the membership.
    changed      bigint           NOT NULL,
    read_seq     bigint           NOT NULL,
    PRIMARY KEY (tenant, user_id, conversation)
) WITH (fillfactor = 80);

-- Every entry of every log. The columns are for queries, entry is the whole of it.
CREATE TABLE messages (
    tenant        text COLLATE "C" NOT NULL,
    conversation  text COLLATE "C" NOT NULL,
    seq           bigint           NOT NULL,
    kind          text             NOT NULL,
    sender        text             NOT NULL,
    client_msg_id text             NOT NULL,
    at            timestamptz      NOT NULL,
    count         bigint           NOT NULL,
    entry         bytea            NOT NULL,
    PRIMARY KEY (tenant, conversation, seq)
);

-- A row for each conversation whose tail mark in the store is behind what is applied here.
CREATE TABLE tails (
    tenant       text COLLATE "C" NOT NULL,
    conversation text COLLATE "C" NOT NULL,
    head         bigint           NOT NULL,
    count        bigint           NOT NULL,
    due_at       timestamptz      NOT NULL,
    PRIMARY KEY (tenant, conversation)
) WITH (fillfactor = 70);

CREATE INDEX tails_due ON tails (due_at);

-- Conversations that a record stopped, and the records that wait behind it.
CREATE TABLE parked_conversations (
    tenant       text COLLATE "C" NOT NULL,
    conversation text COLLATE "C" NOT NULL,
    reason       text             NOT NULL,
    parked_at    timestamptz      NOT NULL,
    attempts     integer          NOT NULL,
    retry_at     timestamptz      NOT NULL,
    PRIMARY KEY (tenant, conversation)
);

CREATE INDEX parked_conversations_retry ON parked_conversations (retry_at);

CREATE TABLE parked_records (
    tenant       text COLLATE "C" NOT NULL,
    conversation text COLLATE "C" NOT NULL,
    first_seq    bigint           NOT NULL,
    batch_id     bytea            NOT NULL,
    kind         text             NOT NULL,
    batch        bytea            NOT NULL,
    PRIMARY KEY (tenant, conversation, first_seq, batch_id)
);
