package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// view is a run shown live on a terminal, redrawn in place.
type view struct {
	lines
	wide int
	// pace is how long a day takes at least.
	pace  time.Duration
	drawn int
	last  time.Time
}

// terminal reports whether out is one, and how wide it is.
func terminal(out io.Writer) (wide int, ok bool) {
	file, isFile := out.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	wide, _, err := term.GetSize(int(file.Fd()))
	if err != nil || wide < 40 {
		wide = 80
	}
	return wide, true
}

func (v *view) open() {
	v.lines.open()
	v.last = time.Now() //nolint:forbidigo // the pace of a show is real time
}

// day draws the day anew and waits until it is over.
func (v *view) day(ctx context.Context, d day) error {
	stories, err := v.stories(ctx, 6)
	if err != nil {
		return err
	}
	v.draw(v.picture(d, stories))
	rest := v.pace - time.Since(v.last)
	select {
	case <-ctx.Done():
	case <-time.After(rest):
	}
	v.last = time.Now() //nolint:forbidigo // the pace of a show is real time
	return nil
}

const (
	bold  = "\x1b[1m"
	green = "\x1b[32m"
	red   = "\x1b[31m"
	plain = "\x1b[0m"
)

// picture is what a day looks like.
func (v *view) picture(d day, stories []string) []string {
	bar := d.number * 30 / max(1, v.Days)
	rows := []string{
		fmt.Sprintf("%sday %d of %d%s  %s%s  %s", bold, d.number, v.Days, plain, strings.Repeat("█", bar), strings.Repeat("░", 30-bar), v.clock.Now().Format("January 2")),
		"",
		fmt.Sprintf("webhooks       %d sent, %d dropped, %d duplicated, %d late", d.webhooks.Sent, d.webhooks.Dropped, d.webhooks.Duplicated, d.late),
		fmt.Sprintf("drift          %d found, %d healed", d.drift.Found, d.drift.Healed),
		fmt.Sprintf("effects        %d carried out at providers", d.effects),
	}
	if v.door != nil {
		rows = append(rows, fmt.Sprintf("letters        %d, to be read at %s", len(v.box.Letters()), v.door.address()))
	}
	rows = append(rows,
		"",
		fmt.Sprintf("%sin step        %6.2f%%%s  %s", green, d.inStep, plain, v.curve(func(d day) float64 { return d.inStep })),
		fmt.Sprintf("%snaive handler  %6.2f%%%s  %s", red, d.dumb, plain, v.curve(func(d day) float64 { return d.dumb })),
		"",
	)
	for _, story := range stories {
		rows = append(rows, clip("· "+story, v.wide))
	}
	return append(rows, "", "Ctrl-C ends it with a summary.")
}

// curve draws a percentage over the days, from 70 to 100.
func (v *view) curve(of func(day) float64) string {
	const blocks = "▁▂▃▄▅▆▇█"
	steps := []rune(blocks)
	var b strings.Builder
	days := v.days
	if most := max(10, v.wide-30); len(days) > most {
		days = days[len(days)-most:]
	}
	for _, d := range days {
		level := int((of(d) - 70) / 30 * float64(len(steps)-1))
		b.WriteRune(steps[min(max(level, 0), len(steps)-1)])
	}
	return b.String()
}

func (v *view) draw(rows []string) {
	var b strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dF\x1b[J", v.drawn)
	}
	for _, row := range rows {
		b.WriteString(row + "\n")
	}
	v.drawn = len(rows)
	fmt.Fprint(v.out, b.String())
}

func clip(text string, wide int) string {
	if runes := []rune(text); len(runes) > wide {
		return string(runes[:wide-1]) + "…"
	}
	return text
}
