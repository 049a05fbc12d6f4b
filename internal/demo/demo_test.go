package demo

import (
	"encoding/json"
	"os"
	"testing"
)

func TestOne(t *testing.T) {
	r, err := simulate(t.Context(), Options{Seed: 1, Days: 30, Customers: 25}, func(w *world, d day) { t.Log(line(w, d)) })
	if err != nil {
		t.Fatal(err)
	}
	_ = json.NewEncoder(os.Stderr).Encode(r)
}
