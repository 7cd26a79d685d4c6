package fresnel

import "context"

const scopeKey ctxKey = 100

// WithScope says what the viewer of a request may see.
func WithScope(ctx context.Context, s Scope) context.Context {
	return context.WithValue(ctx, scopeKey, s)
}

// ScopeFrom is what the viewer of a request may see; without WithScope, nothing.
func ScopeFrom(ctx context.Context) Scope {
	s, _ := ctx.Value(scopeKey).(Scope)
	return s
}
