package cli

import "github.com/trivetdev/trivet/client"

type effectsCommand struct {
	remoteFlags `embed:""`
	listFlags   `embed:""`
	Customer    string `help:"Of this customer."`
	State       string `help:"In this state: due, unknown, done, dropped, failed, withheld, proposed or rejected." enum:",due,unknown,done,dropped,failed,withheld,proposed,rejected" default:""`
	Kind        string `help:"Of this kind, such as refund."`
}

// Run lists what was done at the providers, or is to be.
func (c effectsCommand) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	page, err := r.Effects(s.ctx, client.EffectFilter{Customer: c.Customer, State: c.State, Kind: c.Kind}, c.list())
	return r.show(page, err, func() {
		t := table{none: "no effects", head: []string{"id", "created", "kind", "object", "customer", "state", "by", "result"}}
		for _, e := range page.Data {
			t.add(e.ID, stamp(e.CreatedAt), e.Kind, e.Object, deref(e.Customer), e.State, e.Actor, brief(or(e.Error, e.Result), 60))
		}
		t.print(s.Stdout)
		s.more(page.Next)
	})
}
