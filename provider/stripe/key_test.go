package stripe

import (
	"testing"

	"github.com/trivetdev/trivet/provider"
)

func TestCheckKey(t *testing.T) {
	tests := map[string]struct {
		status int
		answer string
		want   provider.ErrorKind // empty: the key is good
		is     string
	}{
		"works":         {200, `{"id":"acct_1","object":"account"}`, "", "acct_1 in test mode"},
		"wrong":         {401, `{"error":{"type":"invalid_request_error","message":"Invalid API Key provided"}}`, provider.Denied, ""},
		"expired":       {401, `{"error":{"type":"invalid_request_error","code":"api_key_expired"}}`, provider.Denied, ""},
		"lacks a right": {403, `{"error":{"type":"invalid_request_error","code":"more_permissions_required"}}`, "", ""},
		"away":          {503, `{}`, provider.Unavailable, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{status: tt.status, answers: map[string]string{"GET /prefix/v1/account": tt.answer}}
			is, err := f.driver(t).CheckKey(t.Context())
			got := provider.ErrorKind("")
			if err != nil {
				got = provider.KindOf(err)
			}
			if got != tt.want || is != tt.is {
				t.Errorf("CheckKey = %q, %v, want %q and kind %q", is, err, tt.is, tt.want)
			}
		})
	}
}
