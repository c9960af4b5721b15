// Package client is the Go client of ChatCluster: a connection that comes back by itself, an outbox that keeps order and sends
// nothing twice, and entries in order, each once. The terminal client, the checker and the load generator are built on it.
//
// # Use
//
// A client is one device of one user. What comes in goes to handlers; what goes out is acknowledged when it is durable:
//
//	c, err := client.Dial(ctx, client.Options{
//		URL:    "wss://chat.example",
//		Token:  func(ctx context.Context) (string, error) { return signIn(ctx) }, // asked again before it expires
//		Device: "phone-1",
//		OnEntries: func(conversation string, entries []protocol.Entry) {
//			for _, e := range entries {
//				if e.Kind == protocol.KindMessage {
//					show(conversation, e.Sender, e.Body)
//				}
//			}
//		},
//	})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	direct, err := c.CreateDirect(ctx, "bob")
//	if err != nil {
//		return err
//	}
//	ack, err := c.Send(ctx, direct.ID, "hello")
//	if errors.Is(err, &client.Error{Code: protocol.CodeMuted}) {
//		return errors.New("a moderator has muted you")
//	}
//
// The examples show this as a whole program, a client that remembers what it has seen (State), and what to do about errors; tests run
// them against a gateway.
//
// # Errors
//
//   - *Error: the server refused, and says why by a protocol.Code. errors.Is compares the code with that of another *Error.
//   - *CloseError: the gateway ended the connection for good, as for a device that connected elsewhere or was revoked. Err returns it, and
//     everything that is called or waits.
//   - ErrClosed: Close was called. A message without an answer may have been accepted or not.
//   - ErrOutboxFull: MaxPending messages have no answer yet.
//   - ErrOffline: the call needs a connection now; there is none, or it ended before the answer.
//   - The context's error: the caller stopped waiting. What is in the outbox goes on.
//
// What may succeed later the client repeats itself where it is a send; for the rest, Temporary tells.
//
// # Concurrency
//
// All methods of Client are safe for concurrent use. The handlers are called from one goroutine, one at a time: a slow handler
// delays what follows, and one that is slower than the gateway's patience costs a reconnect, never an entry.
//
// # Lifecycle
//
// Dial returns when the gateway has welcomed the client, or has refused it for good. From then on the client reconnects, with full
// jitter, as the close codes and drain hints say, until Close is called or a close code says to give up; Done and Err tell.
// Goroutines: one supervises and reads, one writes, one calls the handlers. Close waits for all of them.
//
// # Invariants
//
//   - A message keeps its client_msg_id and after_seq from its first attempt on, so that every retry is recognized.
//   - Messages of a conversation are on the wire in the order of their Send. After a retryable error the client goes back to the
//     refused one and sends on from there; after a reconnect it goes back to the first without an answer.
//   - Entries reach the handler in order of seq and once, as long as State remembers. One that is missing between two is fetched
//     from the history first; what the history does not show either is not this user's to see.
//   - Edits, deletions and reactions go through the outbox like messages. Typing, watches and pages belong to the connection: they are
//     not sent later, but that who is watched is told again.
//   - The delivered mark is confirmed after the handler has returned.
package client
