package httpx

import (
	"net/url"
	"strings"
)

// isSecretParam reports whether a query parameter carries a credential.
func isSecretParam(name string) bool {
	switch strings.ToLower(name) {
	case "private_token", "job_token", "access_token", "refresh_token", "token", "password", "client_secret", "ticket":
		return true
	}
	return false
}

// redactQuery replaces the values of credentials in a raw query. The rest
// stays as the client wrote it.
func redactQuery(raw string) string {
	if !strings.ContainsAny(raw, "=") {
		return raw
	}
	pairs := strings.Split(raw, "&")
	for i, pair := range pairs {
		key, _, ok := strings.Cut(pair, "=")
		if !ok {
			continue
		}
		name, err := url.QueryUnescape(key)
		if err != nil {
			name = key
		}
		if isSecretParam(name) {
			pairs[i] = key + "=[FILTERED]"
		}
	}
	return strings.Join(pairs, "&")
}
