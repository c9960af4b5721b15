// Package fault is how the operator's errors say what kind of failure they are: whether only a person can mend it, which
// reason a condition gets, and a message that stays the same from one retry to the next.
//
// A message is for a condition: it holds no request ids and no ephemeral ports, or each retry would rewrite the status. It
// never holds a secret, because it is made from what services answer and never from what they are sent. The original
// error can still be unwrapped, for logs.
package fault
