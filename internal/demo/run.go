package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Exit codes, as the command line promises them.
const (
	exitGood  = 0
	exitWrong = 1
	exitUsage = 2
)

// Run runs the demo and writes what happens to out: a live view if that is a
// terminal and the options do not say otherwise, else a line a day and a
// summary. The end of ctx ends it early, with a summary of what was seen.
//
// The code is for the process to exit with: 0 if all is in step, nothing
// acknowledged is missing and every effect happened once; 1 if not; 2 for
// options that cannot be run, which err, a [*Usage], explains.
func Run(ctx context.Context, o Options, out io.Writer) (code int, err error) {
	if o.Customers == 0 && !o.Fast {
		o.Customers = 60
	}
	if err := o.complete(); err != nil {
		return exitUsage, err
	}
	w, err := newWorld(ctx, o)
	if err != nil {
		return exitWrong, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if w.door, err = w.openDoor(ctx); err != nil {
		return exitUsage, err
	}
	defer w.door.close()
	show := screenFor(w, out)
	show.open()
	r, err := w.run(ctx, show.day)
	interrupted := ctx.Err() != nil
	if err != nil && !interrupted {
		return exitWrong, err
	}
	if interrupted {
		if err := show.interrupted(context.WithoutCancel(ctx)); err != nil {
			return exitWrong, err
		}
		if w.Fast { // whoever waits for the verdict must not take this for one
			return exitWrong, errors.New("the run was ended early, so nothing was judged")
		}
		return exitGood, nil
	}
	if err := show.close(ctx, r); err != nil {
		return exitWrong, err
	}
	_, live := show.(*view)
	if w.door != nil && w.keeps(live) {
		fmt.Fprintf(out, "\nThe mailbox stays open at %s until you press Ctrl-C.\n", w.door.address())
		<-ctx.Done()
	}
	if !r.OK() {
		return exitWrong, nil
	}
	return exitGood, nil
}

// run lets a world live and settle, and judges it.
func (w *world) run(ctx context.Context, tell func(context.Context, day) error) (r Report, err error) {
	if err := w.live(ctx, tell); err != nil {
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

// screen is where a run is shown.
type screen interface {
	open()
	day(ctx context.Context, d day) error
	close(ctx context.Context, r Report) error
	interrupted(ctx context.Context) error
}

func screenFor(w *world, out io.Writer) screen {
	if w.JSON {
		return document{out}
	}
	if wide, ok := terminal(out); ok && !w.Fast {
		return &view{lines: lines{w, out}, wide: wide, pace: time.Second}
	}
	return lines{w, out}
}

// document is a run shown as one JSON object.
type document struct{ out io.Writer }

func (document) open()                          {}
func (document) day(context.Context, day) error { return nil }
func (document) interrupted(context.Context) error {
	return errors.New("the run was ended early, so there is no report")
}
func (d document) close(_ context.Context, r Report) error {
	return json.NewEncoder(d.out).Encode(r)
}

// lines is a run shown as text, a line a day.
type lines struct {
	*world
	out io.Writer
}

func (l lines) open() {
	fmt.Fprintf(l.out, "A shop with %d customers lives %d days on simulated providers (%s). %s\n\n", l.Customers, l.Days, l.names(), l.weather())
	if l.door != nil {
		fmt.Fprintf(l.out, "Look at its mails at %s, and into its REST API, to read:\n  %s\n\n", l.door.address(), l.door.curl())
	}
}

func (l lines) weather() string {
	if l.Calm {
		return "The network is perfect."
	}
	return "Deliveries get lost, doubled, late and out of order; the API fails."
}

func (l lines) day(_ context.Context, d day) error {
	_, err := fmt.Fprintf(l.out, "day %3d  in %5d  dropped %4d  duplicate %4d  late %4d | drift found %4d healed %4d | in step %6.2f%% | naive handler %6.2f%%\n",
		d.number, d.webhooks.Delivered, d.webhooks.Dropped, d.webhooks.Duplicated, d.late, d.drift.Found, d.drift.Healed, d.inStep, d.dumb)
	return err
}

func (l lines) interrupted(ctx context.Context) error {
	fmt.Fprintf(l.out, "\nEnded on %s, in the midst of things.\n", l.clock.Now().Format("January 2"))
	if len(l.days) > 0 {
		d := l.days[len(l.days)-1]
		fmt.Fprintf(l.out, "On the evening of day %d: in step %.2f%%, naive handler %.2f%%.\n", d.number, d.inStep, d.dumb)
	}
	return l.found(ctx, 8)
}

// close sums up.
func (l lines) close(ctx context.Context, r Report) error {
	objects, inStep := 0, 0
	for _, score := range r.Providers {
		objects, inStep = objects+score.Objects, inStep+score.InStep
	}
	if err := l.found(ctx, 8); err != nil {
		return err
	}
	fmt.Fprintf(l.out, "\nAfter %d days, and some more without faults to settle in:\n\n", r.Days)
	fmt.Fprintf(l.out, "  in step        %6.2f%%   %d of %d objects, field by field\n", r.InStep, inStep, objects)
	fmt.Fprintf(l.out, "  naive handler  %6.2f%%   trusts what it is sent; got the same deliveries\n", r.Naive)
	fmt.Fprintf(l.out, "  webhooks       %d sent, %d dropped, %d duplicated; %d acknowledged, %d of them stored\n",
		r.Webhooks.Sent, r.Webhooks.Dropped, r.Webhooks.Duplicated, r.Webhooks.Acked, r.Webhooks.Stored)
	fmt.Fprintf(l.out, "  drift          %d found, %d healed, %d open\n", r.Drift.Found, r.Drift.Healed, r.Drift.Open)
	fmt.Fprintf(l.out, "  effects        %d asked for, %d done, %d twice, %d missing\n", r.Effects.Expected, r.Effects.Done, r.Effects.Duplicated, r.Effects.Missing)
	fmt.Fprintf(l.out, "  API calls      %d\n", r.APICalls)
	l.mismatches(r)
	fmt.Fprintf(l.out, "\nThe same again: %s\n", l.replay())
	return nil
}

func (l lines) mismatches(r Report) {
	if len(r.Mismatches) == 0 {
		return
	}
	fmt.Fprintf(l.out, "\n%d mismatches:\n", len(r.Mismatches))
	for i, m := range r.Mismatches {
		if i == 50 {
			fmt.Fprintf(l.out, "  and %d more\n", len(r.Mismatches)-i)
			break
		}
		fmt.Fprintln(l.out, "  "+m.String())
	}
}

// found lists the latest things that no webhook told.
func (l lines) found(ctx context.Context, most int) error {
	stories, err := l.stories(ctx, most)
	if err != nil || len(stories) == 0 {
		return err
	}
	fmt.Fprintf(l.out, "\nFound and healed of late:\n")
	for _, story := range stories {
		fmt.Fprintln(l.out, "  "+story)
	}
	return nil
}
