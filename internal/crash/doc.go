// Package crash proves that the end of a process loses nothing and does nothing
// twice.
//
// It owns tests only. They build the real program with fail points (package
// fail), run it as child processes on SQLite and PostgreSQL against a simulated
// Stripe on a loopback listener, put it under load, and end it in every way that
// a process ends: kill -9 at each fail point and at random, SIGTERM, SIGSTOP past
// its leases, PostgreSQL killed under it. Then they let it settle and hold it
// against the simulator: every event that was acknowledged is stored, every
// object is as the provider has it, every effect happened once.
//
// What the service does while it lives is tested elsewhere.
package crash
