package paypal

import "github.com/trivetdev/trivet/sim"

// truthRows are all rows of an id.
func (s *Server) truthRows(id string) []sim.Object {
	defer s.enter()()
	return s.truthOf(id)
}
