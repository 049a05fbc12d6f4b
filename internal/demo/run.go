package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Exit codes, as the command line promises them.
const (
	good  = 0
	wrong = 1
	usage = 2
)

// Run runs the demo and writes what happens to out. The code is 0 if all is in
// step, nothing acknowledged is missing and every effect happened once; 1 if
// not, and 2 for options that cannot be run.
func Run(ctx context.Context, o Options, out io.Writer) (code int, err error) {
	r, err := simulate(ctx, o, func(w *world, d day) {
		if !o.JSON {
			fmt.Fprintln(out, line(w, d))
		}
	})
	if _, isUsage := errors.AsType[*Usage](err); isUsage {
		return usage, err
	}
	if err != nil {
		return wrong, err
	}
	if o.JSON {
		if err := json.NewEncoder(out).Encode(r); err != nil {
			return wrong, err
		}
	} else {
		summarize(out, r)
	}
	if !r.OK() {
		return wrong, nil
	}
	return good, nil
}

// simulate runs a world to its end.
func simulate(ctx context.Context, o Options, tell func(*world, day)) (r Report, err error) {
	w, err := newWorld(ctx, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.live(ctx, func(d day) { tell(w, d) }); err != nil {
		return r, err
	}
	if err := w.settle(ctx); err != nil {
		return r, err
	}
	if w.sabotage != nil {
		if err := w.sabotage(w); err != nil {
			return r, err
		}
	}
	return w.report(ctx)
}

// line is a day in one line.
func line(w *world, d day) string {
	return fmt.Sprintf("day %3d  in %5d  dropped %4d  duplicate %4d  late %4d | drift found %4d healed %4d | in step %6.2f%% | naive handler %6.2f%%",
		d.number, d.webhooks.Delivered, d.webhooks.Dropped, d.webhooks.Duplicated, d.late, d.drift.Found, d.drift.Healed, d.inStep, d.dumb)
}

func summarize(out io.Writer, r Report) {
	fmt.Fprintf(out, "in step %.2f%%, naive handler %.2f%%\n", r.InStep, r.Naive)
	for _, m := range r.Mismatches {
		fmt.Fprintln(out, "  "+m.String())
	}
}
