// Command chatd is the data plane: one static binary, one image, a subcommand per role.
//
// It is the only composition root. Each role's file builds what the role needs from the configuration, starts it under one
// errgroup, serves probes and metrics beside it, and, on SIGTERM or SIGINT, ends it in the order that loses nothing. Role
// packages read no environment and hold no globals; what they log goes to the slog.Logger that they are given.
//
// Exit codes are stable: 0 for a clean end; 1 for a failure that the log explains, and where check or audit verify found something wrong;
// 2 for a wrong command line. Answers are printed by package output: a table, or JSON and YAML whose names stay.
package main
