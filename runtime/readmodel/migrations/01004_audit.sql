-- +goose Up

-- The audit log: a chain of entries per tenant (package audit). Rows are added and never changed: nobody who may write may change or take away
-- what is written. Whoever owns the tables could lift that, and the chain, with what of it was exported, would show it.

CREATE TABLE audit_entries (
    tenant  text COLLATE "C" NOT NULL,
    n       bigint           NOT NULL CHECK (n > 0),
    at_ms   bigint           NOT NULL,
    kind    text             NOT NULL,
    -- actor and subject are pseudonyms, empty where there is none.
    actor   text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    -- details is a JSON object of strings, as it was hashed.
    details text             NOT NULL,
    -- source names what the entry was made from, so that it is made once.
    source  text COLLATE "C" NOT NULL,
    prev    bytea            NOT NULL,
    hash    bytea            NOT NULL,
    PRIMARY KEY (tenant, n),
    UNIQUE (tenant, source)
);

CREATE INDEX audit_entries_subject ON audit_entries (tenant, subject, n);

-- The end of each tenant's chain. Whoever appends locks the row, so a chain has one writer at a time and never forks.
CREATE TABLE audit_heads (
    tenant text COLLATE "C" PRIMARY KEY,
    n      bigint NOT NULL,
    hash   bytea  NOT NULL
) WITH (fillfactor = 70);

-- What pseudonyms are made with. A user's erasure deletes the row: nothing else says whom a pseudonym stands for.
CREATE TABLE audit_keys (
    tenant  text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    key     bytea            NOT NULL,
    PRIMARY KEY (tenant, user_id)
);

-- +goose StatementBegin
CREATE FUNCTION audit_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are never changed or removed' USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

CREATE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_stay();
