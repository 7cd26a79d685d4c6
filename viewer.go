package fresnel

import "context"

const (
	scopeKey ctxKey = iota + 100
	requestKey
)

// WithScope says what the viewer of a request may see.
func WithScope(ctx context.Context, s Scope) context.Context {
	return context.WithValue(ctx, scopeKey, s)
}

// ScopeFrom is what the viewer of a request may see; without WithScope, nothing.
func ScopeFrom(ctx context.Context) Scope {
	s, _ := ctx.Value(scopeKey).(Scope)
	return s
}

// WithRequestID names the request that a context belongs to.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey, id)
}

// RequestID names the request that ctx belongs to; "" outside a request.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey).(string)
	return id
}
