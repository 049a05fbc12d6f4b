package lemonsqueezy

import "time"

// at schedules run for a time; a past time means next.
func (s *Server) at(t time.Time, run func()) { s.agenda.Put(t, run) }

func (s *Server) in(d time.Duration, run func()) { s.at(s.now.Add(d), run) }

// catchUp carries out, in order, all that is due up to t.
func (s *Server) catchUp(t time.Time) {
	for {
		run, at, found := s.agenda.Take(t)
		if !found {
			break
		}
		if at.After(s.now) {
			s.now = at
		}
		run()
	}
	if t.After(s.now) {
		s.now = t
	}
}
