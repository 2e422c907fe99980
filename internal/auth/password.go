package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Argon2id parameters, OWASP's second choice: 19 MiB, two passes, one lane;
// about 40 ms of one core.
const (
	argonTime   = 2
	argonMemory = 19 * 1024 // KiB
	argonKey    = 32        // bytes
	argonSalt   = 16        // bytes
)

// hashing bounds the parallel password hashes, so that a flood of sign-ins
// costs at most 2 × 19 MiB and two cores.
var hashing = make(chan struct{}, 2)

// HashPassword gives the stored form of a password. Passwords have 8 to 128
// characters; others are fault.Invalid.
func HashPassword(ctx context.Context, password string) (string, error) {
	if n := len([]rune(password)); n < 8 || n > 128 {
		return "", fault.Invalidf("password", "is too short or too long (8 to 128 characters)")
	}
	salt := make([]byte, argonSalt)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("auth: random salt: %w", err)
	}
	key, err := derive(ctx, password, salt)
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, argonMemory, argonTime, enc(salt), enc(key)), nil
}

// CheckPassword reports whether password matches a stored form. It takes the
// same time for a wrong password as for a user without one.
func CheckPassword(ctx context.Context, stored, password string) (bool, error) {
	parts := strings.Split(stored, "$")
	var salt, want []byte
	if len(parts) == 6 {
		salt, _ = base64.RawStdEncoding.DecodeString(parts[4])
		want, _ = base64.RawStdEncoding.DecodeString(parts[5])
	}
	if len(salt) == 0 {
		salt = make([]byte, argonSalt)
	}
	got, err := derive(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return len(want) == argonKey && subtle.ConstantTimeCompare(got, want) == 1, nil
}

func derive(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
		defer func() { <-hashing }()
	case <-ctx.Done():
		return nil, fmt.Errorf("auth: waiting to check a password: %w", ctx.Err())
	}
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, 1, argonKey), nil
}
