package readmodel

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATE codes and classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	codeUndefinedTable   = "42P01"
	codeLockNotAvailable = "55P03"
	codeReadOnly         = "25006"
	codeCannotConnectNow = "57P03"
	codeTooManyConns     = "53300"
	codeDeadlock         = "40P01"

	classData        = "22"
	classConstraint  = "23"
	classConnection  = "08"
	classInvalidAuth = "28"
)

func sqlState(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	return ""
}

// refusesContent says whether the database refuses what it was given, now and whenever it is given again.
func refusesContent(err error) bool {
	state := sqlState(err)
	return strings.HasPrefix(state, classData) || strings.HasPrefix(state, classConstraint)
}

// sqlWords is the database's own account of err, without the parts that can hold a row's content.
func sqlWords(err error) string {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err.Error()
	}
	words := fmt.Sprintf("%s: %s (SQLSTATE %s)", strings.ToLower(pgErr.Severity), pgErr.Message, pgErr.Code)
	if pgErr.Hint != "" {
		words += "; hint: " + pgErr.Hint
	}
	return words
}
