// Package contract holds tests that need heavy dependencies, kept out of the
// product's module: they check the simulators, and the requests of the drivers,
// against the providers' published schemas.
package contract
