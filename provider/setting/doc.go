// Package setting judges what an operator configures for an account, before any
// call is made.
//
// Its errors go on a sentence that the driver begins with the key's name, as in
// "stripe: base_url is not a web address: …", and say what to do. None of them
// shows a value, which may be a secret.
package setting
