package cli

import (
	"io"
	"log/slog"
)

// logFlags choose what the log looks like.
type logFlags struct {
	LogFormat string `help:"How log lines are written: text or json." enum:"text,json" default:"text"`
	LogLevel  string `help:"From which level on: debug, info, warn or error." enum:"debug,info,warn,error" default:"info"`
}

func (f logFlags) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(f.LogLevel)) // kong admits only levels
	options := &slog.HandlerOptions{Level: level}
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
