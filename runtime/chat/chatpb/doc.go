// Package chatpb is the gRPC service between gateways and chat pods. Both ends are ours and run from the same image, or from
// the one before: fields are only added, and read one release before they are relied on.
package chatpb
