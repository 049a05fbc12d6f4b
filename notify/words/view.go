package words

import (
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
)

// lateAfter is how much after its time a notice says that it is late.
const lateAfter = 24 * time.Hour

// coveredShown is how many covered items a mail names; the rest is counted.
const coveredShown = 5

// Brand is who the messages are from.
type Brand struct {
	Name string
	// URL is the product's own page.
	URL string
	// Support is the mail address that people may write to.
	Support string
	// Address is the postal address, in one line.
	Address string
	// TaxID is the seller's, for receipts; empty: they state none.
	TaxID string
	// Keep is how long a customer's data is kept after access has ended; zero: the
	// messages do not say.
	Keep time.Duration
}

// Data is all that a message is made of.
type Data struct {
	// ID is the business key of the message.
	ID       string
	Notice   notify.Notice
	Customer billing.Customer
	// Plan is the name of the plan, as customers know it.
	Plan  string
	Brand Brand
	// Button is where the message's button leads, Cancel where the subscription can
	// be canceled; both made and signed by the caller, and empty where there is none.
	Button, Cancel string
	// LinkUntil is when Button stops working; zero: it does not.
	LinkUntil time.Time
	// Receipt is what a receipt states; nil: none is attached.
	Receipt *notify.Receipt
	// Draw turns a paper into a PDF; nil: none is attached.
	Draw func(notify.Paper) ([]byte, error)
	// Phone is where an SMS goes, in E.164 form.
	Phone string
	Now   time.Time
}

// View is what templates see. Texts are formatted for the customer and hold no
// markup; a fact that the notice does not have is the empty text, which {{if}}
// treats as false.
//
// Texts: .Brand .BrandURL .Support .Plan .Product (brand and plan) .Name .Email
// .Amount .Was .Date .Next .Until .UntilTime (with hour and zone) .DueAt .LinkUntil
// .KeptUntil .Card (a phrase) .CardBrand .CardLast4 .CardExpires .Every .Covered
// .Why (a sentence for .Reason) .Reason .Reference .URL .CancelURL.
// Flags: .Estimated .NoMore (is charged) .Ended (.Until is past) .Late .Attached. As they are: .Notice .Customer.
type View struct {
	Notice   notify.Notice
	Customer billing.Customer

	Brand, BrandURL, Support string
	Plan, Product            string
	Name, Email              string
	Amount, Was              string
	Date, Next, Until        string
	UntilTime                string
	DueAt                    string
	LinkUntil, KeptUntil     string
	CardBrand, CardLast4     string
	CardExpires              string
	Reason, Reference        string
	URL, CancelURL           string

	Estimated, NoMore, Ended, Late, Attached bool

	run      func(section string, data any) (string, error)
	calendar calendar
}

// view formats data for a locale.
func (l *locale) view(d Data) (*View, error) {
	n, tag := d.Notice, formats(d.Customer.Locale, l.tag)
	v := &View{
		Notice: n, Customer: d.Customer,
		Brand: clean(d.Brand.Name), BrandURL: d.Brand.URL, Support: d.Brand.Support, Plan: clean(d.Plan),
		Name: salutation(d.Customer.Name), Email: d.Customer.Email, Reason: n.Reason, Reference: clean(n.Reference),
		URL: d.Button, CancelURL: d.Cancel, Estimated: n.Estimated, NoMore: n.NoMore, Attached: d.Receipt != nil && d.Draw != nil,
		Ended: !n.Until.IsZero() && !n.Until.After(d.Now),
		Late:  !n.DueAt.IsZero() && d.Now.Sub(n.DueAt) > lateAfter,
		run:   l.run, calendar: calendarOf(tag),
	}
	v.Product = v.Plan
	if !strings.Contains(strings.ToLower(v.Plan), strings.ToLower(v.Brand)) {
		v.Product = strings.TrimSpace(v.Brand + " " + v.Plan)
	}
	v.dates(d)
	if n.Card != nil {
		v.CardBrand, v.CardLast4 = cardBrand(n.Card.Brand), n.Card.Last4
		if n.Card.ExpMonth >= 1 && n.Card.ExpMonth <= 12 && n.Card.ExpYear > 0 {
			v.CardExpires = v.calendar.monthYear(time.Date(n.Card.ExpYear, time.Month(n.Card.ExpMonth), 1, 0, 0, 0, 0, time.UTC))
		}
	}
	for _, m := range []struct {
		from *billing.Money
		to   *string
	}{{n.Amount, &v.Amount}, {n.Was, &v.Was}} {
		if m.from == nil {
			continue
		}
		var err error
		if *m.to, err = money(tag, *m.from); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *View) dates(d Data) {
	zone := zoneOf(d.Customer.TimeZone)
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return v.calendar.date(t.In(zone))
	}
	n := d.Notice
	v.Date, v.Next, v.Until, v.DueAt = day(n.Date), day(n.Next), day(n.Until), day(n.DueAt)
	if !n.Until.IsZero() {
		v.UntilTime = v.calendar.moment(n.Until.In(zone))
		if d.Brand.Keep > 0 {
			v.KeptUntil = day(n.Until.Add(d.Brand.Keep))
		}
	}
	if !d.LinkUntil.IsZero() {
		v.LinkUntil = v.calendar.moment(d.LinkUntil.In(zone))
	}
}

// zoneOf returns a time zone; UTC where there is none of the name.
func zoneOf(name string) *time.Location {
	if name == "" || name == "Local" {
		return time.UTC
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Card names the card or payment method in a phrase of the language.
func (v *View) Card() (string, error) { return v.run("card", v) }

// Why is a sentence on why the payment failed.
func (v *View) Why() (string, error) {
	reason := v.Reason
	switch reason {
	case notify.ReasonFunds, notify.ReasonExpired, notify.ReasonCardData, notify.ReasonAuthentication, notify.ReasonLimit,
		notify.ReasonTemporary, notify.ReasonNotAllowed, notify.ReasonMethod, notify.ReasonAgreement:
	default:
		reason = notify.ReasonOther
	}
	return v.run("why."+reason, v)
}

// Every says how often is charged: "every month"; empty for what is charged once.
func (v *View) Every() (string, error) {
	i := v.Notice.Interval
	switch i.Unit {
	case "day", "week", "month", "year":
		return v.run("every."+i.Unit, counted{max(i.Count, 1)})
	}
	return "", nil
}

// counted is what sections with a number see.
type counted struct{ Count int64 }

// Covered lists what the plan covers, shortened.
func (v *View) Covered() (string, error) {
	var items []string
	for i, item := range v.Customer.Covered {
		if i == coveredShown && len(v.Customer.Covered) > coveredShown+1 {
			rest, err := v.run("more", counted{int64(len(v.Customer.Covered) - i)})
			if err != nil {
				return "", err
			}
			items = append(items, rest)
			break
		}
		items = append(items, clean(item))
	}
	return v.calendar.list(items), nil
}

// clean makes a text from outside fit to stand in a line: no line breaks, no
// control characters, nothing that would be read as markup.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r), r == '\u202e', r == '\u202d':
			return -1
		}
		return r
	}, text)
	text = stars.ReplaceAllString(strings.Join(strings.Fields(text), " "), "*")
	return strings.ReplaceAll(text, "](", "] (")
}

var (
	stars = regexp.MustCompile(`\*\*+`)
	// site is what mail programs make a link of by themselves.
	site = regexp.MustCompile(`[\pL\d]{2}\.\pL{2}`)
)

// longestName bounds the names that a greeting repeats.
const longestName = 60

// salutation returns the name to greet with; empty for what is no name. Spammers
// sign up under names that are advertisements, for the sake of the mails sent to
// them.
func salutation(name string) string {
	name = clean(name)
	if len([]rune(name)) > longestName || strings.ContainsAny(name, "/@<>") || site.MatchString(name) {
		return ""
	}
	return name
}

// cardBrands are the names of brands as providers write them.
var cardBrands = map[string]string{
	"visa": "Visa", "mastercard": "Mastercard", "master_card": "Mastercard", "amex": "American Express",
	"american_express": "American Express", "discover": "Discover", "diners": "Diners Club", "diners_club": "Diners Club",
	"jcb": "JCB", "unionpay": "UnionPay", "union_pay": "UnionPay", "china_union_pay": "UnionPay", "maestro": "Maestro",
	"cartes_bancaires": "Cartes Bancaires", "eftpos_au": "eftpos", "elo": "Elo", "hipercard": "Hipercard", "link": "Link",
	"mada": "mada", "rupay": "RuPay", "electron": "Visa Electron",
}

// cardBrand returns a brand as people know it; empty for a word that is none.
func cardBrand(brand string) string {
	return cardBrands[strings.ReplaceAll(strings.ToLower(strings.TrimSpace(brand)), " ", "_")]
}
