package notify

import (
	"time"

	"github.com/trivetdev/trivet/billing"
)

// Receipt is what a receipt or a refund receipt states. All amounts are in one
// currency.
type Receipt struct {
	Number string `json:"number"`
	// Date is when it was issued, Paid when the payment came, both UTC.
	Date time.Time `json:"date"`
	Paid time.Time `json:"paid,omitzero"`

	Seller Party  `json:"seller"`
	Buyer  Party  `json:"buyer"`
	Lines  []Line `json:"lines"`
	// Discount is what the lines' sum was lowered by, as a positive amount.
	Discount *billing.Money `json:"discount,omitempty"`
	// Tax is contained in Total; TaxIncluded: in the lines' amounts too.
	Tax         *billing.Money `json:"tax,omitempty"`
	TaxIncluded bool           `json:"tax_included,omitempty"`
	Total       billing.Money  `json:"total"`
	// Refunded is what went back of it so far, the refund of Refund not counted.
	Refunded *billing.Money `json:"refunded,omitempty"`
	// Refund makes it a refund receipt.
	Refund *ReceiptRefund `json:"refund,omitempty"`
	// Card is what was paid with; Method is a word for it where it was no card.
	Card   *billing.Card `json:"card,omitempty"`
	Method string        `json:"method,omitempty"`
}

// Party is who sold or bought.
type Party struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	// Address has one line of it on each line.
	Address string `json:"address,omitempty"`
	TaxID   string `json:"tax_id,omitempty"`
}

// Line is one thing that was bought.
type Line struct {
	Text string `json:"text"`
	// Quantity is 1 if zero.
	Quantity int64         `json:"quantity,omitempty"`
	Amount   billing.Money `json:"amount"`
	// From and To are the period that it is for; zero: none.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// ReceiptRefund is money that went back.
type ReceiptRefund struct {
	Number string        `json:"number"`
	Date   time.Time     `json:"date"`
	Amount billing.Money `json:"amount"`
}

// Paper is a receipt in words, ready to be drawn: everything is in the language of
// who gets it.
type Paper struct {
	// Locale is that of the words.
	Locale string
	Title  string
	// Facts are the number, the dates, the means of payment.
	Facts []Fact
	// Seller and Buyer are blocks of lines below their heading.
	SellerHead, BuyerHead string
	Seller, Buyer         []string
	// Head names the columns: what, quantity, amount.
	Head  [3]string
	Lines []PaperLine
	Sums  []Fact
	// Page returns the words that number a page.
	Page func(page, pages int) string
}

// PaperLine is one line of a paper; Period is below the text.
type PaperLine struct {
	Text, Period, Quantity, Amount string
}

// Fact is a label and what it labels.
type Fact struct {
	Label, Value string
	// Strong facts are the ones that people look for.
	Strong bool
}
