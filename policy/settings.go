package policy

import (
	"fmt"
	"reflect"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/trivetdev/trivet/billing"
)

// Decode reads the settings of a [policy.NAME] section into a struct whose fields
// are tagged with the keys, as in `setting:"grace"`. What the section does not
// name keeps the value that the struct has; a key that the struct does not have is
// an error. Durations are written like "7d".
func Decode(settings map[string]any, into any) error {
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		TagName: "setting", Result: into, ErrorUnused: true, WeaklyTypedInput: true, // the environment knows texts only
		DecodeHook: mapstructure.ComposeDecodeHookFunc(durations, mapstructure.StringToSliceHookFunc(",")),
	})
	if err != nil {
		return err
	}
	if err := decoder.Decode(settings); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

// durations reads "7d" where a setting is a [time.Duration]. A bare number is
// refused: nobody can tell its unit.
func durations(from, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() {
		return value, nil
	}
	text, ok := value.(string)
	if !ok {
		return nil, fmt.Errorf("%v (a %s) is no duration: write it in quotes, as in %q", value, from.Kind(), "7d")
	}
	return billing.ParseDuration(text)
}
