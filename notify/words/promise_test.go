package words_test

import (
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/notify/words"
)

// nothingMore is how each language says that nothing more will be charged.
var nothingMore = map[string]string{
	"de": "nichts mehr", "en": "othing more will be charged", "es": "no se cobrará nada más", "fr": "lus rien ne sera prélevé",
	"ja": "請求", "pt-BR": "ada mais será cobrado", "zh-Hans": "不会再",
}

// TestNoPromiseWhileItMayBeTried: that nothing more is charged is said only of what has
// ended. Else the mail says that the payment may be tried, when, and what follows.
func TestNoPromiseWhileItMayBeTried(t *testing.T) {
	s := load(t, nil)
	for _, tag := range languages {
		d := words.Sample("access_ended", tag, words.Brand{})
		owed := render(t, s, d)
		d.Notice.Next = time.Time{}
		sometime := render(t, s, d)
		d.Notice.NoMore = true
		over := render(t, s, d)
		promise := strings.ToLower(nothingMore[tag])
		for part, texts := range map[string][3]string{
			"text": {owed.Text, sometime.Text, over.Text}, "html": {owed.HTML, sometime.HTML, over.HTML},
		} {
			for n, says := range []bool{false, false, true} {
				if strings.Contains(strings.ToLower(texts[n]), promise) != says {
					t.Errorf("%s %s %d: %q is said %v, want %v:\n%s", tag, part, n, promise, !says, says, texts[n])
				}
			}
		}
		if owed.Text == sometime.Text || len(owed.Text) < len(sometime.Text) {
			t.Errorf("%s does not say when it is tried:\n%s", tag, owed.Text)
		}
		if !strings.Contains(owed.Text, d.Cancel) || strings.Contains(over.Text, d.Cancel) {
			t.Errorf("%s: what may still be charged can be canceled, what has ended cannot:\n%s\n%s", tag, owed.Text, over.Text)
		}
		if owed.Subject == over.Subject || owed.Body == over.Body || owed.Action == over.Action {
			t.Errorf("%s: %q and %q, %q and %q, %q and %q say the same", tag, owed.Subject, over.Subject, owed.Body, over.Body, owed.Action, over.Action)
		}
		d.Notice.Reason = ""
		if unsaid := render(t, s, d); unsaid.Text == over.Text {
			t.Errorf("%s does not say why it ended:\n%s", tag, over.Text)
		}
	}
}

// TestBannedPromisesOnlyWhatIsSo: a ban alone cancels nothing, and one by a person is
// not explained.
func TestBannedPromisesOnlyWhatIsSo(t *testing.T) {
	s := load(t, nil)
	promises := map[string]string{
		"de": "nichts mehr abgebucht", "en": "nothing more will be charged", "es": "no se cobrará nada más", "fr": "plus rien ne sera prélevé",
		"ja": "今後の請求はありません", "pt-BR": "nada mais será cobrado", "zh-Hans": "今后不会再扣款",
	}
	for _, tag := range languages {
		d := words.Sample("banned", tag, words.Brand{})
		charged := render(t, s, d)
		d.Notice.NoMore = true
		over := render(t, s, d)
		if strings.Contains(charged.Text, promises[tag]) || !strings.Contains(over.Text, promises[tag]) {
			t.Errorf("%s:\n%s\n%s", tag, charged.Text, over.Text)
		}
		d.Notice.Reason = ""
		if byHand := render(t, s, d); len(byHand.Text) >= len(over.Text) {
			t.Errorf("%s: why a person banned is not known:\n%s", tag, byHand.Text)
		}
	}
}

// TestRecoveredTellsOfTheGap: who was without access is not told that it goes on
// without a break.
func TestRecoveredTellsOfTheGap(t *testing.T) {
	s := load(t, nil)
	unbroken := map[string]string{
		"de": "ohne Unterbrechung", "en": "without a break", "es": "sin interrupción", "fr": "sans interruption", "ja": "中断なく",
		"pt-BR": "sem interrupção", "zh-Hans": "不间断",
	}
	for _, tag := range languages {
		d := words.Sample("recovered", tag, words.Brand{})
		was := render(t, s, d)
		d.Notice.Until = time.Time{}
		goes := render(t, s, d)
		if strings.Contains(was.Text, unbroken[tag]) || !strings.Contains(goes.Text, unbroken[tag]) {
			t.Errorf("%s:\n%s\n%s", tag, was.Text, goes.Text)
		}
	}
}
