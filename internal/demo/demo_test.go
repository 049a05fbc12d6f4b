package demo

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

func TestScratch(t *testing.T) {
	num := func(name string, def int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return def
	}
	from, to := num("FROM", 1), num("TO", 5)
	for seed := from; seed <= to; seed++ {
		began := time.Now()
		r, err := simulate(t.Context(), Options{Seed: uint64(seed), Days: num("DAYS", 16 + seed%15), Customers: num("CUSTOMERS", 25), Calm: os.Getenv("CALM") != ""}, func(w *world, d day) {
			if os.Getenv("V") != "" {
				fmt.Println(line(w, d))
			}
		})
		if err != nil {
			t.Error(seed, err)
		}
		mm := r.Mismatches
		r.Mismatches = nil
		doc, _ := json.Marshal(r)
		fmt.Println(time.Since(began).Round(time.Millisecond), string(doc))
		for i, m := range mm {
			if i < 15 {
				fmt.Println("   ", m)
			}
		}
	}
}
