// Package provider is the seam to payment providers: what the service asks of
// them ([Driver] and a few small optional capabilities), and the values that
// pass through.
//
// A driver translates and never decides. It turns a webhook into the names of
// the objects it speaks of, and an object's name into a [Snapshot] of what the
// provider says now. Package apply works out what changed; nothing a driver
// returns is ever more than one account of the present.
//
// A configured section is an account of a provider; several accounts of one
// kind are normal. Objects are known by account, kind and the provider's own id
// ([Ref]).
//
// Package providertest checks everything promised here. Drivers live in the
// folders beside it and never see each other.
package provider
