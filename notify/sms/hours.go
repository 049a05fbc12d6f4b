package sms

import (
	"strings"
	"time"
	_ "time/tzdata" // customers' zones, on machines that have none
)

// The hours between which messages go out, in the customer's time.
const (
	quietUntil = 8
	quietFrom  = 20
)

// spans are the westernmost and the easternmost zone in which the numbers of a
// calling code ring, for customers whose zone nobody told: a message goes out when it
// is day in both. Codes that are not here count as UTC.
var spans = map[string][2]string{
	"1":  {"Pacific/Honolulu", "America/St_Johns"},
	"20": {"Africa/Cairo"}, "27": {"Africa/Johannesburg"}, "30": {"Europe/Athens"}, "31": {"Europe/Amsterdam"}, "32": {"Europe/Brussels"},
	"33": {"Europe/Paris"}, "34": {"Atlantic/Canary", "Europe/Madrid"}, "351": {"Atlantic/Azores", "Europe/Lisbon"}, "353": {"Europe/Dublin"},
	"358": {"Europe/Helsinki"}, "36": {"Europe/Budapest"}, "39": {"Europe/Rome"}, "40": {"Europe/Bucharest"}, "41": {"Europe/Zurich"},
	"420": {"Europe/Prague"}, "43": {"Europe/Vienna"}, "44": {"Europe/London"}, "45": {"Europe/Copenhagen"}, "46": {"Europe/Stockholm"},
	"47": {"Europe/Oslo"}, "48": {"Europe/Warsaw"}, "49": {"Europe/Berlin"},
	"51": {"America/Lima"}, "52": {"America/Tijuana", "America/Cancun"}, "54": {"America/Argentina/Buenos_Aires"},
	"55": {"America/Rio_Branco", "America/Noronha"}, "56": {"Pacific/Easter", "America/Punta_Arenas"}, "57": {"America/Bogota"},
	"60": {"Asia/Kuala_Lumpur"}, "61": {"Australia/Perth", "Australia/Sydney"}, "62": {"Asia/Jakarta", "Asia/Jayapura"}, "63": {"Asia/Manila"},
	"64": {"Pacific/Auckland"}, "65": {"Asia/Singapore"}, "66": {"Asia/Bangkok"},
	"7":  {"Europe/Kaliningrad", "Asia/Kamchatka"},
	"81": {"Asia/Tokyo"}, "82": {"Asia/Seoul"}, "84": {"Asia/Ho_Chi_Minh"}, "852": {"Asia/Hong_Kong"}, "86": {"Asia/Shanghai"}, "886": {"Asia/Taipei"},
	"90": {"Europe/Istanbul"}, "91": {"Asia/Kolkata"}, "92": {"Asia/Karachi"}, "971": {"Asia/Dubai"}, "972": {"Asia/Jerusalem"},
	"234": {"Africa/Lagos"}, "254": {"Africa/Nairobi"},
}

// places are where a customer may be, by the zone that was told or else by the number.
func places(zone, number string) []*time.Location {
	if told, err := time.LoadLocation(zone); zone != "" && zone != "Local" && err == nil {
		return []*time.Location{told}
	}
	const longest = 3 // no calling code has more digits
	digits := strings.TrimPrefix(number, "+")
	var all []*time.Location
	for n := min(longest, len(digits)); n > 0 && all == nil; n-- {
		for _, name := range spans[digits[:n]] {
			if place, err := time.LoadLocation(name); name != "" && err == nil {
				all = append(all, place)
			}
		}
	}
	if all == nil {
		return []*time.Location{time.UTC}
	}
	return all
}

// quiet returns how long it stays too early or too late in one of the places; zero: it
// is day in all of them. No two that are together here are more than ten hours apart,
// so that there is such a time.
func quiet(now time.Time, places []*time.Location) time.Duration {
	at := now
	for again := true; again; {
		again = false
		for _, place := range places {
			if wait := night(at, place); wait > 0 {
				at, again = at.Add(wait), true
			}
		}
	}
	return at.Sub(now)
}

// night returns how long it stays too early or too late in a place; zero: it is day.
func night(now time.Time, place *time.Location) time.Duration {
	here := now.In(place)
	begin := time.Date(here.Year(), here.Month(), here.Day(), quietUntil, 0, 0, 0, place)
	switch {
	case here.Hour() < quietUntil:
		return begin.Sub(here)
	case here.Hour() >= quietFrom:
		return begin.AddDate(0, 0, 1).Sub(here)
	}
	return 0
}
