package gateway

import "github.com/chatcluster/chatcluster/runtime/protocol"

// maxVain is how often a client may come with the same again without the one that the gate waits for.
const maxVain = 2

// gate holds back what follows a send that was refused and is to come again. conn.mu guards it.
type gate struct {
	// id is the refused client_msg_id, empty while the gate is open. What else comes is refused with the same code.
	id      string
	code    protocol.Code
	retryMS uint32
	// held counts what was refused because of id. known is one of those, and vain how often one that was known came again.
	held  uint64
	known string
	vain  int
}

func (g *gate) shut(id string, code protocol.Code, retryMS uint32) {
	if retryMS == 0 {
		retryMS = defaultRetryMS
	}
	*g = gate{id: id, code: code, retryMS: retryMS}
}

// holds says whether id is held back. The one that is waited for opens the gate.
func (g *gate) holds(id string) bool {
	if g.id == "" || g.id == id {
		*g = gate{}
		return false
	}
	return true
}

// lost notes that id was refused because of the gate, and says whether the client has lost the one that is waited for: it goes round in
// what is behind that, again and again. So do clients that sent it twice and have an ack of the first time. Any of the others may be lost
// in the same way, so another one is known each time that held has doubled: sooner or later one that comes again.
func (g *gate) lost(id string) bool {
	g.held++
	switch {
	case id == g.known:
		g.vain++
	case g.held&(g.held-1) == 0:
		g.known = id
	}
	return g.vain > maxVain
}
