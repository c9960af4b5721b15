package gateway

// Hold counts n bytes as held for some connection.
func (g *Gateway) Hold(n int64) { g.budget.held.Add(n) }

// Held is what is held for connections, and the most that may be.
func (g *Gateway) Held() (now, hard int64) { return g.budget.held.Load(), g.budget.hard }

// Count is how many connections there are.
func (g *Gateway) Count() int { return g.count() }
