-- +goose Up

-- What must not be removed for now: of a tenant, or of one user where user_id is not empty. A release deletes the row.
CREATE TABLE legal_holds (
    tenant    text COLLATE "C" NOT NULL,
    name      text COLLATE "C" NOT NULL,
    user_id   text COLLATE "C" NOT NULL,
    reason    text             NOT NULL,
    placed_by text             NOT NULL,
    placed_at timestamptz      NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- Erasures of users, those that are under way and those that are done. The report is what package erase makes of it.
CREATE TABLE erasures (
    tenant     text COLLATE "C" NOT NULL,
    user_id    text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    begun_at   timestamptz      NOT NULL,
    done       boolean          NOT NULL,
    report     jsonb            NOT NULL,
    PRIMARY KEY (tenant, user_id, id)
);
