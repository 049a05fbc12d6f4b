package stripe

import "time"

// Stripe keeps an idempotency key for at least a day; a later retry acts again.
const keyLife = 24 * time.Hour

// answer is the stored answer of a call that carried an idempotency key.
type answer struct {
	at     time.Time
	params string
	status int
	body   []byte
}

// replay returns the stored answer for the key, if there is one for the same
// call; another call under the same key is an error.
func (s *Server) replay(key, params string) (*answer, error) {
	a := s.answers[key]
	if key == "" || a == nil {
		return nil, nil
	}
	if s.now.Sub(a.at) >= keyLife {
		delete(s.answers, key)
		return nil, nil
	}
	if a.params != params {
		return nil, &apiError{
			status: 400, typ: "idempotency_error",
			message: "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '" + key + "' if you meant to execute a different request.",
		}
	}
	return a, nil
}

// keep stores the answer of a call that was carried out. Calls that failed
// validation were not, and may be repeated with the same key.
func (s *Server) keep(key, params string, status int, body []byte) {
	if key == "" || status >= 400 && status != 402 {
		return
	}
	s.answers[key] = &answer{at: s.now, params: params, status: status, body: body}
}
