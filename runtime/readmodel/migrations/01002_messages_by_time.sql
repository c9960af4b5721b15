-- +goose Up

-- Entries by the month in which they were committed (UTC), so that what has outlived its retention goes at once. chatd project makes the
-- months ahead. A database that has 01001 keeps what it has: its rows move.

ALTER TABLE messages RENAME TO messages_unparted;
ALTER INDEX messages_pkey RENAME TO messages_unparted_pkey;

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
    PRIMARY KEY (tenant, conversation, seq, at)
) PARTITION BY RANGE (at);

-- What belongs to no month that is there: rows in it are an alarm.
CREATE TABLE messages_default PARTITION OF messages DEFAULT;

-- +goose StatementBegin
DO $$
DECLARE
    month timestamp;
    this  timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
BEGIN
    FOR month IN
        SELECT this + n * interval '1 month' FROM generate_series(0, 3) AS n
        UNION SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC') FROM messages_unparted WHERE at < (this AT TIME ZONE 'UTC')
    LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF messages FOR VALUES FROM (%L) TO (%L)',
            'messages_p' || to_char(month, 'YYYYMM'), month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
    END LOOP;
END $$;
-- +goose StatementEnd

INSERT INTO messages SELECT * FROM messages_unparted;
DROP TABLE messages_unparted;
