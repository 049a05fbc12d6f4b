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
	return s.UTC().Format(layout), nil
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
