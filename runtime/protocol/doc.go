// Package protocol is the wire between clients and gateways: the frames of the WebSocket subprotocol chat.v1, the error
// codes, the close codes and the limits. It is the one place that knows them.
//
// A frame is one JSON object in one text message; its "type" says which. Unknown fields are ignored, an unknown type is
// answered with an error frame. The package holds no state and starts nothing; its functions are safe for concurrent use.
//
// A client sends in order and may send without waiting. After a retryable error for a conversation the gateway refuses
// every later send of that conversation until the first refused one comes again: the client goes back to it and sends on
// from there, so that what one device sends stays in its order.
package protocol
