package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/config"
)

// trivetRuns runs the program in the present folder and returns its code and all that it
// printed.
func trivetRuns(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, failed bytes.Buffer
	code = Main(t.Context(), Process{Args: args, Environ: environ, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &failed, Now: time.Now})
	return code, out.String(), failed.String()
}

// filled are the keys that init leaves to fill in, and what somebody may put there.
var filled = map[string]map[string]string{
	config.Stripe:       {"secret_key": `"sk_test_1"`},
	config.PayPal:       {"client_id": `"c1"`, "client_secret": `"s1"`, "webhook_ids": `["1AB"]`},
	config.Paddle:       {"api_key": `"pdl_live_apikey_1"`},
	config.LemonSqueezy: {"api_key": `"ey.a.b"`, "store": `"1234"`},
}

// fillIn does with a file what its comments ask for.
func fillIn(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kind := ""
	var lines []string
	for line := range strings.Lines(string(text)) {
		if name, found := strings.CutPrefix(strings.TrimSpace(line), "[providers."); found {
			kind = strings.TrimSuffix(name, "]")
		}
		for key, value := range filled[kind] {
			line = regexp.MustCompile(`^# `+key+` = .*\n`).ReplaceAllString(line, key+" = "+value+"\n")
		}
		line = regexp.MustCompile(`^# (webhook_secrets_file = )`).ReplaceAllString(line, "$1")
		line = regexp.MustCompile(`^# ((stripe|paypal|paddle|lemonsqueezy) = \[)`).ReplaceAllString(line, "$1")
		lines = append(lines, line)
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestInit: what is written is the reader's own, says what is missing as it stands, and
// is good once that is filled in.
func TestInit(t *testing.T) {
	for name, kinds := range map[string][]string{"all": config.Kinds(), "one": {config.Stripe}, "two": {config.Paddle, config.PayPal}} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			code, stdout, stderr := trivetRuns(t, nil, "init", "--provider", strings.Join(kinds, ","), "--public-url", "https://billing.kern.test")
			if code != 0 || stderr != "" {
				t.Fatalf("%d %s", code, stderr)
			}
			for _, next := range []string{"fill in the keys of " + strings.Join(kinds, ", "), "trivet connect " + strings.Join(kinds, " ") + " --save", "trivet doctor", "trivet serve"} {
				if !strings.Contains(stdout, next) {
					t.Errorf("nothing about %s:\n%s", next, stdout)
				}
			}
			if info, err := os.Stat("trivet.toml"); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v %v", info.Mode(), err)
			}
			_, err := config.Load("", nil)
			for _, kind := range kinds {
				for key := range filled[kind] {
					if key != "store" && (err == nil || !strings.Contains(err.Error(), "providers."+kind+"."+key+": is missing")) {
						t.Errorf("%s of %s is missing, and nobody says so: %v", key, kind, err)
					}
				}
			}
			if left, err := filepath.Glob(".trivet*"); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}

			fillIn(t, "trivet.toml")
			for _, kind := range kinds {
				if err := os.WriteFile("trivet-"+kind+".secret", []byte("whsec_1a\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c, err := config.Load("", nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.Mode != config.Observe || c.PublicURL != "https://billing.kern.test" || len(c.Providers) != len(kinds) || len(c.APIKeys) != 1 || len(c.APIKeys[0].Reveal()) < 40 {
				t.Errorf("%+v", c)
			}
			if len(c.Plans) != 1 || len(c.Plans[0].Prices) != len(kinds) {
				t.Errorf("the example of a plan: %+v", c.Plans)
			}
		})
	}
}

// TestInitKeepsWhatIsThere, unless it is told to replace it, and then with another key.
func TestInitKeepsWhatIsThere(t *testing.T) {
	t.Chdir(t.TempDir())
	file := filepath.Join("conf dir", "my.toml")
	if code, _, stderr := trivetRuns(t, nil, "init", "--config", file); code != exitUsage || !strings.Contains(stderr, "cannot be written: no such file") || strings.Contains(stderr, ".trivet-") {
		t.Errorf("%d %s", code, stderr)
	}
	if err := os.Mkdir("conf dir", 0o755); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := trivetRuns(t, []string{"TRIVET_CONFIG=" + file}, "init")
	if code != 0 || !strings.Contains(stdout, "trivet doctor --config 'conf dir/my.toml'") || !strings.Contains(stdout, "public_url") {
		t.Fatalf("%d %s %s", code, stdout, stderr)
	}
	first := readAll(t, file)
	if strings.Contains(stdout, keyIn(t, first)) {
		t.Errorf("the key is printed: %s", stdout)
	}
	if code, _, stderr := trivetRuns(t, nil, "init", "--config", file); code != exitUsage || !strings.Contains(stderr, "--force") || readAll(t, file) != first {
		t.Errorf("%d %s", code, stderr)
	}
	if code, _, stderr := trivetRuns(t, nil, "init", "--config", file, "--force"); code != 0 || keyIn(t, readAll(t, file)) == keyIn(t, first) {
		t.Errorf("%d %s", code, stderr)
	}
	if left, err := os.ReadDir("conf dir"); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestInitRefuses what the service would refuse, and then writes nothing.
func TestInitRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	for want, args := range map[string][]string{
		"stripe, paypal, paddle, lemonsqueezy":  {"--provider", "stirpe"},
		"--public-url must begin with https://": {"--public-url", "http://billing.kern.test"},
		"--public-url is no web address":        {"--public-url", `billing"kern`},
		"--database must begin with sqlite:":    {"--database", "trivet.db"},
		"--database has characters that cannot": {"--database", "sqlite:a\nmode = \"enforce\""},
	} {
		if code, _, stderr := trivetRuns(t, nil, append([]string{"init"}, args...)...); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: %d %s", args, code, stderr)
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if code, _, stderr := trivetRuns(t, nil, "init", "--database", `sqlite:a"b\c ä.db`, "--provider", "PayPal, paypal"); code != 0 {
		t.Errorf("%d %s", code, stderr)
	}
	fillIn(t, "trivet.toml")
	if c, err := config.Load("", nil); err != nil || c.Database.Path != `a"b\c ä.db` || len(c.Providers) != 1 {
		t.Errorf("%+v %v", c, err)
	}
}

func readAll(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func keyIn(t *testing.T, text string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^api_keys = \["(trivet_[A-Za-z0-9_-]{43})"\]$`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("there is no key in %s", text)
	}
	return found[1]
}
