package gateway

import "github.com/chatcluster/chatcluster/runtime/chat/chatpb"

// Signal hands a signal on.
func (g *Gateway) Signal(*chatpb.Signal) {}
