package cli

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/internal/api"
	"github.com/trivetdev/trivet/internal/store/storetest"
	stripe "github.com/trivetdev/trivet/sim/stripe"
)

// parse reads NDJSON into its rows by type.
func parse(t *testing.T, text string) (order []string, rows map[string][]map[string]any) {
	t.Helper()
	rows = map[string][]map[string]any{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		var row map[string]any
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		kind, _ := row["type"].(string)
		if len(order) == 0 || order[len(order)-1] != kind {
			order = append(order, kind)
		}
		rows[kind] = append(rows[kind], row)
	}
	return order, rows
}

// TestExport: everything is in it once, in an order that stays; and of one customer
// nothing that tells of another.
func TestExport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := newHistory(t)
		if code, stdout, stderr := h.run(t.Context(), url, "backfill"); code != exitGood {
			t.Fatalf("%d\n%s%s", code, stdout, stderr)
		}
		code, all, stderr := h.run(t.Context(), url, "export")
		order, rows := parse(t, all)
		if code != exitGood || stderr != "" {
			t.Fatalf("%d %s", code, stderr)
		}
		known := api.ExportKinds()
		if !slices.IsSortedFunc(order, func(a, b string) int { return slices.Index(known, a) - slices.Index(known, b) }) || slices.Contains(order, "") {
			t.Errorf("the lists come as %v", order)
		}
		for kind, want := range map[string]int{"customers": bought - unowned, "provider_customers": bought, "subscriptions": bought, "invoices": bought, "payments": bought} {
			if len(rows[kind]) != want {
				t.Errorf("%d %s, want %d", len(rows[kind]), kind, want)
			}
		}
		p := rows["payments"][0]
		if p["amount"] != 2900.0 || p["currency"] != "EUR" || !strings.HasSuffix(p["paid_at"].(string), "Z") {
			t.Errorf("a payment is %v", p)
		}
		if _, again, _ := h.run(t.Context(), url, "export"); again != all {
			t.Error("a second export differs")
		}
		if strings.Contains(all, "sk_test_sim") || strings.Contains(all, "a-long-random-text") {
			t.Error("it holds a key")
		}

		code, own, stderr := h.run(t.Context(), url, "export", "--customer", "user_7")
		if code != exitGood {
			t.Fatalf("%d %s", code, stderr)
		}
		for _, other := range []string{"user_1\"", "user_8", "user_70", "p8@kern.test", "p70@kern.test"} {
			if strings.Contains(own, other) {
				t.Errorf("it tells of %s", other)
			}
		}
		_, mine := parse(t, own)
		// Entitled to a feature, and to the plan as such.
		for kind, want := range map[string]int{"customers": 1, "provider_customers": 1, "subscriptions": 1, "invoices": 1, "payments": 1, "entitlements": 2} {
			if len(mine[kind]) != want {
				t.Errorf("of one customer: %d %s, want %d", len(mine[kind]), kind, want)
			}
		}
		if len(mine["changes"]) == 0 || mine["provider_customers"][0]["email"] != "p7@kern.test" {
			t.Errorf("of one customer: %s", own)
		}
		// An alert is about a cause, which may be others' too.
		_, theirs, _ := h.run(t.Context(), url, "export", "--customer", fmt.Sprintf("user_%d", bought-1))
		if strings.Contains(theirs, `"kind":"alert"`) || !strings.Contains(all, `"kind":"alert"`) {
			t.Errorf("of whom an alert is about: %s", theirs)
		}
		if code, _, stderr := h.run(t.Context(), url, "export", "--customer", "nobody"); code != exitWrong || !strings.Contains(stderr, `no customer "nobody"`) {
			t.Errorf("of nobody: %d %s", code, stderr)
		}
	})
}

// TestExportToAFile: complete or not at all, for its owner's eyes, and over nothing.
func TestExportToAFile(t *testing.T) {
	h := newHistory(t)
	cus := h.CreateCustomer(`=cmd|' /C calc'!A0`)
	if _, err := h.CreateSubscription(stripe.NewSubscription{Customer: cus, Price: "price_pro", Card: stripe.CardGood}); err != nil {
		t.Fatal(err)
	}
	url := storetest.SQLite(t)
	if code, stdout, stderr := h.run(t.Context(), url, "backfill"); code != exitGood {
		t.Fatalf("%d\n%s%s", code, stdout, stderr)
	}
	file := filepath.Join(t.TempDir(), "people.csv")
	args := []string{"export", "--kind", "provider_customers", "--format", "csv", "-o", file}
	if code, stdout, stderr := h.run(t.Context(), url, args...); code != exitGood || !strings.Contains(stdout, "121 rows") {
		t.Fatalf("%d %s%s", code, stdout, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(rows) != bought+2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	want := []string{"id", "provider", "provider_id", "customer", "owner", "gone", "checked_at", "changed_at", "email", "name", "locale", "created_at"}
	if diff := cmp.Diff(want, rows[0]); diff != "" {
		t.Error(diff)
	}
	if !slices.ContainsFunc(rows, func(row []string) bool { return row[2] == cus && row[8] == `'=cmd|' /C calc'!A0` }) {
		t.Error("a formula is one still")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if code, _, stderr := h.run(t.Context(), url, args...); code != exitUsage || !strings.Contains(stderr, "--force") {
		t.Errorf("a second time: %d %s", code, stderr)
	}
	if code, _, stderr := h.run(t.Context(), url, append(args, "--force")...); code != exitGood {
		t.Errorf("by force: %d %s", code, stderr)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, wrong := range [][]string{{"--format", "csv"}, {"--kind", "payment"}, {"--kind", "payments,refunds", "--format", "csv"}} {
		if code, _, stderr := h.run(t.Context(), url, append([]string{"export"}, wrong...)...); code != exitUsage {
			t.Errorf("%v: %d %s", wrong, code, stderr)
		}
	}
}

func TestHarmless(t *testing.T) {
	for text, want := range map[string]string{
		"Dana": "Dana", "": "", "=1+1": "'=1+1", "+49 30": "'+49 30", "-x": "'-x", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", " =1": "' =1", "＝1": "'＝1", "a=b": "a=b",
	} {
		if got := harmless(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestEveryListHasColumns: a list whose rows CSV cannot show would be found by nobody
// before they need it.
func TestEveryListHasColumns(t *testing.T) {
	for _, kind := range api.ExportKinds() {
		var out strings.Builder
		line, err := commaSeparated(&out, api.ExportRow(kind))
		if err != nil {
			t.Fatal(err)
		}
		if err := line(kind, api.ExportRow(kind)); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[0]) < 5 || slices.Contains(rows[0], "") {
			t.Errorf("%s: %v %v", kind, rows, err)
		}
	}
}
