package email

import (
	"errors"
	"fmt"
	"net/textproto"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/trivetdev/trivet/notify"
)

// refusesAddress reports whether the server refused one of the addresses.
func refusesAddress(err error) bool {
	e, ok := errors.AsType[*gomail.SendError](err)
	return ok && e.Reason == gomail.ErrSMTPRcptTo && e.ErrorCode()/100 == 5
}

// sort says what a failure to send means. The point of no return is the dot that
// ends the mail: until it is sent nothing was taken; after it, only the server's
// answer tells.
func sort(err error) *notify.Error {
	e, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return &notify.Error{Kind: notify.Unknown, Err: plain(err)}
	}
	code := e.ErrorCode()
	if code == 0 {
		code = codeIn(err)
	}
	said := func(what string) error {
		if code == 0 {
			return fmt.Errorf("%s: the connection broke", what)
		}
		return fmt.Errorf("%s: the server answers %d %s", what, code, e.EnhancedStatusCode())
	}
	switch e.Reason {
	case gomail.ErrGetSender, gomail.ErrGetRcpts, gomail.ErrNoUnencoded:
		return &notify.Error{Kind: notify.Refused, Err: errors.New("the mail is addressed to nobody")}
	case gomail.ErrSMTPMailFrom:
		// What the server holds against us is ours to set right; the mail waits.
		return &notify.Error{Kind: notify.Unavailable, Err: said("the sender was not taken")}
	case gomail.ErrSMTPRcptTo:
		return &notify.Error{Kind: permanent(e, code), Err: said("the recipient was not taken")}
	case gomail.ErrSMTPData:
		return &notify.Error{Kind: permanent(e, code), Err: said("the mail was not taken")}
	case gomail.ErrWriteContent, gomail.ErrConnCheck:
		return &notify.Error{Kind: notify.Unavailable, Err: errors.New("the connection broke before the mail was complete")}
	case gomail.ErrSMTPDataClose:
		if code == 0 {
			return &notify.Error{Kind: notify.Unknown, Err: errors.New("the connection broke after the mail was sent and before the server answered")}
		}
		return &notify.Error{Kind: permanent(e, code), Err: said("the mail was not taken")}
	case gomail.ErrSMTPReset, gomail.ErrAmbiguous: // the first comes after the mail
	}
	return &notify.Error{Kind: notify.Unknown, Err: said("the mail may have been taken")}
}

// permanent sorts an SMTP reply code. What a server holds against us and not against
// the mail or its address is ours to set right, and until then mails must not be lost
// one by one: that it relays nothing for us, wants us to log in, has our address on a
// list or misses a signature. RFC 3463 has X.7 for it; the codes without are of
// RFC 4954.
func permanent(e *gomail.SendError, code int) notify.ErrorKind {
	switch {
	case code/100 != 5, strings.HasPrefix(e.EnhancedStatusCode(), "5.7."):
		return notify.Unavailable
	case code == 530, code == 534, code == 535, code == 538:
		return notify.Unavailable
	}
	return notify.Refused
}

// codeIn finds the reply code in an error.
func codeIn(err error) int {
	if e, ok := errors.AsType[*textproto.Error](err); ok {
		return e.Code
	}
	text := err.Error()
	if len(text) > 3 && (text[0] == '4' || text[0] == '5') && text[3] == ' ' {
		if code, err := strconv.Atoi(text[:3]); err == nil {
			return code
		}
	}
	return 0
}
