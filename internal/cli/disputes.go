package cli

import "fmt"

type disputesCommand struct {
	Evidence disputesEvidence `cmd:"" help:"Show what your records say for you, ready for the provider's form."`
}

type disputesEvidence struct {
	remoteFlags `embed:""`
	Dispute     string `arg:"" help:"The dispute's id at the provider, such as dp_1, or dp_1@stripe."`
}

// Run shows the evidence about a dispute.
func (c disputesEvidence) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	e, err := r.DisputeEvidence(s.ctx, c.Dispute)
	return r.show(e, err, func() { fmt.Fprint(s.Stdout, e.Text) })
}
