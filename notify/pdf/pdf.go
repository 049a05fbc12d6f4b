// Package pdf draws receipts.
//
// It owns the page and the fonts. The words come ready, in the customer's language;
// characters that no font has (Arabic, Thai, emoji) are drawn as a question mark.
package pdf

import (
	"fmt"
	"strings"
	"time"

	"github.com/signintech/gopdf"

	"github.com/trivetdev/trivet/notify"
)

// The page, in points: A4 with its margins, which fit on US Letter too.
const (
	left, right   = 56.0, 539.0
	top, bottom   = 64.0, 752.0
	footer        = 770.0
	quantityRight = 420.0
	textWidth     = 300.0
	factWidth     = 110.0
)

// Sizes of type, in points, and the distance of lines for each.
const (
	titleSize = 22.0
	textSize  = 10.0
	smallSize = 8.5
	lead      = 1.45
)

// sheet is one document being drawn.
type sheet struct {
	pdf   gopdf.GoPdf
	fonts *fonts
	asian bool // the Asian font has been added
	y     float64
	err   error
}

// Draw makes a PDF of a paper. Equal papers make equal files.
func Draw(p notify.Paper) ([]byte, error) {
	f, err := loaded()
	if err != nil {
		return nil, err
	}
	s := &sheet{fonts: f, y: top}
	s.pdf.Start(gopdf.Config{PageSize: *gopdf.PageSizeA4})
	s.pdf.SetInfo(gopdf.PdfInfo{Title: p.Title, Producer: "Trivet", CreationDate: time.Unix(0, 0).UTC()})
	s.keep(s.pdf.AddTTFFontData(regular, f.regular.data))
	s.keep(s.pdf.AddTTFFontData(bold, f.bold.data))
	s.pdf.AddPage()
	s.head(p)
	s.table(p)
	s.sums(p)
	s.number(p)
	if s.err != nil {
		return nil, fmt.Errorf("draw: %w", s.err)
	}
	return s.pdf.GetBytesPdfReturnErr()
}

func (s *sheet) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

// down moves on; what would be below the margin begins a new page.
func (s *sheet) down(by, needs float64) {
	s.y += by
	if s.y+needs > bottom {
		s.pdf.AddPage()
		s.y = top
	}
}

// head draws the title, the facts and who sold to whom.
func (s *sheet) head(p notify.Paper) {
	s.text(left, s.y, titleSize, bold, p.Title)
	s.y += titleSize * 2
	for _, fact := range p.Facts {
		s.text(left, s.y, textSize, regular, fact.Label)
		for _, line := range s.wrap(fact.Value, textSize, regular, right-left-factWidth) {
			s.text(left+factWidth, s.y, textSize, bold, line)
			s.y += textSize * lead
		}
	}
	s.y += textSize * 1.6
	const gap = 24.0
	half := (right - left - gap) / 2
	begin, end := s.y, s.y
	for i, block := range []struct {
		head  string
		lines []string
	}{{p.SellerHead, p.Seller}, {p.BuyerHead, p.Buyer}} {
		x := left + float64(i)*(half+gap)
		s.y = begin
		s.text(x, s.y, smallSize, bold, block.head)
		s.y += smallSize * 1.7
		for _, line := range block.lines {
			for _, part := range s.wrap(line, textSize, regular, half) {
				s.text(x, s.y, textSize, regular, part)
				s.y += textSize * lead
			}
		}
		end = max(end, s.y)
	}
	s.y = end + textSize*2
}

// table draws what was bought.
func (s *sheet) table(p notify.Paper) {
	heads := func() {
		s.text(left, s.y, smallSize, bold, p.Head[0])
		s.flush(quantityRight, s.y, smallSize, bold, p.Head[1])
		s.flush(right, s.y, smallSize, bold, p.Head[2])
		s.y += smallSize * 1.8
		s.rule(0.8)
		s.y += 8
	}
	heads()
	for _, line := range p.Lines {
		parts := s.wrap(line.Text, textSize, regular, textWidth)
		needs := float64(len(parts)) * textSize * lead
		if line.Period != "" {
			needs += smallSize * lead
		}
		page := s.pdf.GetNumberOfPages()
		if s.down(0, needs+textSize); s.pdf.GetNumberOfPages() > page {
			heads()
		}
		s.flush(quantityRight, s.y, textSize, regular, line.Quantity)
		s.flush(right, s.y, textSize, regular, line.Amount)
		for _, part := range parts {
			s.text(left, s.y, textSize, regular, part)
			s.y += textSize * lead
		}
		if line.Period != "" {
			s.text(left, s.y, smallSize, regular, line.Period)
			s.y += smallSize * lead
		}
		s.y += 6
	}
	s.rule(0.8)
	s.y += 10
}

// sums draws what it comes to.
func (s *sheet) sums(p notify.Paper) {
	s.down(0, float64(len(p.Sums))*textSize*1.8)
	for _, sum := range p.Sums {
		s.down(0, textSize*1.8)
		style := regular
		if sum.Strong {
			style = bold
		}
		s.flush(quantityRight, s.y, textSize, style, sum.Label)
		s.flush(right, s.y, textSize, style, sum.Value)
		s.y += textSize * 1.8
	}
}

// number writes the page numbers, if there is more than one page.
func (s *sheet) number(p notify.Paper) {
	pages := s.pdf.GetNumberOfPages()
	for page := 1; page <= pages && pages > 1; page++ {
		s.keep(s.pdf.SetPage(page))
		s.flush(right, footer, smallSize, regular, p.Page(page, pages))
	}
}

func (s *sheet) rule(width float64) {
	s.pdf.SetLineWidth(width)
	s.pdf.SetStrokeColor(190, 190, 190)
	s.pdf.Line(left, s.y, right, s.y)
}

// text draws a line from x on.
func (s *sheet) text(x, y, size float64, style, text string) {
	for _, run := range s.fonts.runs(text, style) {
		s.use(run.font, size)
		s.pdf.SetXY(x, y)
		s.keep(s.pdf.Cell(nil, run.text))
		x += s.width(run.text)
	}
}

// flush draws a line that ends at x.
func (s *sheet) flush(x, y, size float64, style, text string) {
	s.text(x-s.measure(text, size, style), y, size, style, text)
}

func (s *sheet) use(font string, size float64) {
	if font == asian && !s.asian {
		s.keep(s.pdf.AddTTFFontData(asian, s.fonts.asian.data))
		s.asian = true
	}
	s.keep(s.pdf.SetFont(font, "", size))
}

func (s *sheet) width(text string) float64 {
	w, err := s.pdf.MeasureTextWidth(text)
	s.keep(err)
	return w
}

func (s *sheet) measure(text string, size float64, style string) float64 {
	sum := 0.0
	for _, run := range s.fonts.runs(text, style) {
		s.use(run.font, size)
		sum += s.width(run.text)
	}
	return sum
}

// wrap breaks a text into lines of a width, at spaces; between any two characters
// where a word is longer than a line, as in languages without spaces.
func (s *sheet) wrap(text string, size float64, style string, width float64) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		joined := strings.TrimSpace(line + " " + word)
		if s.measure(joined, size, style) <= width {
			line = joined
			continue
		}
		if line != "" {
			lines, line = append(lines, line), ""
		}
		for _, r := range word {
			if line != "" && s.measure(line+string(r), size, style) > width {
				lines, line = append(lines, line), ""
			}
			line += string(r)
		}
	}
	return append(lines, line)
}
