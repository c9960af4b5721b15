package gateway

import "github.com/chatcluster/chatcluster/runtime/protocol"

// maxVain is how often the first one that was refused behind the gate may come without the one that the gate waits for.
const maxVain = 4

// gate holds back what follows a send that was refused and is to come again. conn.mu guards it.
type gate struct {
	// id is the refused client_msg_id, empty while the gate is open. What else comes is refused with the same code.
	id      string
	code    protocol.Code
	retryMS uint32
	// behind is the first one that was refused because of id, and vain how often it came again without it.
	behind string
	vain   int
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

// lost notes that id was refused because of the gate, and says whether the client has lost the one that is waited for: it goes back to
// what is behind that, again and again. So do clients that sent it twice and have an ack of the first time.
func (g *gate) lost(id string) bool {
	switch g.behind {
	case "":
		g.behind = id
	case id:
		g.vain++
	}
	return g.vain > maxVain
}
