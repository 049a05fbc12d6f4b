package cli

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// TestFromNothingToService: what each command says is to be done next is all that has to
// be done, until webhooks are believed and the doctor finds nothing wrong with the
// service that runs.
func TestFromNothingToService(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		t.Chdir(t.TempDir())
		a := simulated(t, config.Stripe)
		if code, _, stderr := trivetRuns(t, nil, "init", "--database", database, "--public-url", "https://billing.invalid"); code != 0 {
			t.Fatal(stderr)
		}
		if code, _, stderr := trivetRuns(t, nil, "serve"); code != exitUsage || !strings.Contains(stderr, "providers.stripe.secret_key: is missing") || !strings.Contains(stderr, "trivet connect stripe") {
			t.Fatalf("%d %s", code, stderr)
		}
		change(t, "# secret_key = \"\"\n", a.keys)
		change(t, "listen = \"127.0.0.1:8990\"", "listen = \"127.0.0.1:0\"")
		code, all := examined(t, 0)
		has(t, all, failed, "webhooks", "stripe", "trivet connect stripe")
		if code != exitWrong {
			t.Errorf("%d", code)
		}
		if code, stdout, stderr := trivetRuns(t, nil, "connect", "stripe", "--save"); code != 0 || !strings.Contains(stdout, `webhook_secrets_file = "trivet-stripe.secret"`) {
			t.Fatalf("%d %s%s", code, stdout, stderr)
		}
		change(t, "# webhook_secrets_file", "webhook_secrets_file")

		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var stdout, stderr lines
		ended := make(chan int)
		go func() {
			ended <- Main(ctx, Process{Args: []string{"serve"}, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Now: time.Now})
		}()
		stdout.wait(t, `trivet listens on (\S+)`)
		code, all = examined(t, 0)
		has(t, all, fine, "database", "", "up to date")
		has(t, all, fine, "secrets", "", "2 files")
		if code != 0 || worst(all) == failed {
			t.Errorf("%d\n%s", code, printed(all))
		}
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("%d %s", code, fmt.Sprint(&stderr))
		}
		a.verifies(t, "stripe", "https://billing.invalid/webhooks/stripe")
	})
}
