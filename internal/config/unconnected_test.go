package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLoadUnconnected: only what connecting gives may be missing.
func TestLoadUnconnected(t *testing.T) {
	t.Chdir(t.TempDir())
	key := write(t, "key", "sk_test_1\n")
	text := "[providers.stripe]\nsecret_key_file = " + quoted(key) + "\nwebhook_secrets_file = \"trivet-stripe.secret\"\n" +
		"[providers.paypal]\nclient_id = \"c1\"\nclient_secret = \"s1\"\n[providers.paddle]\napi_key = \"pdl_live_apikey_1\"\n"
	file := write(t, "trivet.toml", text)
	if _, err := Load(file, nil); err == nil || strings.Count(err.Error(), "\n") != 2 || !strings.Contains(err.Error(), "trivet-stripe.secret cannot be read") {
		t.Errorf("for the service it is complete: %v", err)
	}
	c, err := LoadUnconnected(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Provider("stripe")
	if p.SecretKey != "sk_test_1" || p.WebhookSecrets != nil || p.WebhookSecretsFile != "trivet-stripe.secret" {
		t.Errorf("%+v", p)
	}
	if want := []SecretFile{{"providers.stripe.secret_key_file", key}}; c.Path != file || !c.Secretive || !slices.Equal(c.Files, want) {
		t.Errorf("%s %t %v", c.Path, c.Secretive, c.Files)
	}
	for wrong, want := range map[string]string{
		"[providers.stripe]\nsecret_key_file = \"gone\"\n":                               "providers.stripe.secret_key_file",
		"[providers.stripe]\nsecret_key = \"sk_test_1\"\nwebhook_secrets = [\"...\"]\n":  "is a placeholder",
		"[providers.stripe]\nsecret_key = \"sk_test_1\"\nwebhook_secrets_file = \"\"\n":  "names no file",
		"[providers.stripe]\nsecret_key = \"sk_test_1\"\nwebhook_secrets_file = \".\"\n": "cannot be read",
		"[providers.stripe]\n": "providers.stripe.secret_key",
	} {
		if _, err := LoadUnconnected(write(t, "trivet.toml", wrong), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// TestSecretive: whether a file may be read by others depends on what stands in it.
func TestSecretive(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                   false,
		"database = \"sqlite:a.db\"":         false,
		"database = \"postgres://u:p@db/t\"": true,
		"api_keys = [\"one\"]":               true,
		"api_keys_file = " + quoted(write(t, "keys", "one")): false,
	} {
		if c := load(t, text, "TRIVET_API_KEY_0_NAME=shop", "TRIVET_API_KEY_0_KEY=two", "TRIVET_API_KEY_0_SCOPES=read"); c.Secretive != want {
			t.Errorf("%s: %t", text, c.Secretive)
		}
	}
}

func TestPath(t *testing.T) {
	for _, tt := range []struct {
		path, variable, want string
		named                bool
	}{
		{"a.toml", "b.toml", "a.toml", true}, {"", "b.toml", "b.toml", true}, {"", "", DefaultPath, false},
	} {
		if file, named := Path(tt.path, []string{"TRIVET_CONFIG=" + tt.variable}); file != tt.want || named != tt.named {
			t.Errorf("%+v: %s, %t", tt, file, named)
		}
	}
}

func quoted(path string) string { return `"` + filepath.ToSlash(path) + `"` }
