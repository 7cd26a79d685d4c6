package fresnel

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what a caller can do about an error.
type Kind int

// The kinds of error. Internal is the kind of every error that names no other.
const (
	Internal    Kind = iota // a fault of ours: logged, shown as "internal error"
	NotFound                // there is no such thing within the caller's scope
	Invalid                 // the input is wrong and must be changed
	Denied                  // the caller, or our credential, may not do this
	Conflict                // the thing is already there or already under way
	Unavailable             // something outside does not answer now: try again
	Unsupported             // the other side will never give this (an Azure offer without cost data)
)

// String is the kind's name in logs and metrics.
func (k Kind) String() string {
	switch k {
	case NotFound:
		return "not-found"
	case Invalid:
		return "invalid"
	case Denied:
		return "denied"
	case Conflict:
		return "conflict"
	case Unavailable:
		return "unavailable"
	case Unsupported:
		return "unsupported"
	default:
		return "internal"
	}
}

// Error is an error with a kind and a message fit for people.
type Error struct {
	Kind Kind
	Msg  string        // what happened, to what
	Do   string        // what to do about it; may be empty
	Wait time.Duration // for Unavailable: when it may work again; 0 = not known
	Err  error         // the cause; never shown to viewers
}

// Error gives message, advice and cause in one line, for logs.
func (e *Error) Error() string {
	s := e.Msg
	if e.Do != "" {
		s += ": " + e.Do
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of a kind with a formatted message for people.
func Errorf(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...)}
}

// KindOf finds the kind of an error, Internal where none is named.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Reason is an error's message and advice for a viewer. The text of an
// Internal error is not for viewers and gives "internal error".
func Reason(err error) (msg, do string) {
	var e *Error
	if errors.As(err, &e) && e.Kind != Internal {
		return e.Msg, e.Do
	}
	return "internal error", "look for this run's id in the log"
}
