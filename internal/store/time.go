package store

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// layout has a fixed width, so that in SQLite the order of the text is the
// order of the times.
const layout = "2006-01-02T15:04:05.000000Z"

// stamp stores a time; the zero time is null.
type stamp struct{ time.Time }

// Value implements driver.Valuer.
func (s stamp) Value() (driver.Value, error) {
	if s.IsZero() {
		return nil, nil
	}
	return s.kept().Format(layout), nil
}

// kept is the time as it is stored: in UTC, to the microsecond, within the years
// that have four digits. Providers say "never" by a date far beyond them.
func (s stamp) kept() time.Time {
	first, last := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	switch {
	case s.Before(first):
		return first
	case s.After(last):
		return last
	}
	return s.UTC().Truncate(time.Microsecond)
}

// Scan implements sql.Scanner.
func (s *stamp) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		s.Time = time.Time{}
	case time.Time:
		s.Time = v.UTC()
	case string:
		t, err := time.Parse(layout, v)
		if err != nil {
			return fmt.Errorf("read a stored time: %w", err)
		}
		s.Time = t
	default:
		return fmt.Errorf("read a stored time from a %T", value)
	}
	return nil
}
