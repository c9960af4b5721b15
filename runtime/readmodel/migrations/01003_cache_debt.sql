-- +goose Up

-- At most one row: the inbox's cache was not told of something, and must forget all that it has. No generation comes twice, so that a debt
-- that is paid is told from one that came meanwhile.
CREATE SEQUENCE cache_debts;

CREATE TABLE cache_debt (
    one        boolean PRIMARY KEY CHECK (one),
    generation bigint NOT NULL
);
