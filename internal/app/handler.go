package app

import (
	"net/http"
	"time"
)

func (a *App) newHandler(every time.Duration) (http.Handler, error) {
	return http.NotFoundHandler(), nil
}
