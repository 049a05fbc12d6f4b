package lemonsqueezy

import "encoding/json"

// kin are the records that came along with others, by what they belong to.
type kin struct {
	// items and subscriptions are by the order's number, first by the number of the
	// order that they are the first item of.
	items         map[number][]orderItem
	subscriptions map[number][]string
	first         map[number]orderItem
}

// kinOf decodes what an answer included. What cannot be read is left out; whoever
// needs it says so.
func kinOf(included []resource) *kin {
	if included == nil {
		return nil
	}
	k := &kin{items: map[number][]orderItem{}, subscriptions: map[number][]string{}, first: map[number]orderItem{}}
	for _, r := range included {
		switch r.Type {
		case typeOrderItem:
			var i orderItem
			if json.Unmarshal(r.Attributes, &i) == nil {
				k.items[i.OrderID] = append(k.items[i.OrderID], i)
			}
		case typeSubscription:
			k.addSubscription(r)
		case typeOrder:
			var o order
			if json.Unmarshal(r.Attributes, &o) == nil && o.FirstItem != nil {
				k.first[number(r.ID)] = *o.FirstItem
			}
		}
	}
	return k
}

func (k *kin) addSubscription(r resource) {
	var s struct {
		OrderID number `json:"order_id"`
	}
	if isNumber(r.ID) && json.Unmarshal(r.Attributes, &s) == nil {
		k.subscriptions[s.OrderID] = append(k.subscriptions[s.OrderID], r.ID)
	}
}
