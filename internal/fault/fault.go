// Package fault is the one error vocabulary of Vitrine.
//
// An error that a caller can act on is a [*Error] with a [Kind]; every other
// error is Internal and its text stays in the log. Kinds carry no HTTP status:
// each dialect translates (Kind, Noun) in one table of its own.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure happened. The list may only grow at its end.
type Kind uint8

// The kinds, from the caller's point of view.
const (
	Internal        Kind = iota // our mistake; text is hidden
	Invalid                     // the request breaks a rule that the caller can read
	Unauthenticated             // who are you?
	Forbidden                   // known, but not allowed
	NotFound                    // absent, or hidden from this caller
	Conflict                    // clashes with what is stored
	TooLarge                    // over a size limit
	Busy                        // try again later
	Unsupported                 // not offered here
	Full                        // the server has no room left
	Moved                       // it is at another address, which Name tells
)

var kindNames = [...]string{"internal", "invalid", "unauthenticated", "forbidden",
	"not found", "conflict", "too large", "busy", "unsupported", "full", "moved"}

// String names the kind for logs.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "internal"
}

// Error is a failure with a kind. Msg is written for the person who called;
// Err is the cause and never leaves the process.
type Error struct {
	Kind  Kind
	Noun  string // what it is about: "project", "model", "token", …
	Name  string // which one, if known
	Field string // the input field at fault, for Invalid and Conflict
	Msg   string // for people; says what to do where that is known
	Err   error  // cause, for the log only
}

// Error gives the log's view, cause included.
func (e *Error) Error() string {
	s := e.Kind.String()
	if e.Noun != "" {
		s = e.Noun + " " + s
	}
	if e.Name != "" {
		s += fmt.Sprintf(" %q", e.Name)
	}
	if e.Field != "" {
		s += " (" + e.Field + ")"
	}
	if e.Msg != "" {
		s += ": " + e.Msg
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Invalidf reports that field breaks a rule; the message completes the
// sentence "<field> …", as in "is too long (maximum is 255 characters)".
func Invalidf(field, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Field: field, Msg: fmt.Sprintf(format, args...)}
}

// Conflictf reports that field clashes with stored data; the message completes
// the sentence "<field> …".
func Conflictf(noun, field, format string, args ...any) *Error {
	return &Error{Kind: Conflict, Noun: noun, Field: field, Msg: fmt.Sprintf(format, args...)}
}

// Oversize reports that a thing is over a limit; the message completes the
// sentence "<noun> …".
func Oversize(noun, format string, args ...any) *Error {
	return &Error{Kind: TooLarge, Noun: noun, Msg: fmt.Sprintf(format, args...)}
}

// Missing reports that a thing is absent or hidden from the caller.
func Missing(noun, name string) *Error {
	return &Error{Kind: NotFound, Noun: noun, Name: name}
}

// Denied reports that the caller is known and may not do this.
func Denied(noun, format string, args ...any) *Error {
	return &Error{Kind: Forbidden, Noun: noun, Msg: fmt.Sprintf(format, args...)}
}

// SignIn reports that the caller must say who they are; noun tells the reason:
// "" (no credential), "token" (unknown), "expired" or "revoked".
func SignIn(noun string) *Error { return &Error{Kind: Unauthenticated, Noun: noun} }

// As gives the innermost-wrapped *Error of err, if there is one.
func As(err error) (*Error, bool) { return errors.AsType[*Error](err) }

// KindOf gives the kind of err; errors without one are Internal.
func KindOf(err error) Kind {
	if e, ok := As(err); ok {
		return e.Kind
	}
	return Internal
}

// Is reports whether err has kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }
