// Command trivet keeps an application's billing state in step with its payment
// providers. It owns nothing but the process: package cli has the commands.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // customers have time zones; a container often has none

	"github.com/trivetdev/trivet/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal drains. The second ends the process as if nobody listened.
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Main(ctx, cli.Process{
		Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now,
	}))
}
